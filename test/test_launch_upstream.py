# SPDX-License-Identifier: Apache-2.0
"""ROS 2's own launch starts the same processes as the embedded launcher, from the same files.

Runs where ROBOT_RL_UPSTREAM_LAUNCH names a folder that `launch`, `launch_ros` and
`osrf_pycommon` can be imported from; elsewhere it is skipped.
"""

import pytest
from launch_recorder import ROBOT_RL_LAUNCH, ROS2_LAUNCH, UPSTREAM, Run, make_recorders, plan

pytestmark = [
    pytest.mark.graph,
    pytest.mark.skipif(
        not UPSTREAM,
        reason='ROBOT_RL_UPSTREAM_LAUNCH names no installation of launch and launch_ros',
    ),
]


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    yield make_recorders(tmp_path, monkeypatch)
    Run.end_all()


@pytest.mark.parametrize(
    ('file', 'words'),
    [
        ('train_sim', []),
        ('train_sim', ['processes:=separate', 'seed:=5', 'steps:=100', 'sync:=realtime']),
        ('train_sim', ['namespace:=cell_1', 'params:=PARAMS', 'camera:=true', 'teleop:=true']),
        ('train_real', []),
        ('train_real', ['robot:=sawyer', 'namespace:=/a/b', 'processes:=separate']),
        ('evaluate', ['checkpoint:=12', 'policy:=zero', 'episodes:=3', 'world:=real']),
        ('teleop', ['bag:=true', 'agent:=sac_residual']),
    ],
)
def test_upstream_starts_the_same(prefix, file, words):
    params = prefix / 'mine.yaml'
    params.write_text('/**: {ros__parameters: {seed: 3}}\n')
    words = [word.replace('PARAMS', str(params)) for word in words]
    arguments = dict(word.split(':=') for word in words)
    count = len(plan(file, **arguments))
    ours = Run(ROBOT_RL_LAUNCH, prefix / 'ours', file, words).calls(count)
    theirs = Run(ROS2_LAUNCH, prefix / 'theirs', file, words, upstream=True).calls(count)
    assert len(ours) == count
    assert ours == theirs


@pytest.mark.parametrize(('codes', 'runs', 'status'), [('1 0', 2, 0), ('0', 1, 0), ('2', 1, 2)])
def test_upstream_restarts_and_ends_alike(prefix, codes, runs, status):
    """The learner on hardware: restarted after a crash; the end when done or misconfigured."""
    ours = Run(ROBOT_RL_LAUNCH, prefix / 'ours', 'train_real', [], codes=codes)
    theirs = Run(ROS2_LAUNCH, prefix / 'theirs', 'train_real', [], upstream=True, codes=codes)
    for run in (ours, theirs):
        output = run.process.communicate(timeout=30.0)[0]
        learners = [call for call in run.records() if call['name'] == 'learner_node']
        assert len(learners) == runs, output
    assert ours.process.returncode == status
    assert theirs.process.returncode == 0  # Upstream reports no process's code.
