# SPDX-License-Identifier: Apache-2.0
"""Learns from the replay stream, in its own process, at an enforced number of updates a step.

    | topic | type | unit |
    |---|---|---|
    | in  `replay` | robot_rl_msgs/Step | |
    | out `policy/weights` | robot_rl_msgs/PolicyWeights | latched |
    | out `replay/ack` | robot_rl_msgs/ReplayAck | what a checkpoint holds, what is missing |
    | srv `save_checkpoint` | robot_rl_msgs/SaveCheckpoint | |

The learner is in `learning/learner.py`. In lock step the owed updates follow each step at
once, so that the run follows from its seed; in real time one update at a time is done between
messages. Metrics go to `metrics.jsonl` of the run folder, one line an episode; the progress
line goes to standard output.
"""

import os
import time
from pathlib import Path
from typing import Any

import torch
from robot_rl_msgs import msg as rr
from robot_rl_msgs.srv import SaveCheckpoint

from robot_rl.errors import InputError
from robot_rl.learning.build import make_learner, restore
from robot_rl.learning.checkpoint import CheckpointWriter, resume_from
from robot_rl.learning.statistics import Episode
from robot_rl.nodes import records
from robot_rl.nodes.common import EVENT_QOS, REPLAY_QOS, GraphNode, weights_qos
from robot_rl.nodes.running import run
from robot_rl.replay.inbox import Inbox
from robot_rl.report.metrics import MetricsWriter, forget_after
from robot_rl.report.progress import progress_line

PROGRESS_SECONDS = 1.0
ASK_SECONDS = 0.2
NICE = 10  # on a busy machine learning gives way, and so do its checkpoints
CHECKPOINT_SECONDS = 45.0  # so that the newest on disk is never older than a minute


class LearnerNode(GraphNode):
    """Moves messages; the learner learns."""

    sole_topics = ('policy/weights',)

    def __init__(self, **kwargs: Any) -> None:
        """Declares parameters, builds or restores the learner, opens the topics."""
        super().__init__('learner_node', **kwargs)
        torch.set_num_threads(1)
        parameters = self.parameters
        folder = Path(parameters.run_dir or 'runs/unnamed')
        self._learner = make_learner(self.task, self.robot, parameters.seed, self._run_name())
        source = resume_from(str(folder), parameters.checkpoint)
        if source:
            restore(self._learner, source)
        self._checkpoint_s = self._read_checkpoint_seconds()
        self._started_at = self._learner.summary()
        self._started = self._saved = time.monotonic()
        self._writer = CheckpointWriter(folder)
        forget_after(folder / 'metrics.jsonl', 'env_steps', self._started_at['env_steps'])
        self._metrics = MetricsWriter(folder / 'metrics.jsonl')
        self._played_version, self._last_return = -1, 0.0
        qos = weights_qos(parameters.lockstep)
        self._weights = self.create_publisher(rr.PolicyWeights, 'policy/weights', qos)
        self._acks = self.create_publisher(rr.ReplayAck, 'replay/ack', EVENT_QOS)
        self.create_subscription(rr.Step, 'replay', self._on_step, REPLAY_QOS)
        self.create_service(SaveCheckpoint, 'save_checkpoint', self._on_save)
        self.create_timer(PROGRESS_SECONDS, self._show_progress)
        if not parameters.lockstep:
            self.create_timer(0.001, self._update_once)
        self._heard = False
        self._inbox = Inbox(self._learner.replay.sequences)
        self._starting = self.create_timer(0.01, self._start)
        self.create_timer(ASK_SECONDS, self._ask)

    def _read_checkpoint_seconds(self) -> float:
        """The parameter `checkpoint_seconds`: the longest time between two checkpoints."""
        seconds = float(self.declare_parameter('checkpoint_seconds', CHECKPOINT_SECONDS).value)
        if not 0 < seconds <= CHECKPOINT_SECONDS:
            raise InputError(
                f'parameter checkpoint_seconds: expected more than 0 and at most '
                f'{CHECKPOINT_SECONDS:g}, got {seconds:g}'
            )
        return seconds

    def _start(self) -> None:
        """Sends the first policy, in lock step after the offline phase."""
        self._starting.cancel()
        while self.parameters.lockstep and self._learner.owed:
            self._learner.update()
        self._hand_out()

    def _ask(self) -> None:
        """Asks for steps that are missing, and for all while nothing was heard."""
        missing = self._inbox.missing if self._heard else {'': 0}
        for collector, wanted in missing.items():
            self._acks.publish(rr.ReplayAck(collector=collector, resend=True, wanted=wanted))

    def _run_name(self) -> str:
        """Later runs sort after earlier ones."""
        return f'{time.time_ns():020d}-{os.getpid()}'

    def _on_step(self, message: rr.Step) -> None:
        self._heard = True
        key = message.collector, message.sequence, message.previous
        if self._done or not self._inbox.accept(*key):
            return
        try:
            step = records.from_step(message)
            episode = self._learner.add(step)
        except InputError as error:
            self.complain(error)
            return
        self._played_version = max(self._played_version, step.version)
        while self.parameters.lockstep and self._learner.owed:
            self._learner.update()
        if episode is not None:
            self._note(episode)
        self._hand_out()

    def _update_once(self) -> None:
        if self._learner.owed and not self._done:
            self._learner.update()
            if self._learner.publish_due:  # the offline phase is over
                self._hand_out()

    def _hand_out(self) -> None:
        """Sends the policy and writes the checkpoint where they are due; ends the run."""
        if self._learner.publish_due:
            self._weights.publish(records.to_weights(self._learner.weights()))
        if self._learner.diverged:
            self._report_divergence()
        late = time.monotonic() - self._saved > self._checkpoint_s
        if (self._learner.checkpoint_due or late) and not self._writer.busy:
            self._save()
        if self._done:
            self.finish()

    def _report_divergence(self) -> None:
        """On a robot the last good policy plays on; in lock step nobody would ever move again."""
        error = InputError(f'learning diverged: {self._learner.diverged}')
        if self.parameters.lockstep:
            raise error
        self.complain(error)

    @property
    def _done(self) -> bool:
        steps = self._learner.statistics.env_steps
        return 0 < self.parameters.steps <= steps and not self._learner.owed

    def _save(self) -> None:
        """Starts to write a checkpoint, and acknowledges what the last one on the disk holds."""
        if self._writer.error:
            self.complain(InputError(self._writer.error))
        for collector, sequence in self._writer.written.get('sequences', {}).items():
            self._acks.publish(rr.ReplayAck(collector=collector, stored=sequence))
        self._saved = time.monotonic()
        try:
            self._writer.start(self._learner.checkpoint())
        except InputError as error:
            self.complain(error)

    def _on_save(
        self, _: SaveCheckpoint.Request, answer: SaveCheckpoint.Response
    ) -> SaveCheckpoint.Response:
        self._save()
        self._writer.wait()
        answer.message = self._writer.error or self._learner.diverged
        answer.success = not answer.message
        answer.path = str(self._writer.latest or '')
        return answer

    def _note(self, episode: Episode) -> None:
        self._last_return = episode.score
        summary = self._learner.summary()
        row = {
            'episode': episode.number,
            'length': episode.length,
            'return': episode.score,
            'success': episode.success,
            'interventions': episode.interventions,
            'version': episode.version,
            'env_steps': summary['env_steps'],
            'robot_minutes': summary['robot_minutes'],
            'updates': summary['updates'],
            'seconds': time.monotonic() - self._started,
        }
        self._metrics.write(row | self._learner.metrics)

    def _rates(self) -> dict[str, float]:
        seconds = max(time.monotonic() - self._started, 1e-9)
        now = self._learner.summary()
        return {
            f'{name}_per_s': (now[key] - self._started_at[key]) / seconds
            for name, key in (('steps', 'env_steps'), ('updates', 'updates'))
        }

    def _show_progress(self) -> None:
        summary, rates = self._learner.summary(), self._rates()
        updates = summary['updates']
        behind = max(0, updates - max(self._played_version, 0))
        values = rates | {
            'step': summary['env_steps'],
            'steps': self.parameters.steps,
            'episode': summary['episodes'],
            'success_rate': summary['success_rate_20'],
            'rate_episodes': min(20, summary['episodes']),
            'episode_return': self._last_return,
            'policy_version': self._played_version,
            'policy_age_s': behind / max(rates['updates_per_s'], 1e-9) if behind else 0.0,
            'interventions': summary['safety_interventions'],
            'note': self._learner.diverged,
        }
        width = int(os.environ.get('ROBOT_RL_PROGRESS_COLUMNS') or 0)
        print(progress_line(values, width), end='\r' if width else '\n', flush=True)

    def shutdown(self) -> None:
        """Leaves a checkpoint to go on from, and the counters of the run."""
        self._show_progress()
        if not self._learner.diverged:
            self._writer.start(self._learner.checkpoint())
        self._writer.wait()
        self._metrics.close()


def main() -> None:
    """Runs the node alone."""
    run(_build)


def _build() -> LearnerNode:
    """The node; in real time its process gives way to the others."""
    node = LearnerNode()
    if not node.parameters.lockstep:
        os.nice(NICE)
    return node
