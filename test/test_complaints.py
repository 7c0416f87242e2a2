# SPDX-License-Identifier: Apache-2.0
"""What a node says of bad input: nothing is drowned, neither by itself nor by something else."""

from types import SimpleNamespace
from typing import Any

import pytest

from robot_rl.errors import InputError
from robot_rl.nodes import common, flood
from robot_rl.nodes.common import GraphNode
from robot_rl.nodes.flood import MOST_PER_SECOND, FloodWatch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still unless it is set."""
    made = SimpleNamespace(now=100.0)
    made.monotonic = lambda: made.now
    monkeypatch.setattr(common, 'time', made)
    monkeypatch.setattr(flood, 'time', made)
    return made


def test_a_place_is_heard_once_a_second_and_no_other_is_drowned(clock: SimpleNamespace) -> None:
    said: list[str] = []
    node: Any = SimpleNamespace(
        _complained={}, get_logger=lambda: SimpleNamespace(error=said.append)
    )
    for number, clock.now in enumerate((100.0, 100.9, 101.0, 101.5)):
        GraphNode.complain(node, InputError(f'one {number}'))
        GraphNode.complain(node, InputError(f'other {number}'))
    assert said == ['one 0', 'other 0', 'one 2', 'other 2']


@pytest.mark.parametrize(('seconds', 'flooded'), [(1.0, True), (2.0, False)])
def test_what_queued_up_while_the_node_stood_still_is_no_flood(
    clock: SimpleNamespace, seconds: float, flooded: bool
) -> None:
    sender = SimpleNamespace(node_name='arm')
    node: Any = SimpleNamespace(
        create_timer=lambda *_: None, get_publishers_info_by_topic=lambda topic: [sender]
    )
    said: list[str] = []
    watch = FloodWatch(node, lambda error: said.append(str(error)))
    take = watch.counted('joint_states', lambda message: None)
    for message in range(MOST_PER_SECOND + 50):
        take(message)
    clock.now += seconds
    watch._look()
    assert said == (['joint_states: 450 messages in 1.0 s, flooded by arm'] if flooded else [])
