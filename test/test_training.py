# SPDX-License-Identifier: Apache-2.0
"""Training through the whole graph: repeatable, interruptible, resumable, without orphans."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.integrity import small_agent
from robot_rl.report.metrics import read_metrics

pytestmark = pytest.mark.graph

STEPS = 240


@pytest.fixture
def agent(tmp_path: Path) -> str:
    """A small agent that starts to learn soon and saves often."""
    return str(small_agent(tmp_path, warmup_steps=40, checkpoint_steps=60))


def start(agent: str, run: Path, **values: Any) -> subprocess.Popen[str]:
    """A training in lock step, as a person starts it."""
    arguments = {'agent': agent, 'run_dir': run, 'seed': 5, 'steps': STEPS} | values
    return subprocess.Popen(
        [
            str(Path(sys.prefix, 'bin', 'robot-rl')),
            'launch',
            'train_sim.launch.py',
            *(f'{name}:={value}' for name, value in arguments.items()),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(graph: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str]:
    output, _ = graph.communicate(timeout=seconds)
    return graph.returncode, output


def newest(run: Path) -> dict[str, Any]:
    """What the newest checkpoint of a run says."""
    folders = sorted((run / 'checkpoints').iterdir())
    return dict(json.loads((folders[-1] / 'meta.json').read_text()))


def until(condition: Any, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def children(parent: int) -> list[int]:
    """Processes that a process has started and that still run."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rsplit(')', 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != 'Z':
            found.append(int(stat.parent.name))
    return found


@pytest.mark.timeout(200)
def test_a_run_follows_from_its_seed(agent: str, tmp_path: Path) -> None:
    """Learner and collector are two processes, and yet the weights are equal bit for bit."""
    ends = []
    for name in ('first', 'second'):
        status, output = finish(start(agent, tmp_path / name))
        assert status == 0, output
        ends.append(newest(tmp_path / name))
    assert ends[0]['env_steps'] == STEPS
    assert ends[0]['updates'] == STEPS - 40
    assert ends[0]['lost_steps'] == ends[0]['duplicate_steps'] == 0
    assert ends[0]['sha256']['policy'] == ends[1]['sha256']['policy']


@pytest.mark.timeout(200)
def test_an_interrupted_run_goes_on_with_its_counters(agent: str, tmp_path: Path) -> None:
    graph = start(agent, tmp_path / 'run', steps=100_000)
    checkpoints = tmp_path / 'run' / 'checkpoints'
    assert until(lambda: checkpoints.is_dir() and any(checkpoints.glob('0*')))
    started = children(graph.pid)
    assert started
    graph.send_signal(signal.SIGINT)
    status, output = finish(graph, 30)
    assert status == 130, output
    assert not [pid for pid in started if Path(f'/proc/{pid}').exists()]
    before = newest(tmp_path / 'run')
    assert before['env_steps'] >= 60

    steps = before['env_steps'] + 60
    again = start(agent, tmp_path / 'again', checkpoint=tmp_path / 'run', steps=steps)
    status, output = finish(again)
    assert status == 0, output
    after = newest(tmp_path / 'again')
    assert after['env_steps'] == steps
    assert after['updates'] == steps - 40
    assert after['run'] == before['run']
    episodes = [row['episode'] for row in read_metrics(tmp_path / 'again' / 'metrics.jsonl')]
    assert episodes[0] == before['statistics']['last_episode'] + 1


@pytest.mark.timeout(120)
@pytest.mark.fault(32)
def test_a_second_graph_in_the_same_namespace_is_refused(agent: str, tmp_path: Path) -> None:
    first = start(agent, tmp_path / 'first', steps=100_000, sync='realtime')
    try:
        metrics = tmp_path / 'first' / 'metrics.jsonl'
        assert until(lambda: metrics.is_file() and metrics.stat().st_size > 0)
        status, output = finish(start(agent, tmp_path / 'second'), 60)
        assert status != 0
        assert "a graph already runs in the namespace '/'" in output
        assert 'Traceback' not in output
        assert first.poll() is None
        size = metrics.stat().st_size
        assert until(lambda: metrics.stat().st_size > size), 'the first graph stopped'
    finally:
        first.send_signal(signal.SIGINT)
        finish(first, 30)


@pytest.mark.timeout(120)
def test_a_dead_learner_ends_the_simulation_with_its_name(agent: str, tmp_path: Path) -> None:
    graph = start(agent, tmp_path / 'run', steps=100_000)
    metrics = tmp_path / 'run' / 'metrics.jsonl'
    assert until(lambda: metrics.is_file() and metrics.stat().st_size > 0)
    learner = [
        pid
        for pid in children(graph.pid)
        if b'learner_node' in Path(f'/proc/{pid}/cmdline').read_bytes()
    ]
    os.kill(learner[0], signal.SIGKILL)
    status, output = finish(graph, 60)
    assert status != 0
    assert 'learner_node' in output
    assert not children(os.getpid()) or graph.pid not in children(os.getpid())
