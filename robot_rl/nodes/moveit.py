# SPDX-License-Identifier: Apache-2.0
"""Ways for resets from MoveIt, through its Python interface `MoveItPy`.

It is imported when a task's `start.planner` asks for it, and gives postures alone: what they are
worth is judged in `planning/planner.py`, and the time law is our own. MoveIt's own execution is
not used, since commands go through safety and driver.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion

from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.planning.config import MoveItConfig, Obstacle, PlannerConfig
from robot_rl.types import FloatArray

KEY = 'start.planner.moveit'
PACKAGES = {'moveit': 'moveit_py', 'moveit_msgs': 'moveit_msgs', 'shape_msgs': 'shape_msgs'}


def finder(
    robot: RobotConfig, config: PlannerConfig, obstacles: Sequence[Obstacle] = ()
) -> 'MoveIt | None':
    """MoveIt as the planner's YAML asks for it; None for the embedded planner.

    Raises:
        InputError: `kind: moveit` without its packages, or a set-up that does not fit the robot.
    """
    if config.moveit is None or config.kind == 'embedded':
        return None
    if config.kind == 'auto' and not installed():
        return None
    return MoveIt(robot, config.moveit, obstacles, config.seconds)


def installed() -> bool:
    """Whether the packages are there."""
    return all(importlib.util.find_spec(module) is not None for module in PACKAGES)


class MoveIt:
    """Finds ways with a planning group of a MoveIt set-up."""

    def __init__(
        self,
        robot: RobotConfig,
        config: MoveItConfig,
        obstacles: Sequence[Obstacle] = (),
        seconds: float = 5.0,
    ) -> None:
        """Starts MoveIt's own node in this process and tells it of the obstacles.

        Args:
            robot: its joints must be those of the group, by name.
            config: where the set-up is.
            obstacles: what stands around the robot.
            seconds: of a search.

        Raises:
            InputError: a package or file that is not there, or a group that MoveIt refuses.
        """
        planning = _imported('moveit.planning')
        self._state_type = _imported('moveit.core.robot_state').RobotState
        path = Path(config.parameters)
        if not path.is_file():
            raise InputError(f'{KEY}: parameters: no such file: {path}')
        self._robot, self._group = robot, config.group
        try:
            self._moveit = planning.MoveItPy(
                node_name='robot_rl_moveit', launch_params_filepath=str(path.absolute())
            )
            self._component = self._moveit.get_planning_component(config.group)
            self._asked = planning.PlanRequestParameters(self._moveit, '')
        except (RuntimeError, ValueError) as error:  # from C++, such as an unknown group
            raise InputError(f'{KEY}: group {config.group!r} of {path}: {error}') from error
        self._asked.planning_time = seconds
        self._add(obstacles)

    def __call__(self, start: FloatArray, goal: FloatArray) -> list[FloatArray]:
        """Postures [J] in the robot's order, from start to goal.

        Raises:
            InputError: MoveIt found no way, or its answer lacks joints of the robot.
        """
        self._component.set_start_state(robot_state=self._state(start))
        self._component.set_goal_state(robot_state=self._state(goal))
        answer = self._component.plan(single_plan_parameters=self._asked)
        if not answer:
            code = getattr(answer.error_code, 'val', 'unknown')
            raise InputError(f'planning: MoveIt found no way: error code {code}')
        told = answer.trajectory.get_robot_trajectory_msg().joint_trajectory
        names = list(told.joint_names)
        missing = [name for name in self._robot.joints if name not in names]
        if missing:
            raise InputError(
                f'planning: group {self._group!r} of MoveIt moves {names}; '
                f'joints of the robot that it lacks: {missing}'
            )
        columns = [names.index(name) for name in self._robot.joints]
        return [np.array(point.positions)[columns] for point in told.points]

    def _state(self, position: FloatArray) -> Any:
        state = self._state_type(self._moveit.get_robot_model())
        arm = dict(zip(self._robot.joints, position.tolist(), strict=True))
        state.joint_positions = {**self._robot.held, **arm}
        state.update()
        return state

    def _add(self, obstacles: Sequence[Obstacle]) -> None:
        objects = _imported('moveit_msgs.msg').CollisionObject
        shapes = _imported('shape_msgs.msg').SolidPrimitive
        with self._moveit.get_planning_scene_monitor().read_write() as scene:
            for obstacle in obstacles:
                box = objects(id=obstacle.name, operation=objects.ADD)
                box.header.frame_id = self._robot.base_frame
                sides = [2 * half for half in obstacle.half]
                box.primitives = [shapes(type=shapes.BOX, dimensions=sides)]
                x, y, z = obstacle.center
                upright = Quaternion(w=1.0)
                box.primitive_poses = [Pose(position=Point(x=x, y=y, z=z), orientation=upright)]
                scene.apply_collision_object(box)
            scene.current_state.update()


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = PACKAGES[module.partition('.')[0]]
        raise InputError(
            f'start.planner: kind: moveit needs {module}, but the ROS package {package} is not '
            'installed; install it, or set kind: embedded'
        ) from error
