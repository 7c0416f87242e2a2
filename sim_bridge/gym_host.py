# SPDX-License-Identifier: Apache-2.0
"""Any Gymnasium environment, played action by action like the direct host.

Other people's tasks for our agents: what comes out are the steps that the graph's replay topic
carries, so the same learner takes them.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.types import Action, DataSpec, Entries, EntrySpec, Observation, Reward, Step

PERIOD_NS = 1_000_000  # environments have no clock; stamps only have to rise


class GymHost:
    """One environment with a box or a dict of boxes as observation and a box of actions.

    Attributes:
        spec: what the observations and the action look like.
        observation: present state.
        reward: received on arrival in it.
        over: whether the episode has ended.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], seed: int, collector: str = 'gym') -> None:
        """Reads the spaces; `reset` opens the first episode.

        Args:
            env: closed by its owner.
            seed: start state of episode n follows from (seed, n) alone.
            collector: identity written into every observation.

        Raises:
            InputError: a space that is not made of bounded boxes.
        """
        self._env, self._seed, self._collector = env, seed, collector
        self.spec = spec_of(env)
        box = env.action_space
        assert isinstance(box, spaces.Box)
        self._middle, self._half = (box.high + box.low) / 2, (box.high - box.low) / 2
        self._episode, self._sequence = -1, 0
        self._steps: list[Step] = []
        self.over = True

    def reset(self) -> Observation:
        """Opens the next episode; its first observation."""
        self._episode += 1
        self.over = False
        sequence = np.random.SeedSequence([self._seed, self._episode])
        found, _ = self._env.reset(seed=int(sequence.generate_state(1)[0]))
        self._arrive(found, 0, truncated=False)
        self.reward = Reward(self.observation.stamp_ns, 0.0, False, False, 'environment')
        return self.observation

    def act(self, action: Action) -> Observation:
        """Plays one action; the observation that it leads to.

        Raises:
            InputError: after the end of the episode.
        """
        if self.over:
            raise InputError('the episode is over; reset before the next action')
        self._record(action)
        found, value, terminated, truncated, info = self._env.step(
            (self._middle + self._half * action.values).astype(np.float32)
        )
        self._arrive(found, self.observation.step + 1, bool(truncated))
        success = bool(info.get('is_success', info.get('success', False)))
        stamp_ns = self.observation.stamp_ns
        self.reward = Reward(stamp_ns, float(value), success, bool(terminated), 'environment')
        self.over = bool(terminated or truncated)
        if self.over:
            self._record(Action(stamp_ns, np.zeros(self.spec.action_size), 'script'))
        return self.observation

    def take_steps(self) -> list[Step]:
        """The replay steps that became complete since the last call."""
        steps, self._steps = self._steps, []
        return steps

    def _arrive(self, found: Any, step: int, truncated: bool) -> None:
        stamp_ns = (self._sequence + 1) * PERIOD_NS
        entries = _entries(found, self.spec)
        self.observation = Observation(
            stamp_ns, self._collector, self._episode, step, entries, truncated, self._sequence
        )

    def _record(self, action: Action) -> None:
        """The step of the present state, complete with what is done in it."""
        self._steps.append(
            Step(
                sequence=self._sequence,
                observation=self.observation,
                policy=action.values,
                requested=action.values,
                executed=action.values,
                source=action.source,
                version=action.version,
                reward=self.reward.value,
                success=self.reward.success,
                terminated=self.reward.terminated,
                truncated=self.observation.truncated and not self.reward.terminated,
            )
        )
        self._sequence += 1


def spec_of(env: gymnasium.Env[Any, Any]) -> DataSpec:
    """What an environment's observations and actions look like to an agent.

    Raises:
        InputError: a space that is not a box, or unbounded actions.
    """
    box, seen = env.action_space, env.observation_space
    if not (isinstance(box, spaces.Box) and np.isfinite([box.low, box.high]).all()):
        raise InputError(f'action space: expected a bounded box, got {box}')
    parts = seen.spaces if isinstance(seen, spaces.Dict) else {'observation': seen}
    for name, part in parts.items():
        if not isinstance(part, spaces.Box):
            raise InputError(f'observation {name!r}: expected a box, got {part}')
    specs = {
        name: EntrySpec(part.shape or (), 'uint8' if part.dtype == np.uint8 else 'float32')
        for name, part in parts.items()
    }
    return DataSpec(specs, int(np.prod(box.shape)))


def _entries(found: Any, spec: DataSpec) -> Entries:
    parts: dict[str, NDArray[np.generic]] = (
        found if isinstance(found, dict) else {'observation': found}
    )
    return {name: np.asarray(parts[name], entry.dtype) for name, entry in spec.entries.items()}
