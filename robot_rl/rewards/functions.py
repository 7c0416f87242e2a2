# SPDX-License-Identifier: Apache-2.0
"""Rewards: pure functions on arrays, shared by the reward node and by relabelling.

To add one: a pure function, a maker that binds it to a configuration, a line in `REWARDS`
with the name that `RewardConfig.kind` allows.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_rl.errors import InputError
from robot_rl.rewards.config import DenseConfig, GoalImageConfig, RewardConfig
from robot_rl.rewards.goal import GoalRewardConfig, goal_reward
from robot_rl.rewards.goal_picture import load_goal_image
from robot_rl.types import FloatArray, Observation, Reward

__all__ = [
    'REWARDS',
    'DenseConfig',
    'GoalImageConfig',
    'RewardConfig',
    'RewardFunction',
    'dense',
    'electrical',
    'fault_after_reset',
    'goal_image',
    'make_reward',
    'press_force',
]

RewardFunction = Callable[[Observation, bool], Reward]


def electrical(contact: NDArray[np.bool_] | bool) -> FloatArray:
    """1 where the connection is alive, else 0 (Nair 2022, eq. 25).

    Args:
        contact: whether the contact is closed, shape [B] or a scalar.
    """
    return np.asarray(contact, np.float64)


def goal_image(image: NDArray[np.uint8], goal: NDArray[np.uint8]) -> FloatArray:
    """Negative mean absolute difference of the pixels (Nair 2022, section 6.3.2).

    The L1 distance of the paper over its number of pixels, so that the value lies in
    [-1, 0] whatever the size: 0 for equal pictures, -1 for black against white.

    Args:
        image: shape [..., H, W, 1].
        goal: shape [H, W, 1], or as `image`.
    """
    difference = np.abs(image.astype(np.int16) - goal.astype(np.int16))
    return np.asarray(-difference.mean(axis=(-3, -2, -1)) / 255.0)


def dense(
    tool_xyz: FloatArray, goal_xyz: FloatArray, press_force: FloatArray, config: DenseConfig
) -> FloatArray:
    """Shaped reward from distance and vertical force (Nair 2022, eq. 26).

        r = -alpha ||x - x*||_1 + beta / (||x - x*||_2 + epsilon) - phi f_z

    and +phi f_z once ||x - x*||_2 is at most `insertion_distance`: pressing costs before the
    insertion and pays after it.

    The paper prints the middle term with a minus. With its alpha and beta that makes the goal
    repel: along an axis the two distance terms are best at sqrt(beta / alpha) = 4.5 mm from
    it and lose beta / epsilon at the goal itself. The term is a bonus for being close, so it
    is added here. A negative `beta` gives the printed formula.

    Args:
        tool_xyz: tool0, m in the base frame, shape [..., 3].
        goal_xyz: goal of tool0, m in the base frame, shape [..., 3].
        press_force: f_z, N, shape [...]: with what force the surroundings push the tool back
            against its approach direction, positive when it presses.
        config: weights.
    """
    error = tool_xyz - goal_xyz
    distance = np.linalg.norm(error, axis=-1)
    sign = np.where(distance <= config.insertion_distance, 1.0, -1.0)
    near = config.beta / (distance + config.epsilon)
    return np.asarray(
        -config.alpha * np.abs(error).sum(axis=-1) + near + sign * config.phi * press_force
    )


def press_force(tool_wrench: FloatArray) -> FloatArray:
    """f_z of eq. 26, N, shape [...].

    The z axis of tool0 points out of the tool, down at an insertion. The wrench is what the
    surroundings apply to the tool, so a tool that presses feels a force along -z.

    Args:
        tool_wrench: force and torque in tool0, its bias removed, shape [..., 6].
    """
    return np.asarray(-tool_wrench[..., 2])


def make_reward(config: RewardConfig) -> RewardFunction:
    """The reward function that a task asks for.

    It takes an observation and whether the electrical contact is closed, and raises
    `InputError` where the observation lacks an entry or the reward would not be finite: no
    reward is given then, so that the step is held back instead of stored with a made-up one.

    Raises:
        InputError: the goal image is missing or of the wrong size.
    """
    value, version = REWARDS[config.kind](config)
    success, goal = _SUCCESSES[config.success], config.goal

    def judge(observation: Observation, contact: bool) -> tuple[float, bool]:
        if goal is not None:  # reward and success come from one distance
            paid, reached = goal_reward(*_goals(observation), goal)
            return float(paid), bool(reached)
        number = float(value(observation, contact))
        return number, success(config, observation, contact, number)

    def reward(observation: Observation, contact: bool) -> Reward:
        number, done = judge(observation, contact)
        if not math.isfinite(number):
            raise InputError(f'reward {config.kind}: not finite in step {observation.step}')
        terminated = done and config.terminates
        stamp = observation.stamp_ns
        return Reward(stamp, number, done, terminated, config.kind, version)

    return reward


def fault_after_reset(observation: Observation, reward: Reward) -> str:
    """Why an episode must be refused at its start; '' when it may go on.

    A task that is solved before anything was done has a wiring fault or was not reset.
    """
    if observation.first and reward.success:
        return f'reward {reward.source}: success right after the reset; check wiring and reset'
    return ''


_Value = Callable[[Observation, bool], FloatArray]


def _make_electrical(config: RewardConfig) -> tuple[_Value, int]:
    return lambda observation, contact: electrical(contact), 1


def _make_goal_image(config: RewardConfig) -> tuple[_Value, int]:
    settings = config.goal_image
    if settings is None:
        raise InputError('reward: goal_image: expected its settings')
    goal = load_goal_image(settings)

    def value(observation: Observation, contact: bool) -> FloatArray:
        return goal_image(_newest(observation, settings.entry, goal.shape), goal)

    return value, 1


def _make_dense(config: RewardConfig) -> tuple[_Value, int]:
    settings = config.dense or DenseConfig()

    def value(observation: Observation, contact: bool) -> FloatArray:
        tool = _entry(observation, 'achieved_goal', (3,))
        goal = _entry(observation, 'desired_goal', (3,))
        force = press_force(_entry(observation, 'tool_wrench', (6,)))
        return dense(tool, goal, force, settings)

    return value, 1


def _make_goal(config: RewardConfig) -> tuple[_Value, int]:
    settings = config.goal or GoalRewardConfig()

    def value(observation: Observation, contact: bool) -> FloatArray:
        return np.asarray(goal_reward(*_goals(observation), settings)[0])

    return value, 1


#: Maker of each reward: its value as a function of observation and contact, and its version,
#: which is raised whenever the values change.
REWARDS: dict[str, Callable[[RewardConfig], tuple[_Value, int]]] = {
    'electrical': _make_electrical,
    'goal_image': _make_goal_image,
    'dense': _make_dense,
    'goal': _make_goal,
}


def _entry(observation: Observation, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    value = observation.entries.get(name)
    if value is None:
        known = ', '.join(observation.entries)
        raise InputError(f'reward: no entry {name!r} in the observation; known: {known}')
    if value.shape != shape:
        raise InputError(f'reward: {name}: expected shape {shape}, got {value.shape}')
    return value


def _newest(observation: Observation, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The last of the pictures that an entry's history joins along its channels."""
    value = observation.entries.get(name)
    if value is not None and value.shape[:-1] == shape[:-1]:
        return value[..., -1:]
    return _entry(observation, name, shape)


def _goals(observation: Observation) -> tuple[NDArray[Any], NDArray[Any]]:
    desired = observation.entries['desired_goal']
    return _entry(observation, 'achieved_goal', desired.shape), desired


def _by_contact(
    config: RewardConfig, observation: Observation, contact: bool, value: float
) -> bool:
    return bool(contact)


def _by_distance(
    config: RewardConfig, observation: Observation, contact: bool, value: float
) -> bool:
    settings = config.goal or GoalRewardConfig(distance=config.success_distance)
    return bool(goal_reward(*_goals(observation), settings)[1])


def _by_image(config: RewardConfig, observation: Observation, contact: bool, value: float) -> bool:
    return config.goal_image is not None and -value <= config.goal_image.success_difference


_SUCCESSES = {'contact': _by_contact, 'distance': _by_distance, 'image': _by_image}
