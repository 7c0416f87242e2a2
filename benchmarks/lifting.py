# SPDX-License-Identifier: Apache-2.0
"""A small lifting task: a hand with two fingers on three slides, and a block on a table.

The reward is piecewise constant over the stages, as in Zhu et al. 2018, section III-B 1: nothing
until the fingers are around the block, little while they are, and 1 while the block is lifted.
Episodes end by their time limit alone.
"""

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.types import DataSpec, Entries, EntrySpec, FloatArray

SPEC = DataSpec(
    {
        'hand': EntrySpec((8,)),  # what the arm itself measures
        'block': EntrySpec((6,)),  # from the fingertips' middle, from each finger, its height
        'hidden': EntrySpec((9,)),  # what no sensor tells: the block's motion, the contacts
    },
    4,
)
HORIZON = 50
ACTION_HZ = 20
SPEED = 0.25  # m/s of the hand at |a| = 1
NEAR = 0.015  # m between the middle of the fingertips and that of the block
LIFTED = 0.06  # m, height of the block
REACHED_REWARD = 0.1

_TIMESTEP = 0.01
_SUBSTEPS = round(1 / ACTION_HZ / _TIMESTEP)
_HALF_BLOCK = 0.02
_FINGER_TRAVEL = 0.03
_OPEN = 0.045  # m from the middle to a finger when open
_MODEL = f"""
<mujoco>
  <option timestep="{_TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="10"/>
  <default>
    <geom solref="0.02 1" condim="4" friction="1.5 0.05 0.001"/>
  </default>
  <worldbody>
    <geom name="table" type="plane" size="1 1 0.1"/>
    <body name="hand" gravcomp="1">
      <joint name="x" type="slide" axis="1 0 0" range="-0.15 0.15" limited="true"/>
      <joint name="y" type="slide" axis="0 1 0" range="-0.15 0.15" limited="true"/>
      <joint name="z" type="slide" axis="0 0 1" range="0.012 0.2" limited="true"/>
      <geom type="box" pos="0 0 0.07" size="0.06 0.02 0.01" mass="0.5"/>
      <body name="left" pos="{-_OPEN} 0 0.03" gravcomp="1">
        <joint name="left" type="slide" axis="1 0 0" range="0 {_FINGER_TRAVEL}" limited="true"/>
        <geom name="left" type="box" size="0.006 0.012 0.035" mass="0.05"/>
      </body>
      <body name="right" pos="{_OPEN} 0 0.03" gravcomp="1">
        <joint name="right" type="slide" axis="-1 0 0" range="0 {_FINGER_TRAVEL}" limited="true"/>
        <geom name="right" type="box" size="0.006 0.012 0.035" mass="0.05"/>
      </body>
    </body>
    <body name="block">
      <freejoint/>
      <geom name="block" type="box" size="{_HALF_BLOCK} {_HALF_BLOCK} {_HALF_BLOCK}" mass="0.05"/>
    </body>
  </worldbody>
  <actuator>
    <velocity joint="x" kv="60"/>
    <velocity joint="y" kv="60"/>
    <velocity joint="z" kv="60"/>
    <position joint="left" kp="200" dampratio="1" forcerange="-4 4"/>
    <position joint="right" kp="200" dampratio="1" forcerange="-4 4"/>
  </actuator>
</mujoco>
"""


class Lifting:
    """One hand and one block.

    Attributes:
        lifted: whether the block is up.
        reward: for arriving in the present state.
    """

    def __init__(self, seed: int) -> None:
        """Builds the model; start states follow from the seed."""
        self._model = mujoco.MjModel.from_xml_string(_MODEL)
        self._data = mujoco.MjData(self._model)
        self._rng = np.random.default_rng(seed)
        self.lifted, self.reward = False, 0.0

    def reset(self) -> Entries:
        """A new episode: hand above the table, block anywhere within its reach."""
        mujoco.mj_resetData(self._model, self._data)
        position = self._data.qpos
        position[:2] = self._rng.uniform(-0.08, 0.08, 2)
        position[2] = self._rng.uniform(0.08, 0.15)
        position[5:7] = self._rng.uniform(-0.08, 0.08, 2)
        position[7] = _HALF_BLOCK
        yaw = self._rng.uniform(-0.3, 0.3)
        position[8:12] = np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)
        mujoco.mj_forward(self._model, self._data)
        self._judge()
        return self.entries()

    def step(self, action: FloatArray) -> Entries:
        """Plays an action [4]: velocity of the hand, and the fingers, 1 for closed."""
        self._data.ctrl[:3] = SPEED * action[:3]
        self._data.ctrl[3:] = _FINGER_TRAVEL * (action[3] + 1) / 2
        mujoco.mj_step(self._model, self._data, _SUBSTEPS)
        self._judge()
        return self.entries()

    def entries(self) -> Entries:
        """What is observed, scaled to about 1."""
        position, velocity = self._data.qpos, self._data.qvel
        fingers = position[3:5] / _FINGER_TRAVEL - 0.5
        hand = (10 * position[:3], fingers, 4 * velocity[:3])
        gap, open_m = self._gap(), _OPEN - _HALF_BLOCK - position[3:5]
        sides = open_m + gap[0] * np.array([1.0, -1.0])
        block = (20 * gap, 20 * sides, [20 * (position[7] - _HALF_BLOCK)])
        hidden = (4 * velocity[5:8], 0.1 * velocity[8:11], position[9:12])
        return {
            'hand': _join(*hand),
            'block': _join(*block),
            'hidden': _join(*hidden),
        }

    def expert(self, rng: np.random.Generator) -> FloatArray:
        """What a careful but unsteady operator does next, shape [4]."""
        gap, height = self._gap(), self._data.qpos[7]
        level = float(np.hypot(gap[0], gap[1]))
        above = np.array([gap[0], gap[1], gap[2] + 0.07])
        closed = self._data.qpos[3:5].mean() > 0.3 * _FINGER_TRAVEL
        if level > 0.01 and not closed:
            move, grip = above, -1.0
        elif gap[2] < -0.008 and not closed:
            move, grip = gap, -1.0
        elif not closed or level > 0.03:
            move, grip = 0 * gap, 1.0
        else:
            move, grip = np.array([0.0, 0.0, 0.1 - height]), 1.0
        action = np.append(8 * move / SPEED, grip) + rng.normal(0, [0.15, 0.15, 0.15, 0.05])
        return np.clip(action, -1, 1)

    def _gap(self) -> FloatArray:
        """From the middle of the fingertips to that of the block, m, [3]."""
        gap: FloatArray = self._data.qpos[5:8] - self._data.qpos[:3]
        gap[2] -= 0.006  # the fingers hold it a little below its middle
        return gap

    def _judge(self) -> None:
        self.lifted = bool(self._data.qpos[7] > LIFTED)
        near = bool(np.linalg.norm(self._gap()) < NEAR)
        self.reward = 1.0 if self.lifted and near else REACHED_REWARD * near


def _join(*parts: NDArray[np.generic] | list[float]) -> NDArray[np.float32]:
    return np.concatenate(parts, dtype=np.float32, casting='unsafe')
