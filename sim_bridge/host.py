# SPDX-License-Identifier: Apache-2.0
"""The direct host: the graph's core chained by plain calls, in one thread.

Controller, safety, reward, episode logic and the joining of steps are the same objects that
the nodes hold; a parity test feeds both hosts the same seed and actions.
"""

import numpy as np
from numpy.typing import NDArray

from robot_rl.control.controller import Controller
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig
from robot_rl.episodes.episode import Episodes, Limits
from robot_rl.episodes.observation import ObservationBuilder
from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraFrame, CameraPipeline
from robot_rl.replay.assembler import StepAssembler
from robot_rl.rewards.functions import make_reward
from robot_rl.safety.ahead import surroundings_of
from robot_rl.safety.filter import SafetyFilter
from robot_rl.safety.motion import check_reach
from robot_rl.task import TaskConfig
from robot_rl.types import Action, Entries, Observation, Reward, SafetyResult, Snapshot, Step
from sim_bridge.build import make_world, raw_pictures, scene_streams


class DirectHost:
    """One world and one robot, driven action by action.

    Attributes:
        world: the simulation.
        observation: present state.
        reward: received on arrival in it.
        results: what safety made of the commands of the last action.
    """

    def __init__(
        self,
        task: TaskConfig,
        robot: RobotConfig,
        limits: Limits,
        seed: int,
        collector: str = 'direct',
        records: bool = True,
    ) -> None:
        """Builds world and core; `reset` opens the first episode.

        Args:
            task: what is played.
            robot: with which arm.
            limits: when an episode and the run end.
            seed: of the run.
            collector: identity written into every observation.
            records: whether steps of the replay stream are made.
        """
        self._task, self._collector = task, collector
        self._periods = task.rates.control_periods
        self.world = make_world(task, robot)
        kinematics = Kinematics(robot)
        self._cameras = {c.name: CameraPipeline(c) for c in task.cameras}
        self._controller = Controller(task.controller, kinematics, robot)
        check_reach(task.safety, kinematics)
        self._safety = SafetyFilter(
            task.safety,
            kinematics,
            1.0 / task.rates.control_hz,
            surroundings=surroundings_of(task.safety, robot, task.obstacles),
        )
        self._reward = make_reward(task.reward)
        self._builder = ObservationBuilder(task.observation, kinematics, task.goal.from_scene)
        self._assembler = StepAssembler(task.assembler) if records else None
        self._steps: list[Step] = []
        self.results: list[SafetyResult] = []
        self.start_over(limits, seed)

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.episodes.over

    def start_over(self, limits: Limits, seed: int) -> None:
        """Begins another row of episodes."""
        self.episodes = Episodes(self._builder, self._task.goal, limits, seed, self._collector)

    def reset(self, state: NDArray[np.uint8] | None = None) -> Observation:
        """Opens the next episode; its first observation.

        Args:
            state: of `World.world_state`, to begin in.

        Raises:
            InputError: the state is none of this scene.
        """
        request = self.episodes.reset()
        self.results = []
        self.world.reset(request.seed, state)
        self._measure()
        return self._arrive()

    def act(self, action: Action) -> Observation:
        """Plays one action; the observation that it leads to.

        Raises:
            InputError: an action of the wrong size, or after the end of the episode.
        """
        if self.over:
            raise InputError('the episode is over; reset before the next action')
        self.results = []
        self._controller.set_action(self.observation, action, self._state)
        if self._assembler:
            self._steps += self._assembler.add_action(action)
        for _ in range(self._periods):
            self._control()
        return self._arrive()

    def close(self) -> None:
        """Frees the renderers; without it the interpreter's end complains."""
        self.world.close()

    def take_steps(self) -> list[Step]:
        """The replay steps that became complete since the last call."""
        steps, self._steps = self._steps, []
        return steps

    def _control(self) -> None:
        """One cycle of controller, safety and world."""
        now_ns = self._state.stamp_ns
        command = self._controller.command(self._state, now_ns)
        result = self._safety.filter(command, self._state, self._wrench, now_ns)
        self.results.append(result)
        if self._assembler:
            acted = bool(result.reason)
            self._steps += self._assembler.add_safety(now_ns, result.tool_delta_xyz, acted)
        self.world.apply(result.command)
        self.world.step()
        self._measure()

    def _measure(self) -> None:
        self._state, self._wrench = self.world.joint_state(), self.world.wrench()

    def _arrive(self) -> Observation:
        snapshot = Snapshot(self._state.stamp_ns, self._state, self._wrench, self._see())
        self.observation = self.episodes.observe(snapshot)
        self.reward: Reward = self._reward(self.observation, self.world.contact())
        self.episodes.judge(self.observation, self.reward)
        if self._assembler:
            self._steps += self._assembler.add_observation(self.observation)
            self._steps += self._assembler.add_reward(self.reward)
        return self.observation

    def _see(self) -> Entries:
        pictures: Entries = {}
        raw = raw_pictures(self.world, self._task)
        for name, pipeline in self._cameras.items():
            color, depth = raw.get(f'{name}/color'), raw.get(f'{name}/depth')
            frame = pipeline.process(color, depth, self.world.stamp_ns)
            if not isinstance(frame, CameraFrame):
                raise InputError(frame.reason)
            pictures |= frame.streams(name)
        return pictures | scene_streams(self.world, self._task)
