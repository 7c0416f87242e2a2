# SPDX-License-Identifier: Apache-2.0
"""kill -9 of learner, policy, replay or the whole graph at random moments of a training.

The simulation trains in real time, each of the three in a process of its own; whatever is killed
starts again. After every kill the next checkpoint must go on with the run's counters, hold every
step up to the next one that it wants or count it as lost, and hold no step twice. A resume bit for
bit is `test_resume_goes_on_bit_for_bit`. Also measured: updates while checkpoints are being
written against updates alone. The last line is one JSON object; the status is 0 when all held.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.checkpoint_time import measure
from benchmarks.processes import Processes
from robot_rl import arrays, resources
from robot_rl.errors import InputError
from robot_rl.learning.checkpoint import Checkpoint, load_latest
from robot_rl.ranges import at_least_one, non_negative

WORLD = ('sim_bridge', 'episode_node', 'controller_node', 'safety_node', 'reward_node')
GRAPH: dict[str, tuple[str, dict[str, object]]] = {
    'world': ('container', {'nodes': list(WORLD)}),
    'policy': ('policy_node', {}),
    'replay': ('replay_node', {}),
    'learner': ('learner_node', {'checkpoint_seconds': 1.0}),
}
VICTIMS = {'learner': ('learner',), 'policy': ('policy',), 'replay': ('replay',), 'all': (*GRAPH,)}
WAIT_SECONDS = 120.0
#: What tells one step from another; the sensors are noisy.
SEEN = ('replay/entries/', 'replay/action')
RISING = ('env_steps', 'updates', 'episodes')


@dataclass
class Findings:
    """What the checkpoints after the kills say.

    Attributes:
        kills: survived, by victim.
        faults: what did not hold, in words.
        lost: steps counted as lost, by victim.
    """

    kills: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    def compare(self, victim: str, before: dict[str, Any], after: Checkpoint) -> None:
        """Takes the checkpoint before a kill and one written some time after it."""
        self.kills[victim] += 1
        self.lost[victim] += after.meta['lost_steps'] - before['lost_steps']
        found = audit(after)
        if after.meta['run'] != before['run']:
            found.append(f'run {after.meta["run"]}, not {before["run"]}')
        for name in RISING:
            if not after.meta[name] >= before[name]:
                found.append(f'{name} fell from {before[name]} to {after.meta[name]}')
        self.faults += [f'{victim}: {fault}' for fault in found]


def audit(checkpoint: Checkpoint) -> list[str]:
    """What is wrong in the books of one checkpoint."""
    learner = checkpoint.files['learner']
    _, (_, written, gaps, _, rejected), streams = arrays.to_json(learner['replay/book'])
    wanted = sum(values[0] for values in streams.values())
    faults = []
    if written + rejected + gaps != wanted:
        faults.append(f'{wanted - written - rejected - gaps} steps neither stored nor counted')
    stored = [array for name, array in learner.items() if name.startswith(SEEN)]
    rows = np.concatenate([array.reshape(len(array), -1) for array in stored], axis=1)
    if twice := len(rows) - len(np.unique(rows, axis=0)):
        faults.append(f'{twice} steps stored twice')
    return faults


def small_agent(folder: Path, **learner: object) -> Path:
    """The task's agent, small, so that it learns beside everything else.

    Args:
        folder: of the file.
        learner: keys of its learner.
    """
    data = yaml.safe_load(resources.find('config/agents', 'sac_residual').read_text())
    data['agent'] |= {'hidden': [16], 'critic_burn_in': 0}
    data['learner'] |= {'batch_size': 32} | learner
    path = folder / 'small.yaml'
    path.write_text(yaml.safe_dump(data))
    return path


def newest(folder: Path, above: int = -1) -> Checkpoint:
    """The newest checkpoint, once it has more than so many actions.

    Raises:
        InputError: none came in time.
    """
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        time.sleep(0.1)
        if any((folder / 'checkpoints').glob('0*')):
            found, _ = load_latest(folder)
            if found.meta['env_steps'] > above:
                return found
    raise InputError(f'{folder}: no checkpoint above {above} actions in {WAIT_SECONDS:g} s')


def kill(kills: int, seed: int, names: list[str]) -> Findings:
    """Trains and kills."""
    rng, findings = np.random.default_rng(seed), Findings()
    victims = [names[k % len(names)] for k in range(kills)]
    rng.shuffle(victims)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        agent = small_agent(folder, warmup_steps=10, updates_per_step=0.5)
        settings = {'task': 'usb_insertion', 'agent': agent, 'sync': 'realtime'}
        with Processes(GRAPH, settings | {'seed': seed, 'run_dir': folder}) as graph:
            graph.start(*GRAPH)
            newest(folder, above=20)
            for victim in victims:
                time.sleep(float(rng.uniform(0.0, 3.0)))
                graph.kill(*VICTIMS[victim])
                before = load_latest(folder)[0].meta
                graph.start(*VICTIMS[victim])
                after = newest(folder, before['env_steps'] + 15)
                findings.compare(victim, before, after)
                counts = [
                    f'{m["env_steps"]} actions, {m["lost_steps"]} lost'
                    for m in (before, after.meta)
                ]
                print(f'{victim}: {counts[0]}, then {counts[1]}', flush=True)
    return findings


def main(argv: list[str]) -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(prog='robot-rl bench integrity', description=__doc__)
    parser.add_argument('--kills', type=at_least_one, default=20)
    parser.add_argument('--victims', nargs='+', choices=list(VICTIMS), default=list(VICTIMS))
    parser.add_argument('--seed', type=non_negative, default=0)
    parser.add_argument('--stored', type=at_least_one, default=20_000, help='steps in a save')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    times = measure(options.stored)
    findings = kill(options.kills, options.seed, options.victims)
    print(*findings.faults, sep='\n')
    held = not findings.faults
    result = {'name': 'integrity', 'value': sum(findings.kills.values()), 'unit': 'kills survived'}
    result |= {'held': held, 'faults': findings.faults, 'kills': dict(findings.kills)}
    print(json.dumps(result | {'lost_steps': dict(findings.lost), 'saving': times}))
    return 0 if held and times['ratio'] <= 2 else 1
