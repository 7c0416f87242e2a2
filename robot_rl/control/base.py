# SPDX-License-Identifier: Apache-2.0
"""The hand-written controllers pi_H that a policy corrects (Nair 2022, section 6.4.3)."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from robot_rl.types import FloatArray

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class BaseConfig:
    """Which base controller, and the parameters of that kind.

    Attributes:
        kind: a name in `BASES`.
        gain: p_controller: k_p per axis, displacement per action period and metre of error.
        stiffness: impedance: N/m per axis.
        damping: impedance: N s/m per axis.
        force_limit: impedance: N, most that the spring pulls with.
    """

    kind: Literal['none', 'p_controller', 'impedance']
    gain: Vector | None = None
    stiffness: Vector | None = None
    damping: Vector | None = None
    force_limit: float | None = None

    def __post_init__(self) -> None:
        """Refuses missing and meaningless parameters, and those of another kind."""
        needed = {
            'none': (),
            'p_controller': ('gain',),
            'impedance': ('stiffness', 'damping', 'force_limit'),
        }[self.kind]
        for name in ('gain', 'stiffness', 'damping', 'force_limit'):
            value = getattr(self, name)
            if (value is not None) != (name in needed):
                verb = 'needs' if name in needed else 'does not take'
                raise ValueError(f'base: kind {self.kind} {verb} {name}')
        if not all(g >= 0 for g in (*(self.gain or ()), *(self.stiffness or ()))):
            raise ValueError('base: gain and stiffness must not be negative')
        limit = 1.0 if self.force_limit is None else self.force_limit
        if not all(d > 0 for d in (*(self.damping or ()), limit)):
            raise ValueError('base: damping and force_limit must be above 0')


class Base(Protocol):
    """A controller in Cartesian space."""

    def displacement(
        self, tool_xyz: FloatArray, goal_xyz: FloatArray, force_xyz: FloatArray
    ) -> FloatArray:
        """How far the tool shall move in one action period.

        Args:
            tool_xyz: x_t, m, base frame, shape [3].
            goal_xyz: x*, the believed goal, m, base frame, shape [3].
            force_xyz: force of the surroundings on the tool, N, base frame, shape [3].

        Returns:
            m, base frame, shape [3].
        """
        ...


class NoBase:
    """pi_H = 0: the policy alone moves the arm."""

    def __init__(self, config: BaseConfig, period_s: float) -> None:
        """Needs nothing."""

    def displacement(
        self, tool_xyz: FloatArray, goal_xyz: FloatArray, force_xyz: FloatArray
    ) -> FloatArray:
        """Zero."""
        return np.zeros(3)


class PController:
    """pi_H = -k_p (x_t - x*) (Nair 2022, eq. 29)."""

    def __init__(self, config: BaseConfig, period_s: float) -> None:
        """Takes k_p."""
        self._gain = np.array(config.gain)

    def displacement(
        self, tool_xyz: FloatArray, goal_xyz: FloatArray, force_xyz: FloatArray
    ) -> FloatArray:
        """The share k_p of the way to the goal."""
        return -self._gain * (tool_xyz - goal_xyz)


class Impedance:
    """A spring to the goal with bounded pull, in a viscous medium.

    The tool moves as a massless point that a spring K pulls, a damper D brakes and the
    surroundings push with the measured force f:

        D v = bound(K (x* - x)) + f,    u = v T,

    with bound(F) = F min(1, F_max / |F|) and the action period T. In free space it is a
    first-order approach with time constant D / K; against an obstacle it comes to rest where
    the contact force equals the bounded pull of the spring.
    """

    def __init__(self, config: BaseConfig, period_s: float) -> None:
        """Takes K, D, F_max and T."""
        self._stiffness = np.array(config.stiffness)
        self._mobility = period_s / np.array(config.damping)
        self._limit = float(config.force_limit or 0.0)

    def displacement(
        self, tool_xyz: FloatArray, goal_xyz: FloatArray, force_xyz: FloatArray
    ) -> FloatArray:
        """v T from the balance of forces."""
        pull = self._stiffness * (goal_xyz - tool_xyz)
        pull *= min(1.0, self._limit / max(float(np.linalg.norm(pull)), 1e-12))
        return self._mobility * (pull + force_xyz)


BASES: dict[str, type[NoBase] | type[PController] | type[Impedance]] = {
    'none': NoBase,
    'p_controller': PController,
    'impedance': Impedance,
}
