# SPDX-License-Identifier: Apache-2.0
"""Where the tool is and how it moves with the joints, from the URDF alone.

MuJoCo does the arithmetic; there is no dynamics, no time and no randomness in it.
"""

import mujoco
import numpy as np

from robot_rl.control import urdf
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.types import FloatArray


class ToolState:
    """Pose and Jacobian of the tool frame in the base frame.

    Attributes:
        position_xyz: m, shape [3].
        rotation: columns are the tool's axes in the base frame, shape [3, 3].
        jacobian: tool velocity per joint velocity, rows v_xyz (m/s) then w_xyz (rad/s), [6, J].
    """

    __slots__ = ('jacobian', 'position_xyz', 'rotation')

    def __init__(
        self, position_xyz: FloatArray, rotation: FloatArray, jacobian: FloatArray
    ) -> None:
        """Takes the arrays as they are."""
        self.position_xyz = position_xyz
        self.rotation = rotation
        self.jacobian = jacobian


def arm_spec(robot: RobotConfig, visuals: bool = False, followers: bool = False) -> mujoco.MjSpec:
    """The robot as an `MjSpec` in which only its own joints are left.

    Every other joint is frozen at its held position, so that joint arrays are [J] everywhere.

    Args:
        robot: which URDF, joints and held positions.
        visuals: whether shapes that are only seen are kept beside those that collide.
        followers: whether fingers that follow the leading one keep their joints.
    """
    kept = set(robot.joints)
    if followers and robot.gripper and robot.gripping:
        kept |= set(robot.gripper.followers)
    options = f'<compiler fusestatic="false" discardvisual="{str(not visuals).lower()}"/>'
    text = urdf.expand(robot.urdf).replace('</robot>', f'<mujoco>{options}</mujoco></robot>')
    spec = mujoco.MjSpec.from_string(text)
    for joint in list(spec.joints):
        if joint.name not in kept:
            _freeze(spec, joint, robot.held.get(joint.name, 0.0))
    return spec


def _freeze(spec: mujoco.MjSpec, joint: mujoco.MjsJoint, position: float) -> None:
    body = joint.parent
    turn = np.zeros(4)
    shift = np.zeros(3)
    if joint.type == mujoco.mjtJoint.mjJNT_SLIDE:
        mujoco.mju_rotVecQuat(shift, joint.axis * position, body.quat)
        body.pos = body.pos + shift
    else:
        mujoco.mju_axisAngle2Quat(turn, joint.axis, position)
        quat = np.zeros(4)
        mujoco.mju_mulQuat(quat, body.quat, turn)
        body.quat = quat
    spec.delete(joint)


class Kinematics:
    """Forward kinematics and Jacobian of one arm; several may live side by side.

    Attributes:
        position_limits: rad or m, shape [J, 2]; infinite where the URDF has none.
        velocity_limits: rad/s or m/s, shape [J].
        effort_limits: N m or N, shape [J].
        gripping: whether the last joint is the gripper's, which does not move the tool.
    """

    def __init__(self, robot: RobotConfig) -> None:
        """Compiles the arm.

        Raises:
            InputError: the URDF lacks a joint or frame of the robot's configuration.
        """
        self._model = arm_spec(robot).compile()
        self._data = mujoco.MjData(self._model)
        known = urdf.joints(robot.urdf)
        for name in robot.joints:
            if name not in known:
                raise InputError(f'robot {robot.name}: URDF has no joint {name!r}')
        self._tool = self._model.body(robot.tool_frame).id
        # Views, which follow the data: making one anew costs as much as the arithmetic.
        self._qpos = self._data.qpos
        self._tool_xyz = self._data.xpos[self._tool]
        self._tool_axes = self._data.xmat[self._tool].reshape(3, 3)
        self._base = self._model.body(robot.base_frame).id
        # The order of the configuration is the caller's; MuJoCo's is that of the tree.
        columns = np.array([self._model.joint(n).dofadr[0] for n in robot.joints])
        self._in_order = bool((columns == np.arange(len(columns))).all())
        self._columns = slice(None) if self._in_order else columns
        self._based = self._base_is_world()
        self._last = b'', ToolState(np.zeros(3), np.eye(3), np.zeros((6, 0)))
        limits = [known[name] for name in robot.joints]
        self.gripping = robot.gripping
        self.position_limits = np.array([[j.lower, j.upper] for j in limits])
        self.velocity_limits = np.array([j.velocity for j in limits])
        self.effort_limits = np.array([j.effort for j in limits])

    def evaluate(self, position: FloatArray) -> ToolState:
        """Pose and Jacobian of the tool at joint positions [J]; not to be changed.

        Controller, safety and observation ask for the same positions one after the other, so the
        last answer is kept.
        """
        key = position.tobytes()
        if key != self._last[0]:
            self._last = key, self._evaluate(position)
        return self._last[1]

    def _evaluate(self, position: FloatArray) -> ToolState:
        model, data = self._model, self._data
        self._qpos[self._columns] = position
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        jacobian = np.empty((6, len(position)))
        tool_xyz = self._tool_xyz.copy()
        mujoco.mj_jac(model, data, jacobian[:3], jacobian[3:], tool_xyz, self._tool)
        if not self._in_order:
            jacobian = np.ascontiguousarray(jacobian[:, self._columns])
        rotation = self._tool_axes.copy()
        if self._based:
            return ToolState(tool_xyz, rotation, jacobian)
        return self._in_base(tool_xyz, rotation, jacobian)

    def _base_is_world(self) -> bool:
        mujoco.mj_kinematics(self._model, self._data)
        position, quat = self._data.xpos[self._base], self._data.xquat[self._base]
        fixed = self._model.body_weldid[self._base] == 0
        return bool(fixed and not position.any() and (quat == (1.0, 0.0, 0.0, 0.0)).all())

    def _in_base(
        self, tool_xyz: FloatArray, rotation: FloatArray, jacobian: FloatArray
    ) -> ToolState:
        """The same in a base frame that is not the URDF's root but fixed to it."""
        turn = self._data.xmat[self._base].reshape(3, 3).T
        position_xyz = turn @ (tool_xyz - self._data.xpos[self._base])
        return ToolState(
            position_xyz, turn @ rotation, np.vstack((turn @ jacobian[:3], turn @ jacobian[3:]))
        )


def rotation_from_rpy(rpy: FloatArray) -> FloatArray:
    """Rz(yaw) Ry(pitch) Rx(roll), the URDF's convention (REP-103), shape [3, 3]."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def rotation_vector(rotation: FloatArray) -> FloatArray:
    """Axis times angle of a rotation matrix [3, 3], angle in [0, pi] rad, shape [3]."""
    quat, vector = np.empty(4), np.empty(3)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(rotation).ravel())
    mujoco.mju_quat2Vel(vector, quat, 1.0)
    return vector


def inverse(
    kinematics: Kinematics, start: FloatArray, goal_xyz: FloatArray, goal_rotation: FloatArray
) -> FloatArray:
    """Joint positions [J] that put the tool at a pose, found by damped Newton steps.

    Args:
        kinematics: the arm.
        start: joint positions to begin from, shape [J].
        goal_xyz: m, base frame, shape [3].
        goal_rotation: tool axes in the base frame, shape [3, 3].

    Raises:
        InputError: no solution within 1e-9 m and rad inside the joint limits.
    """
    position = np.array(start, dtype=np.float64)
    lower, upper = kinematics.position_limits.T
    for _ in range(200):
        tool = kinematics.evaluate(position)
        turn = rotation_vector(goal_rotation @ tool.rotation.T)
        error = np.concatenate((goal_xyz - tool.position_xyz, turn))
        size = float(np.linalg.norm(error))
        if size < 1e-9:
            return position
        step = least_squares(tool.jacobian, error, 1e-2 * min(1.0, 10 * size))
        share = min(1.0, 0.5 / float(np.abs(step).max()))
        position = np.clip(position + step * share, lower, upper)
    raise InputError(f'no joint positions put the tool at {np.round(goal_xyz, 4).tolist()} m')


def least_squares(jacobian: FloatArray, twist: FloatArray, damping: float) -> FloatArray:
    """J^T (J J^T + damping^2 I)^-1 twist: joint motion [J] for a tool motion [6]."""
    square = jacobian @ jacobian.T
    square.flat[:: len(square) + 1] += damping * damping
    return np.asarray(jacobian.T @ np.linalg.solve(square, twist))
