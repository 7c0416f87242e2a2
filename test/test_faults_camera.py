# SPDX-License-Identifier: Apache-2.0
"""A camera that stops, and a RealSense that is unplugged, with real processes on the fake arm.

The pictures go through the camera node: raw topics in the first graph, the RealSense SDK in the
second. A lost camera makes no observation, hence no action, and the arm holds.
"""

import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from arm_stage import ALLOWANCE_S, BEST_EFFORT
from fault_graph import Graph, Nodes
from rcl_interfaces.msg import Log
from robot_rl_msgs import msg as rr
from sensor_msgs.msg import Image

from robot_rl import resources
from robot_rl.errors import InputError
from robot_rl.nodes import conversions as convert
from robot_rl.perception.realsense import load_sdk

pytestmark = pytest.mark.graph

#: From the fault to the hold, and from plugging in to the first picture.
HOLD_S = 0.15
RETURN_S = 5.0
MAX_AGE_S = 0.05

LIGHT = ('episode_node', 'reward_node', 'replay_node', 'policy_node', 'controller_node')
NODES: Nodes = {
    'rest': ('container', {'nodes': LIGHT}),
    'safety': ('safety_node', {}),
    'driver': ('driver_node', {}),
}


class SeeingGraph(Graph):
    """The graph with a camera; its policy leaves the base controller alone.

    Attributes:
        actions: of the policy.
        steps: of the replay stream.
        pictures: colour that the camera node lets pass.
        log: of all nodes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, NODES, learning=False, policy='zero')
        task = yaml.safe_load(resources.find('config/tasks', 'usb_insertion').read_text())
        camera = {'name': 'wrist', 'size': [32, 32], 'depth': True, 'max_age_s': MAX_AGE_S}
        task |= {'cameras': [camera], 'horizon': 100000, 'start': {'timeout_s': 8.0}}
        for kind in ('color', 'depth'):
            task['observation'] += [{'name': kind, 'source': kind, 'camera': 'wrist'}]
        self.settings['task'].write_text(yaml.safe_dump(task))
        self.actions = self.listener.collect(rr.Action, 'policy/action')
        self.steps = self.listener.collect(rr.Step, 'replay')
        self.pictures = self.listener.collect(Image, 'wrist/color', BEST_EFFORT)
        self.log = self.listener.collect(Log, '/rosout')

    def lost(self, row: str, name: str, number: signal.Signals) -> tuple[float, int]:
        """Takes the camera away, checks what follows; when, and in which episode it was."""
        self.steps.clear()
        self.until(lambda: len(self.steps) > 0, 10, 'a step')
        struck = self.strike(name, number)
        held = self.check(row, struck, HOLD_S)
        self.actions.clear()
        episode = self.observations[-1].episode
        self.observations.clear()
        self.watch(0.5)
        assert not any(v.any() for _, v in self.after(held))
        assert not self.observations
        assert not self.actions
        return struck, int(episode)

    def returned(self, since: float, episode: int) -> None:
        """Waits for the next episode, and looks at what was stored since the fault."""
        self.arm('safety')  # as a loaded machine may have disarmed the driver
        self.until(lambda: bool(self.observations), 20, 'observations')
        assert all(o.episode > episode for o in self.observations)
        self.until(lambda: any(s.observation.episode > episode for s in self.steps), 10, 'steps')
        cut = [s for s in self.steps if s.observation.episode == episode]
        assert cut
        assert not any(s.terminated or s.success for s in self.steps)
        stamps = [convert.from_time(s.observation.header.stamp) * 1e-9 for s in cut]
        assert max(stamps) < since + MAX_AGE_S, 'a step of a time without pictures'
        assert any('the episode is truncated' in message.msg for message in self.log)


@pytest.fixture
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeeingGraph]:
    made = SeeingGraph(tmp_path_factory.mktemp('run'))
    yield made
    made.close()


@pytest.mark.fault(4)
def test_row_4_a_camera_that_stops_holds_the_arm(graph: SeeingGraph) -> None:
    graph.start_script('source', 'camera_source.py')
    graph.start('camera', 'camera_node', **graph.settings)
    graph.bring_up()
    struck, episode = graph.lost('4 camera stopped', 'source', signal.SIGSTOP)
    graph.until(lambda: graph.says('camera_node', 'wrist: no good frame for'), 10, 'silence')
    graph.observations.clear()
    graph.send('source', signal.SIGCONT)
    graph.returned(struck, episode)
    graph.until(lambda: graph.says('camera_node', 'wrist: ok'), 10, 'the camera')
    for name in ('camera', 'source'):
        graph.end(name)


@pytest.mark.fault(6)
def test_row_6_a_realsense_that_is_unplugged_comes_back_by_itself(
    graph: SeeingGraph, tmp_path: Path
) -> None:
    try:
        load_sdk()
    except InputError as error:
        pytest.skip(str(error))
    rig, looks = tmp_path / 'rig.yaml', tmp_path / 'looks.txt'
    rig.write_text('cameras: {wrist: {kind: realsense, serial: "77"}}')
    settings = graph.settings | {'camera_sources': rig}
    given = [part for k, v in settings.items() for part in ('-p', f'{k}:={v}'.lower())]
    graph.start_script('camera', 'software_camera_node.py', str(looks), '--ros-args', *given)
    graph.bring_up()
    graph.until(lambda: graph.says('camera_node', 'wrist: ok'), 10, 'the camera')
    struck, episode = graph.lost('6 camera unplugged', 'camera', signal.SIGUSR1)
    gone = 'realsense: no camera with serial 77; found: none'
    graph.until(lambda: graph.says('camera_node', gone), 10, gone)
    graph.watch(2.5)
    times = [float(line) for line in looks.read_text().split()][1:]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) >= 2
    assert all(0.95 < gap < 1.5 for gap in gaps), gaps
    graph.observations.clear()
    graph.pictures.clear()
    plugged = graph.send('camera', signal.SIGUSR1)
    graph.until(lambda: bool(graph.pictures), 10, 'pictures')
    seconds = time.monotonic() - plugged
    print(f'6 camera plugged in again: the first picture after {seconds:.1f} s')
    assert seconds < RETURN_S + ALLOWANCE_S
    graph.returned(struck, episode)
