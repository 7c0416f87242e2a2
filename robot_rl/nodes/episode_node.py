# SPDX-License-Identifier: Apache-2.0
"""Turns sensor streams into observations, one a step, and opens and ends the episodes.

    | topic | type | unit |
    |---|---|---|
    | in  `joint_states` | sensor_msgs/JointState | rad, rad/s |
    | in  `wrench` | geometry_msgs/WrenchStamped | N, N m in tool0 |
    | in  `CAMERA/color`, `CAMERA/depth` | sensor_msgs/Image | rgb8 or mono8, 32FC1 m |
    | in  `scene_state` | robot_rl_msgs/SceneState | of a tracker, where the task needs it |
    | in  `reward` | robot_rl_msgs/Reward | |
    | in  `operator/event` | robot_rl_msgs/OperatorEvent | |
    | out `observation` | robot_rl_msgs/Observation | |
    | cli `reset` or `control/reset` | robot_rl_msgs/Reset | put there, or moved there |

Alignment is in `episodes/align.py`, the entries in `episodes/observation.py`, numbering, goals
and ends in `episodes/episode.py`; silence is noticed in `episodes/{reward,reset}_watch.py`.
"""

import json
import math
import os
import time
from array import array
from functools import partial
from pathlib import Path
from typing import Any

from geometry_msgs.msg import WrenchStamped
from robot_rl_msgs import msg as rr
from robot_rl_msgs.srv import Reset
from sensor_msgs.msg import Image, JointState

from robot_rl.control.kinematics import Kinematics
from robot_rl.episodes.align import AlignConfig, Aligner
from robot_rl.episodes.episode import Episodes, Limits
from robot_rl.episodes.observation import ObservationBuilder
from robot_rl.episodes.reward_watch import RewardWatch
from robot_rl.episodes.tally import Tally
from robot_rl.errors import InputError
from robot_rl.learning.build import make_starts, read_saved
from robot_rl.learning.checkpoint import resume_from
from robot_rl.nodes import conversions as convert, records
from robot_rl.nodes.common import EVENT_QOS, GraphNode, sensor_qos, step_qos
from robot_rl.nodes.readiness import complete, senders
from robot_rl.nodes.reset_client import ResetClient
from robot_rl.nodes.running import run
from robot_rl.priority import CONTROL
from robot_rl.report.files import write_text
from robot_rl.rewards.functions import fault_after_reset
from robot_rl.types import Observation, Snapshot

MAX_AGE_NS = 100_000_000
REWARD_SECONDS = 0.4
LOOK_SECONDS = 0.1
SETTLE_SECONDS = 0.3
TRIES = 2  # of a reset, before a person is asked


class EpisodeNode(GraphNode):
    """Moves messages; decides nothing itself."""

    sole_topics = ('observation',)
    priority = CONTROL

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds the core, opens the topics."""
        super().__init__('episode_node', **kwargs)
        lockstep = self.parameters.lockstep
        self._order = convert.JointOrder(self.robot.joints)
        self._episodes = self._make_episodes()
        age_ns = 0 if lockstep else MAX_AGE_NS
        ages_ns = {} if lockstep else self.task.picture_ages_ns
        align = AlignConfig(self.task.rates.action_period_ns, age_ns, self.task.streams, ages_ns)
        self._aligner = Aligner(align)
        self._aligner.pause()
        learns = self.parameters.learning and self.parameters.reset == 'scene'
        self._starts = make_starts(self.task, self.parameters.seed) if learns else None
        self._current: Observation | None = None
        self._rewards = RewardWatch(math.inf if lockstep else REWARD_SECONDS)
        self._tally = Tally()
        self._ready_since: float | None = None
        self._failures = 0
        self._publisher = self.create_publisher(rr.Observation, 'observation', step_qos(lockstep))
        qos = sensor_qos(lockstep)
        self.create_subscription(JointState, 'joint_states', self._on_state, qos)
        self.create_subscription(WrenchStamped, 'wrench', self._on_wrench, qos)
        for stream in self.task.pictures:
            self.create_subscription(Image, stream, partial(self._on_image, stream), qos)
        if self.task.scene_sizes:
            self.create_subscription(rr.SceneState, 'scene_state', self._on_scene, qos)
        self.create_subscription(rr.Reward, 'reward', self._on_reward, step_qos(lockstep))
        self.create_subscription(rr.OperatorEvent, 'operator/event', self._on_event, EVENT_QOS)
        self._reset = ResetClient(self, self._on_reset)
        self._starting = self.create_timer(0.05, self._start_when_ready)
        if not lockstep:
            self.create_timer(LOOK_SECONDS, self._look_for_rewards)

    def _make_episodes(self) -> Episodes:
        parameters = self.parameters
        source = resume_from(parameters.run_dir, parameters.checkpoint)
        saved = read_saved(source) if parameters.learning and source else None
        limits = Limits(
            horizon=self.task.horizon,
            steps=parameters.steps,
            episodes=parameters.episodes,
            first_episode=saved.episodes if saved else 0,
            first_step=saved.env_steps if saved else 0,
        )
        builder = ObservationBuilder(
            self.task.observation, Kinematics(self.robot), self.task.goal.from_scene
        )
        collector = f'{self.get_fully_qualified_name()}:{os.getpid()}:{time.time_ns()}'
        return Episodes(builder, self.task.goal, limits, parameters.seed, collector)

    def _start_when_ready(self) -> None:
        ready = self._reset.ready() and complete(self)
        now = time.monotonic()
        self._ready_since = (self._ready_since or now) if ready else None
        if self._ready_since is not None and now - self._ready_since > SETTLE_SECONDS:
            self._starting.cancel()
            self._begin()

    def _begin(self) -> None:
        """Asks for the start of the next episode, or ends."""
        self._aligner.pause()
        self._rewards.forget()
        if self._episodes.exhausted:
            self._end_run()
            return
        request = self._episodes.reset()
        asked = Reset.Request(seed=request.seed, episode=request.episode)
        start = self._starts.draw(request.episode) if self._starts else None
        if start is not None:
            asked.state = array('B', start.state)
        self._reset.ask(asked)

    def _end_run(self) -> None:
        """Notes what was played; with a learner, it ends the graph once it has learned from it."""
        summary = self._tally.summary()
        if self.parameters.run_dir:
            path = Path(self.parameters.run_dir, 'played.json')
            write_text(path, json.dumps(summary) + '\n')
        self.get_logger().info('  '.join(f'{k} {v:.4g}' for k, v in summary.items()))
        if not self.parameters.learning:
            self.finish()

    def _on_reset(self, answer: Reset.Response) -> None:
        if not answer.success:
            self._refused(answer.message)
            return
        self._failures = 0
        self._aligner.restart(convert.from_time(answer.stamp))
        self._observe()

    def _refused(self, reason: str) -> None:
        """Tries a reset once more, then waits for a person."""
        self._failures += 1
        again = self._failures < TRIES
        then = 'next try in 1 s' if again else 'waiting for a person: operator event RESUME'
        self.complain(InputError(f'reset: {reason}; {then}'))
        if again:
            self._begin_later()

    def _begin_later(self) -> None:
        self._rewards.forget()
        timer = self.create_timer(1.0, lambda: (timer.cancel(), self._begin()))

    def _on_state(self, message: JointState) -> None:
        try:
            self._aligner.add_state(convert.from_joint_state(message, self._order))
        except InputError as error:
            self.complain(error)
        self._observe()

    def _on_wrench(self, message: WrenchStamped) -> None:
        self._aligner.add_wrench(convert.from_wrench(message))
        self._observe()

    def _on_image(self, stream: str, message: Image) -> None:
        pixels = convert.from_image(message, stream)
        self._aligner.add_image(stream, convert.from_time(message.header.stamp), pixels)
        self._observe()

    def _on_scene(self, message: rr.SceneState) -> None:
        try:
            told = records.from_scene_state(message, self.task.scene_sizes)
        except InputError as error:
            self.complain(error)
            return
        stamp_ns = convert.from_time(message.header.stamp)
        for name, values in told.items():
            self._aligner.add_image(f'scene/{name}', stamp_ns, values)
        self._observe()

    def _observe(self) -> None:
        snapshot = self._aligner.take()
        if snapshot is None:
            return
        if self._interrupted(snapshot):
            self.complain(InputError('sensors were silent; the episode is truncated'))
            self._begin()
            return
        self._current = self._episodes.observe(snapshot)
        self._tally.start(time.monotonic())
        self._rewards.ask(snapshot.stamp_ns, time.monotonic())
        self._publisher.publish(records.to_observation(self._current))

    def _interrupted(self, snapshot: Snapshot) -> bool:
        current = self._current
        if current is None or current.episode != self._episodes.episode:
            return False
        return snapshot.stamp_ns - current.stamp_ns > 3 * self.task.rates.action_period_ns

    def _look_for_rewards(self) -> None:
        """Nothing is observed while rewards are silent, and so nothing moves."""
        found = self._rewards.look(time.monotonic(), senders(self, 'reward'))
        if found == 'silent':
            self._aligner.pause()
            self.complain(InputError('reward: silent; nothing is observed until it is back'))
        elif found == 'replaced':
            self._begin_later()

    def _on_reward(self, message: rr.Reward) -> None:
        reward, current = records.from_reward(message), self._current
        was_silent = self._rewards.answer(reward.stamp_ns)
        if current is None or reward.stamp_ns != current.stamp_ns or self._episodes.over:
            return
        if fault := fault_after_reset(current, reward):
            self.complain(InputError(fault))
            self._begin_later()
        elif self._episodes.judge(current, reward):
            self._tally.finish(current, reward, time.monotonic())
            self._begin()
        elif was_silent:
            self.complain(InputError('rewards are back; the episode is truncated'))
            self._begin()

    def _on_event(self, message: rr.OperatorEvent) -> None:
        if message.event == rr.OperatorEvent.PAUSE:
            self._aligner.pause()
        elif message.event in (rr.OperatorEvent.DISCARD, rr.OperatorEvent.RESUME):
            self._failures = 0
            self._begin()


def main() -> None:
    """Runs the node alone."""
    run(EpisodeNode)
