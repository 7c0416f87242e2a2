# SPDX-License-Identifier: Apache-2.0
"""Whether an arm touches itself or what stands around it, along whole motions.

MuJoCo computes distances between the shapes of the URDF. A posture counts as free when nothing is
nearer than `margin_m`. A motion is checked in steps in which no point of the arm moves further
than twice that, so every posture in between is at most the margin away from one that was
checked: a free motion touches nothing anywhere, not only where it was looked at.
"""

from collections.abc import Iterator, Sequence

import mujoco
import numpy as np

from robot_rl.control.kinematics import arm_spec
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.planning.config import Obstacle
from robot_rl.types import FloatArray

#: Types of shapes, as bits.
ARM, OBSTACLE = 1, 2


class CollisionChecker:
    """Judges postures and straight motions between them."""

    def __init__(
        self,
        robot: RobotConfig,
        obstacles: Sequence[Obstacle] = (),
        margin_m: float = 0.01,
        tool_may_touch: bool = False,
    ) -> None:
        """Compiles the arm with its surroundings.

        Two links that a joint connects are never checked against each other: its limits keep them
        apart. Parts that touch at home are taken as meant to, and are not checked either. Parts
        that are nearer than the margin there must keep half of their distance.

        Args:
            robot: with its home posture.
            obstacles: what stands around it.
            margin_m: distance that must be kept, m.
            tool_may_touch: whether what the last joint moves is not checked against obstacles.

        Raises:
            InputError: the arm touches an obstacle at home.
        """
        if not 0 < margin_m < 0.1:
            raise InputError(f'planning: margin_m: expected 0 to 0.1 m, got {margin_m}')
        self._margin = margin_m
        self._model = _compile(robot, obstacles, margin_m, tool_may_touch)
        self._data = mujoco.MjData(self._model)
        self._qpos = self._data.qpos  # a view, which follows the data
        self._columns = np.array([self._model.joint(n).qposadr[0] for n in robot.joints])
        self._radii = _radii(self._model, robot)
        self._nearer: dict[tuple[int, int], float] = {}
        self._allow_home(np.array(robot.home))

    def free(self, position: FloatArray) -> bool:
        """Whether the arm keeps its distance at joint positions [J]."""
        return not self.near(position)

    def names(self, position: FloatArray) -> list[tuple[str, str]]:
        """Names of the bodies or obstacles that are too near to each other."""
        pairs = sorted(self.near(position))
        return [(self._name(a), self._name(b)) for a, b in pairs]

    def motion_free(self, start: FloatArray, end: FloatArray) -> bool:
        """Whether the straight motion between two free postures [J] is free."""
        way = end - start
        parts = int(np.ceil(self.travel(start, end) / (2 * self._margin)))
        return all(self.free(start + way * share) for share in _bisections(parts))

    def travel(self, start: FloatArray, end: FloatArray) -> float:
        """How far, at most, a point of the arm moves on the straight motion, m."""
        return float(np.abs(end - start) @ self._radii)

    def near(self, position: FloatArray) -> dict[tuple[int, int], float]:
        """Distances, m, of the pairs of shapes that are too near to each other; below 0 inside."""
        model, data = self._model, self._data
        self._qpos[self._columns] = position
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        if not data.ncon:
            return {}
        pairs = map(tuple, np.sort(data.contact.geom, axis=1).tolist())
        found: dict[tuple[int, int], float] = {}
        for pair, distance in zip(pairs, data.contact.dist.tolist(), strict=True):
            if distance < self._nearer.get(pair, self._margin):
                found[pair] = min(distance, found.get(pair, distance))
        return found

    def _allow_home(self, home: FloatArray) -> None:
        near = self.near(home)
        for pair in near:
            if 0 in (self._body(pair[0]), self._body(pair[1])):
                first, second = map(self._name, pair)
                raise InputError(f'planning: {first} touches {second} at home')
        self._nearer = {p: d / 2 if d > 0 else -np.inf for p, d in near.items()}

    def _body(self, geom: int) -> int:
        return int(self._model.geom_bodyid[geom])

    def _name(self, geom: int) -> str:
        name = self._model.geom(geom).name or self._model.body(self._body(geom)).name
        return str(name)


def _compile(
    robot: RobotConfig, obstacles: Sequence[Obstacle], margin_m: float, tool_may_touch: bool
) -> mujoco.MjModel:
    spec = arm_spec(robot)
    for joint in spec.joints:  # MuJoCo leaves out parent and child, but not where one is fixed
        spec.add_exclude(bodyname1=joint.parent.name, bodyname2=joint.parent.parent.name)
    free = _tool_links(spec, robot) if tool_may_touch else set()
    for geom in spec.geoms:
        geom.margin = margin_m
        # A shape meets another where the type of one is among what the other meets.
        geom.contype, geom.conaffinity = ARM, ARM
        if geom.parent.name not in free:
            geom.conaffinity |= OBSTACLE
    for obstacle in obstacles:
        spec.worldbody.add_geom(
            name=obstacle.name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=obstacle.center,
            size=obstacle.half,
            margin=0.0,
            contype=OBSTACLE,
            conaffinity=0,
        )
    return spec.compile()


def _tool_links(spec: mujoco.MjSpec, robot: RobotConfig) -> set[str]:
    """Names of all links that move with the last joint on the way to the tool, or behind it."""
    body = spec.body(robot.tool_frame)
    while not body.joints:
        body = body.parent
    return {body.name, *(behind.name for behind in body.find_all('body'))}


def _radii(model: mujoco.MjModel, robot: RobotConfig) -> FloatArray:
    """How far, at most, a point of the arm moves with each joint, m/rad or m/m, shape [J].

    The furthest point behind a joint is no further than all lengths behind it added up.
    """
    size = model.geom_rbound
    reach = np.zeros(model.nbody)
    for geom in range(model.ngeom):
        body = model.geom_bodyid[geom]
        far = float(np.linalg.norm(model.geom_pos[geom])) + float(size[geom])
        reach[body] = max(reach[body], far)
    for body in range(model.nbody - 1, 0, -1):
        parent, slide = model.body_parentid[body], _slide(model, body)
        behind = reach[body] + float(np.linalg.norm(model.body_pos[body])) + slide
        reach[parent] = max(reach[parent], behind)
    joints = [model.joint(name) for name in robot.joints]
    turns = [int(j.type[0]) == mujoco.mjtJoint.mjJNT_HINGE for j in joints]
    bodies = [int(j.bodyid[0]) for j in joints]
    return np.array([reach[b] if t else 1.0 for b, t in zip(bodies, turns, strict=True)])


def _slide(model: mujoco.MjModel, body: int) -> float:
    """The furthest that a body's own sliding joint takes it, m."""
    first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
    slides = [
        float(np.abs(model.jnt_range[j]).max())
        for j in range(first, first + count)
        if int(model.jnt_type[j]) == mujoco.mjtJoint.mjJNT_SLIDE
    ]
    return max(slides, default=0.0)


def _bisections(parts: int) -> Iterator[float]:
    """The inner points k / parts of [0, 1], the middle first, then those of the halves."""
    spans = [(0, parts)]
    while spans:
        halves = []
        for low, high in spans:
            if high - low > 1:
                middle = (low + high) // 2
                yield middle / parts
                halves += [(low, middle), (middle, high)]
        spans = halves
