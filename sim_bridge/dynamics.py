# SPDX-License-Identifier: Apache-2.0
"""Dynamics that differ from episode to episode, set in place in a compiled scene."""

import dataclasses
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.randomization import RandomizationConfig
from robot_rl.types import FloatArray, JointCommand

#: Of the seeds of an episode, so that the start state does not depend on what is drawn here.
STREAM = 7

#: What is drawn, by name: one value each, but of mass and size one an object.
Drawn = Mapping[str, FloatArray]

_FIELDS = (
    'geom_friction',
    'dof_damping',
    'dof_armature',
    'actuator_gainprm',
    'actuator_biasprm',
    'body_mass',
    'body_inertia',
)


class Dynamics:
    """Draws an episode's dynamics and writes them into a model, always from its nominal values.

    Nothing is compiled again. Where nothing varies, the model is never touched.

    Attributes:
        config: the ranges, from the next draw on; at first nothing varies.
        drawn: of this episode; empty where nothing varies.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        dofs: NDArray[np.int_],
        loose: Sequence[str],
        period_s: float,
    ) -> None:
        """Keeps the nominal values.

        Args:
            model: the scene, as it was compiled.
            dofs: of the robot's joints in the model.
            loose: names of the bodies whose size may vary.
            period_s: of control.
        """
        self.config = RandomizationConfig()
        self.drawn: Drawn = {}
        self._period_s = period_s
        self._late: deque[JointCommand | None] = deque()
        self._dropped, self._luck = 0.0, np.random.default_rng(0)
        self._twin: Sizes | None = None
        self._model, self._dofs = model, dofs
        self._nominal = {name: getattr(model, name).copy() for name in _FIELDS}
        self._objects = _objects(model, int(model.dof_bodyid[self._dofs[0]]))
        self._sizes = Sizes(model, loose)
        self._loose = {model.body_rootid[model.body(name).id]: name for name in loose}
        self._scratch = mujoco.MjData(model)

    def draw(self, seed: int) -> None:
        """Draws and sets the dynamics of the episode of a seed."""
        if self.config.varies:
            rng = np.random.default_rng([seed, STREAM])
            counts = {'mass': len(self._objects), 'size': len(self._loose)}
            spans = dataclasses.asdict(self.config).items()
            self.set({n: rng.uniform(low, high, counts.get(n, 1)) for n, (low, high) in spans})
        else:
            self.set({})
        self._luck = np.random.default_rng([seed, STREAM + 1])
        delay_s = float(self.drawn['latency'][0]) if self.drawn else 0.0
        self._late = deque([None] * round(delay_s / self._period_s))

    def arrive(self, command: JointCommand | None) -> JointCommand | None:
        """The command that acts in this control period when this one is sent, if any."""
        self._late.append(command)
        command = self._late.popleft()
        lost = self._dropped > 0 and self._luck.random() < self._dropped
        return None if lost else command

    def save(self) -> dict[str, Any]:
        """What the future depends on."""
        late = [None if c is None else [c.stamp_ns, c.mode, c.value] for c in self._late]
        return {'drawn': self.drawn, 'late': late, 'luck': self._luck.bit_generator.state}

    def load(self, state: dict[str, Any]) -> None:
        """Goes back to what `save` gave."""
        self.set(state['drawn'])
        self._late = deque(None if c is None else JointCommand(*c) for c in state['late'])
        self._luck.bit_generator.state = state['luck']

    def paint(self, twin: mujoco.MjModel) -> None:
        """Gives the objects of the twin that is drawn their size."""
        if self.drawn:
            self._twin = self._twin or Sizes(twin, tuple(self._loose.values()))
            self._twin.apply(self.sizes)

    def set(self, drawn: Drawn) -> None:
        """Sets dynamics that were drawn before; with none, the nominal ones."""
        model, nominal = self._model, self._nominal
        if not drawn and not self.drawn:
            return
        self.drawn = dict(drawn)
        self._dropped = float(drawn['dropped'][0]) if drawn else 0.0
        for name, values in nominal.items():
            getattr(model, name)[:] = values
        if drawn:
            self._scale(drawn)
        self._sizes.apply(self.sizes)
        mujoco.mj_setConst(model, self._scratch)

    def _scale(self, drawn: Drawn) -> None:
        model = self._model
        model.geom_friction[:, 0] *= drawn['friction']
        model.dof_damping *= drawn['damping']
        model.actuator_biasprm[:, 2] *= drawn['damping']
        for i in range(model.nu):
            if model.actuator(i).name.endswith('_damper'):
                model.actuator_gainprm[i, 0] *= drawn['damping'][0]
        model.dof_armature[self._dofs] += drawn['armature']
        sizes = self.sizes
        for (root, bodies), factor in zip(self._objects.items(), drawn['mass'], strict=True):
            size = sizes.get(self._loose.get(root, ''), 1.0)
            model.body_mass[bodies] *= factor * size**3
            model.body_inertia[bodies] *= factor * size**5

    @property
    def sizes(self) -> dict[str, float]:
        """Factor of the size of each loose object, by name."""
        values = self.drawn.get('size', np.ones(len(self._loose)))
        return dict(zip(self._loose.values(), values.tolist(), strict=True))


class Sizes:
    """Makes bodies of one model larger or smaller about their origins."""

    def __init__(self, model: mujoco.MjModel, names: Sequence[str]) -> None:
        """Keeps their nominal shapes."""
        self._model = model
        self._parts = {name: _parts(model, name) for name in names}
        self._nominal = {
            name: [array[at].copy() for array, at in parts] for name, parts in self._parts.items()
        }

    def apply(self, factors: Mapping[str, float]) -> None:
        """Sets the size of each body to its factor of the nominal one."""
        for name, factor in factors.items():
            for (array, at), nominal in zip(self._parts[name], self._nominal[name], strict=True):
                array[at] = nominal * factor


def _parts(model: mujoco.MjModel, name: str) -> list[tuple[FloatArray, slice]]:
    """Every length of a body's shapes, as an array of the model and the place in it."""
    body = model.body(name).id
    first, nodes = int(model.body_geomadr[body]), int(model.body_bvhadr[body])
    geoms = slice(first, first + int(model.body_geomnum[body]))
    boxes = slice(nodes, nodes + int(model.body_bvhnum[body]))
    arrays = (model.geom_size, model.geom_pos, model.geom_rbound, model.geom_aabb)
    lengths = [(array, geoms) for array in arrays]
    return [*lengths, (model.bvh_aabb, boxes), (model.body_ipos, slice(body, body + 1))]


def _objects(model: mujoco.MjModel, robot: int) -> dict[int, list[int]]:
    """Moving bodies that are not the robot's, by the root of their tree."""
    trees: dict[int, list[int]] = {}
    for body in range(1, model.nbody):
        root = int(model.body_rootid[body])
        if root != model.body_rootid[robot] and model.body_weldid[body] != 0:
            trees.setdefault(root, []).append(body)
    return trees
