# SPDX-License-Identifier: Apache-2.0
"""Joins what belongs to one observation into one step of the replay stream."""

from dataclasses import dataclass, field

import numpy as np

from robot_rl.types import Action, FloatArray, Observation, Reward, Step

#: Steps that wait for a silent reward; beyond that the oldest is lost.
MOST_HELD = 1000

#: Column of each axis in a tool velocity.
AXES = {'x': 0, 'y': 1, 'z': 2}


@dataclass(frozen=True)
class AssemblerConfig:
    """What a step is made of.

    Attributes:
        axes: axes of the action; what safety changes along those of `AXES` is known.
        scale: displacement per action period at |a| = 1, m or rad, one per axis.
        control_periods: control periods in one action period.
        control_period_ns: duration of one.
    """

    axes: tuple[str, ...]
    scale: tuple[float, ...]
    control_periods: int
    control_period_ns: int


@dataclass(slots=True)
class _Safety:
    stamp_ns: int
    tool_delta_xyz: FloatArray
    acted: bool


@dataclass
class StepAssembler:
    """Takes messages in any order and gives steps in order, numbered by their observations.

    A step is complete when its reward is here and either the episode ends in it, or its
    action and the safety reports of all its control periods are here. Steps are held back while
    rewards are silent. A step whose parts never come is counted in `lost` and leaves a gap in the
    sequence, which makes no transition. An episode that stops without an end is truncated in its
    last step.
    """

    config: AssemblerConfig
    lost: int = 0
    _observations: list[Observation] = field(default_factory=list)
    _rewards: dict[int, Reward] = field(default_factory=dict)
    _actions: dict[int, Action] = field(default_factory=dict)
    _safety: list[_Safety] = field(default_factory=list)

    def add_observation(self, observation: Observation) -> list[Step]:
        """Takes an observation; the steps that are complete now."""
        if not self._observations or observation.stamp_ns > self._observations[-1].stamp_ns:
            self._observations.append(observation)
        return self._complete()

    def add_reward(self, reward: Reward) -> list[Step]:
        """Takes a reward; the steps that are complete now."""
        self._rewards[reward.stamp_ns] = reward
        return self._complete()

    def add_action(self, action: Action) -> list[Step]:
        """Takes the action that was handed to the controller; the steps complete now."""
        self._actions[action.stamp_ns] = action
        return self._complete()

    def add_safety(self, stamp_ns: int, tool_delta_xyz: FloatArray, acted: bool) -> list[Step]:
        """Takes a safety report; the steps that are complete now.

        Args:
            stamp_ns: stamp of the command.
            tool_delta_xyz: tool velocity executed less requested, m/s, base frame, shape [3].
            acted: whether safety changed the command.
        """
        self._safety.append(_Safety(stamp_ns, tool_delta_xyz, acted))
        return self._complete()

    def _complete(self) -> list[Step]:
        steps = []
        while self._observations:
            observation, following = self._observations[0], self._observations[1:]
            cut = bool(following) and _belongs_to(following[0]) != _belongs_to(observation)
            if self._ready(observation, cut):
                steps.append(self._step(observation, cut))
            elif cut or self._passed_over(observation, following):
                self.lost += 1
            else:
                break
            del self._observations[0]
            self._forget_before(observation.stamp_ns + 1, self._end_ns(observation.stamp_ns))
        return steps

    def _ready(self, observation: Observation, cut: bool) -> bool:
        """Whether all parts of the step are here; a last step needs its reward alone."""
        reward = self._rewards.get(observation.stamp_ns)
        if reward is None:
            return False
        if reward.terminated or observation.truncated or cut:
            return True
        return observation.stamp_ns in self._actions and self._reported(observation.stamp_ns)

    def _passed_over(self, observation: Observation, following: list[Observation]) -> bool:
        """Whether so much of what comes later is here that the missing parts never come."""
        if not self._rewards:
            return len(following) >= MOST_HELD
        return len(following) >= 2

    def _reported(self, stamp_ns: int) -> bool:
        last_period_ns = self._end_ns(stamp_ns) - self.config.control_period_ns
        return bool(self._safety) and self._safety[-1].stamp_ns >= last_period_ns

    def _end_ns(self, stamp_ns: int) -> int:
        """Reports from half a control period before the next action on are not this step's."""
        periods, period_ns = self.config.control_periods, self.config.control_period_ns
        return stamp_ns + periods * period_ns - period_ns // 2

    def _step(self, observation: Observation, cut: bool) -> Step:
        reward = self._rewards[observation.stamp_ns]
        nothing = np.zeros(len(self.config.axes))
        action = self._actions.get(observation.stamp_ns)
        last = reward.terminated or observation.truncated or cut
        if action is None or last:
            action = Action(observation.stamp_ns, nothing, policy=np.full_like(nothing, np.nan))
        end_ns = self._end_ns(observation.stamp_ns)
        reports = [s for s in self._safety if observation.stamp_ns <= s.stamp_ns < end_ns]
        return Step(
            sequence=observation.sequence,
            observation=observation,
            policy=action.values if action.policy is None else action.policy,
            requested=action.values,
            executed=nothing if last else self._executed(action.values, reports),
            source=action.source,
            version=action.version,
            reward=reward.value,
            success=reward.success,
            terminated=reward.terminated,
            truncated=(observation.truncated or cut) and not reward.terminated,
            interventions=sum(s.acted for s in reports),
        )

    def _executed(self, requested: FloatArray, reports: list[_Safety]) -> FloatArray:
        """The action whose effect safety let through: requested + mean(dv) * period / scale."""
        total_xyz = sum([s.tool_delta_xyz for s in reports], np.zeros(3))
        if not total_xyz.any():
            return requested
        delta_xyz = (total_xyz / len(reports)).tolist()
        period_s = self.config.control_periods * self.config.control_period_ns * 1e-9
        change = np.array([delta_xyz[AXES[a]] if a in AXES else 0.0 for a in self.config.axes])
        change *= period_s / np.asarray(self.config.scale)
        return np.asarray(np.minimum(np.maximum(requested + change, -1.0), 1.0))

    def _forget_before(self, stamp_ns: int, end_ns: int) -> None:
        self._rewards = {k: v for k, v in self._rewards.items() if k >= stamp_ns}
        self._actions = {k: v for k, v in self._actions.items() if k >= stamp_ns}
        self._safety = [s for s in self._safety if s.stamp_ns >= end_ns]


def _belongs_to(observation: Observation) -> tuple[str, int]:
    """An episode; one that starts after its collector was killed may have the same number."""
    return observation.collector, observation.episode
