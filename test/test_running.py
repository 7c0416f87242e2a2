# SPDX-License-Identifier: Apache-2.0
"""How a process of the graph ends."""

import shutil
from pathlib import Path

import pytest
from graph import LIGHT_NODES, Listener, process
from robot_rl_msgs.msg import Step

pytestmark = pytest.mark.graph


def test_what_one_node_cannot_save_keeps_no_other_from_saving(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, bag = tmp_path / 'run', tmp_path / 'bag'
    run.mkdir()
    listener = Listener()
    steps = listener.collect(Step, 'replay')
    settings = {'task': 'particle', 'policy': 'zero', 'learning': False, 'sync': 'lockstep'}
    with process('container', nodes=LIGHT_NODES, run_dir=run, bag=bag, **settings) as container:
        assert listener.until(lambda: len(steps) > 3)
        shutil.rmtree(run)
    listener.close()
    said = capfd.readouterr().out
    assert container.returncode == 2
    assert f'error: {run}/latency.json: cannot be written: No such file or directory' in said
    assert 'Traceback' not in said
    assert list(bag.rglob('metadata.yaml')), 'the recording was not finished'


def test_who_ends_takes_leave_at_once_and_does_not_destroy_the_participant() -> None:
    listener = Listener()
    node = listener.node
    with process('reward_node', sync='realtime') as running:
        keeper = f'_process_{running.pid}'
        assert listener.until(lambda: node.count_publishers('reward') == 1)
        assert listener.until(lambda: keeper in node.get_node_names())
    assert running.returncode == 0
    assert listener.until(lambda: node.count_publishers('reward') == 0, 1.0)
    assert keeper in node.get_node_names(), 'its last node was destroyed'
    listener.close()
