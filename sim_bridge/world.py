# SPDX-License-Identifier: Apache-2.0
"""A simulated robot and its surroundings behind the same few calls that hardware offers."""

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_rl.control.kinematics import Kinematics, rotation_from_rpy
from robot_rl.control.robot import RobotConfig
from robot_rl.randomization import RandomizationConfig
from robot_rl.types import Entries, FloatArray, JointCommand, JointState, Wrench
from sim_bridge import scene as scenes, snapshot
from sim_bridge.dynamics import Dynamics
from sim_bridge.eyes import Eyes
from sim_bridge.firmware import FIRMWARE, check_command
from sim_bridge.looks import add_looks
from sim_bridge.tasks import make_task
from sim_bridge.tasks.task import Start, disturbed, posture_at
from sim_bridge.wrist import WristSensor

RESET_SECONDS = 5.0  # that a reset takes on the simulated clock


class World(Eyes):
    """MuJoCo behind a velocity interface, a wrist sensor, cameras and an electrical contact.

    The firmware stand-in integrates the commanded velocity into a set-point per joint and pulls
    the joints to it with a spring and a damper. The set-point runs ahead of a blocked tool only
    so far that the tool pushes with `push_force`. A command holds for one control period; without
    a new one the arm stands still. A robot in torque mode has motors in place of the springs.
    Equal seeds and commands give equal bits.
    """

    def __init__(
        self,
        scene: str,
        robot: RobotConfig,
        goal_xyz: FloatArray,
        goal_rpy: FloatArray,
        control_hz: float,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Builds the scene; nothing moves before `reset`.

        Args:
            scene: a name in `sim_bridge.tasks.TASKS`.
            robot: which arm.
            goal_xyz: tool at the true goal, m, base frame, shape [3].
            goal_rpy: its orientation, rad, shape [3].
            control_hz: commands a second; a period must be a whole number of physics steps.
            options: of the scene.

        Raises:
            InputError: unknown scene or option, or a rate that the physics step does not fit
                into.
        """
        self._robot = robot
        self._goal_rotation = rotation_from_rpy(np.asarray(goal_rpy, dtype=np.float64))
        self.task = make_task(
            scene, np.asarray(goal_xyz, dtype=np.float64), self._goal_rotation, options or {}
        )
        self._timestep_s = self.task.physics.timestep_s
        self._steps = self.task.physics.steps(control_hz)
        self._firmware_steps = round(self.task.physics.firmware_s / self._timestep_s)
        self._wrist_name = ''
        self.model = self._compile(visuals=False)
        self.data = mujoco.MjData(self.model)
        self._index()
        self._firmware = FIRMWARE[robot.command_mode](self.model, robot)
        self._sensor = WristSensor(self.model, robot, self._wrist_name)
        self._kinematics = Kinematics(robot)
        self._rng = np.random.default_rng(0)
        self._periods = 0
        self._command: JointCommand | None = None
        self._wrench = np.zeros(6)
        self._open_eyes(self.model, control_hz)
        self._packer = snapshot.Packer()
        period_s = self._steps * self._timestep_s
        self.dynamics = Dynamics(self.model, self._dofs, self.task.loose, period_s)

    def randomize(self, config: RandomizationConfig) -> None:
        """From the next reset on, dynamics are drawn from these ranges.

        What is drawn is in `dynamics.drawn`.
        """
        self.dynamics.config = config

    # ---- life ----------------------------------------------------------------------------

    def reset(self, seed: int, state: NDArray[np.uint8] | None = None) -> None:
        """Puts everything where an episode starts; time goes on as if the arm had moved there.

        Args:
            seed: of the start state, of the dynamics, and of the sensor noise until the next
                reset.
            state: of `world_state`, to begin in instead of the seed's; its dynamics and its goal
                come back, too.

        Raises:
            InputError: the state is none of this scene, or bodies lie in each other there.
        """
        self._rng = np.random.default_rng(seed)
        self._begin_looks(seed)
        self.dynamics.draw(seed)
        self.task.resize(self.dynamics.sizes)
        mujoco.mj_resetData(self.model, self.data)
        start = self.task.reset(self.data, self._rng)
        self._pose(self.data, start)
        mujoco.mj_forward(self.model, self.data)
        if self.task.settle(self.data, self._rng):
            mujoco.mj_forward(self.model, self.data)
        self._command = None
        self._periods += round(RESET_SECONDS / self._timestep_s / self._steps)
        self._wrench = self._sensor.measure(self.data) + self._sensor.noise(self._rng)
        if state is not None:
            now = {'periods': self._periods, 'rng': self._rng.bit_generator.state, 'looks': seed}
            with snapshot.of_this_scene():
                self.load_state(snapshot.unpack(state) | now)
        snapshot.check_free(self.model, self.data, seed)

    def apply(self, command: JointCommand) -> None:
        """Takes the command for the coming control period.

        Raises:
            InputError: wrong number of joints, a value that is not finite, or a mode that the
                robot's low-level controller does not understand.
        """
        check_command(command, self._firmware.modes, self._robot)
        self._command = command

    def step(self) -> None:
        """Runs one control period."""
        command, self._command = self._command, None
        command = self.dynamics.arrive(command)
        if command is not None and (error_xyz := self.task.control_error(self._rng)) is not None:
            tool = self._kinematics.evaluate(self.data.qpos[self._qpos])
            command = disturbed(command, tool.jacobian, error_xyz)
        self._firmware.take(self.data, command)
        left, samples = self._steps, []
        while left > 0:
            count = min(left, self._firmware_steps)
            mujoco.mj_step1(self.model, self.data)
            self._firmware.hold_back(self.data)
            mujoco.mj_step2(self.model, self.data)
            if count > 1:
                mujoco.mj_step(self.model, self.data, nstep=count - 1)
            samples.append(self._sensor.measure(self.data))
            left -= count
        mujoco.mj_kinematics(self.model, self.data)
        self._wrench = sum(samples) / len(samples) + self._sensor.noise(self._rng)
        self._periods += 1

    # ---- sensors -------------------------------------------------------------------------

    @property
    def stamp_ns(self) -> int:
        """Simulated time; it never goes back, resets included."""
        return self._periods * round(1e9 * self._steps * self._timestep_s)

    def joint_state(self) -> JointState:
        """The commanded joints."""
        return JointState(self.stamp_ns, self.data.qpos[self._qpos], self.data.qvel[self._dofs])

    def wrench(self) -> Wrench:
        """Mean of the wrist sensor over the last control period, tool's weight included."""
        return Wrench(self.stamp_ns, self._wrench[:3].copy(), self._wrench[3:].copy())

    def contact(self) -> bool:
        """The electrical contact of the task."""
        return self.task.contact(*self._tool_pose())

    def scene_state(self) -> Entries:
        """What a tracker would tell of the objects, and the goal; see the task."""
        return self.task.observe(self.data)

    # ---- for tests, evaluation and videos ------------------------------------------------

    def privileged(self) -> dict[str, FloatArray]:
        """What no sensor gives; see the task."""
        tool_xyz, rotation = self._tool_pose()
        state = {'tool_xyz': tool_xyz.copy(), 'tool_rotation': rotation.copy()}
        return state | self.task.privileged(tool_xyz, rotation)

    def save_state(self) -> dict[str, Any]:
        """Everything that the future depends on, time included."""
        command = self._command
        return {
            'physics': snapshot.physics_of(self.model, self.data),
            'periods': self._periods,
            'wrench': self._wrench.copy(),
            'command': command and [command.stamp_ns, command.mode, command.value],
            'rng': self._rng.bit_generator.state,
            'task': self.task.save(),
            'dynamics': self.dynamics.save(),
            'looks': self.looks.seed,
            'frames': self.looks.frames.save(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes back to a saved state; the same commands then give the same bits.

        Raises:
            InputError: the state is none of this scene.
        """
        snapshot.check_physics(self.model, state['physics'])
        self._begin_looks(state.get('looks', 0), state.get('frames'))
        self.dynamics.load(state['dynamics'])
        self.task.resize(self.dynamics.sizes)
        self.task.load(state['task'])
        snapshot.set_physics(self.model, self.data, state['physics'])
        self._periods = state['periods']
        self._wrench = state['wrench'].copy()
        self._command = state['command'] and JointCommand(*state['command'])
        self._rng.bit_generator.state = state['rng']

    def world_state(self) -> NDArray[np.uint8]:
        """The state but for the cameras' frames, bytes of one length, that `reset` begins in."""
        return self._packer.pack(self.save_state() | {'frames': None})

    # ---- inside --------------------------------------------------------------------------

    def _pose(self, data: mujoco.MjData, start: Start) -> None:
        posture = posture_at(start, self._robot, self._kinematics, self._goal_rotation)
        self._firmware.place(data, posture, start.squeeze)

    def _paint(self, twin: mujoco.MjModel) -> None:
        self.task.paint(twin)
        self.dynamics.paint(twin)

    def _compile(self, visuals: bool) -> mujoco.MjModel:
        scene, tool = scenes.build(self._robot, visuals, self.task.physics)
        self.task.add_to(scene, tool, visuals)
        if visuals:
            add_looks(scene, self.looks.config, self.task.goal_xyz)
        self._wrist_name = scenes.wrist_body(scene, self._robot)
        return scene.compile()

    def _index(self) -> None:
        model, names = self.model, self._robot.joints
        self._qpos = np.array([model.joint(n).qposadr[0] for n in names])
        self._dofs = np.array([model.joint(n).dofadr[0] for n in names])
        self._tool = model.body(self._robot.tool_frame).id
        self.task.bind(model)

    def _tool_pose(self) -> tuple[FloatArray, FloatArray]:
        return self.data.xpos[self._tool], self.data.xmat[self._tool].reshape(3, 3)
