# SPDX-License-Identifier: Apache-2.0
"""A stand-in for MoveIt's Python interface, written by hand, since no wheel brings MoveIt.

It has what `robot_rl/nodes/moveit.py` uses, by the names and with the behaviour of `moveit_py` in
MoveIt 2: keyword arguments, states that are kept by joint name, an answer that is false where no
way was found, a scene that is changed inside of a context, errors from C++ as RuntimeError. What
it plans is given by the test.
"""

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

from std_msgs.msg import Header

#: Joints of the group in MoveIt's order, which is the SRDF's.
GROUPS = {'right_arm': [f'right_j{k}' for k in range(7)][::-1]}


class RobotState:
    def __init__(self, robot_model):
        assert robot_model == 'model'
        self._joint_positions = {}
        self.updated = False

    @property
    def joint_positions(self):
        return dict(self._joint_positions)

    @joint_positions.setter
    def joint_positions(self, values):
        assert all(isinstance(value, float) for value in values.values())
        self._joint_positions |= values
        self.updated = False

    def update(self):
        self.updated = True


class CollisionObject:
    ADD = 0

    def __init__(self, **fields):
        self.id, self.operation = fields['id'], fields['operation']
        self.header, self.primitives, self.primitive_poses = Header(), [], []


class Scene:
    def __init__(self):
        self.objects = {}
        self.current_state = RobotState('model')

    def apply_collision_object(self, thing):
        assert thing.operation == CollisionObject.ADD
        self.objects[thing.id] = thing


class PlanRequestParameters:
    def __init__(self, moveit, namespace):
        assert isinstance(moveit, MoveItPy)
        assert namespace == ''
        self.planning_time = 1.0


class Component:
    def __init__(self, moveit, group):
        if group not in GROUPS:
            raise RuntimeError(f"Planning component '{group}' not found")
        self._moveit, self._joints = moveit, GROUPS[group]

    def set_start_state(self, configuration_name=None, robot_state=None):
        self._start = self._values(robot_state)
        return True

    def set_goal_state(self, configuration_name=None, robot_state=None):
        self._goal = self._values(robot_state)
        return True

    def _values(self, state):
        assert state.updated
        self._moveit.states.append(state.joint_positions)
        return [state.joint_positions[name] for name in self._joints]

    def plan(self, single_plan_parameters=None):
        assert isinstance(single_plan_parameters, PlanRequestParameters)
        way = self._moveit.way(self._joints, self._start, self._goal)
        return Response(self._joints, way)


class Response:
    def __init__(self, joints, way):
        points = [SimpleNamespace(positions=list(p)) for p in way or []]
        told = SimpleNamespace(joint_names=joints, points=points)
        message = SimpleNamespace(joint_trajectory=told)
        self.trajectory = SimpleNamespace(get_robot_trajectory_msg=lambda: message)
        self.error_code = SimpleNamespace(val=1 if way else -2)

    def __bool__(self):
        return self.error_code.val == 1


class MoveItPy:
    """Of the real one there is one a process; here the newest is kept, for the test."""

    newest = None
    way = staticmethod(lambda joints, start, goal: [start, goal])

    def __init__(self, node_name='', launch_params_filepath=''):
        assert launch_params_filepath.startswith('/')
        MoveItPy.newest = self
        self.states, self.scene = [], Scene()

    def get_planning_component(self, planning_component_name):
        return Component(self, planning_component_name)

    def get_robot_model(self):
        return 'model'

    def get_planning_scene_monitor(self):
        return self

    @contextmanager
    def read_write(self):
        yield self.scene


def install(monkeypatch):
    """Puts it where Python finds it."""
    contents = {
        'moveit': {},
        'moveit.planning': {'MoveItPy': MoveItPy, 'PlanRequestParameters': PlanRequestParameters},
        'moveit.core': {},
        'moveit.core.robot_state': {'RobotState': RobotState},
        'moveit_msgs': {},
        'moveit_msgs.msg': {'CollisionObject': CollisionObject},
    }
    for name, values in contents.items():
        module = ModuleType(name)
        module.__spec__ = SimpleNamespace(name=name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    return MoveItPy
