# SPDX-License-Identifier: Apache-2.0
import pytest

from robot_rl import resources
from robot_rl.agents import AGENTS
from robot_rl.learning.config import load_agent


@pytest.mark.parametrize('name', resources.names('config/agents'))
def test_every_file_is_read(name):
    loaded = load_agent(name)
    assert loaded.name == name
    assert isinstance(loaded.agent, AGENTS[loaded.algorithm].Config)


def test_every_agent_has_a_file():
    used = {load_agent(name).algorithm for name in resources.names('config/agents')}
    assert used == set(AGENTS)
