# SPDX-License-Identifier: Apache-2.0
"""How near an arm is to a singularity: the condition number of its Jacobian."""

import math

import mujoco
import numpy as np

from robot_rl.types import FloatArray

#: Beyond which condition numbers are not told apart.
MOST = 1e6
#: Rows of a Jacobian, and the identity of that size in one row.
TWIST = 6
DIAGONAL = np.eye(TWIST).ravel()
#: Below which a diagonal element of a Cholesky factor counts as none.
MINIMAL = 1e-9


def condition(jacobian: FloatArray, gripping: bool = False) -> float:
    """Largest over smallest singular value of a Jacobian [6, J], at most `MOST`.

    Rows in m and in rad count alike, as in MoveIt Servo. A gripper's joint, whose column is zero,
    does not count; with fewer than six joints it is the number of what they can do.
    """
    arm = jacobian[:, :-1] if gripping else jacobian
    square = arm @ arm.T if arm.shape[1] >= len(arm) else arm.T @ arm
    found = np.linalg.eigvalsh(square).tolist()
    least, most = found[0], found[-1]
    return MOST if not least > most / MOST**2 else math.sqrt(most / least)


def well_conditioned(jacobian: FloatArray, gripping: bool, limit: float) -> bool:
    """Whether the condition number is surely below a limit; cheaper than the number by far.

    The largest eigenvalue of J J^T is at most its Frobenius norm; all are above a share of that
    where the matrix less the share on its diagonal has a Cholesky factor.
    """
    if jacobian.shape[1] - gripping < TWIST:
        return condition(jacobian, gripping) < limit
    flat = np.empty(TWIST * TWIST)
    square = flat.reshape(TWIST, TWIST)
    mujoco.mju_mulMatMatT(square, jacobian, jacobian)
    mujoco.mju_addToScl(flat, DIAGONAL, -mujoco.mju_norm(flat) / limit**2)
    return int(mujoco.mju_cholFactor(square, MINIMAL)) == TWIST
