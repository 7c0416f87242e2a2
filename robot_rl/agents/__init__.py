# SPDX-License-Identifier: Apache-2.0
"""Learning algorithms, one a file; no agent imports another."""

from robot_rl.agents.agent import Agent
from robot_rl.agents.sac import SAC

__all__ = ['AGENTS', 'SAC', 'Agent']

AGENTS: dict[str, type[Agent]] = {'sac': SAC}
