# SPDX-License-Identifier: Apache-2.0
"""Learning algorithms, one a file; no agent imports another."""

from robot_rl.agents.agent import Agent, OnPolicyAgent
from robot_rl.agents.awac import AWAC
from robot_rl.agents.bc import BC
from robot_rl.agents.ddpg import DDPG
from robot_rl.agents.gail import GAIL
from robot_rl.agents.iql import IQL
from robot_rl.agents.naf import NAF
from robot_rl.agents.ppo import PPO
from robot_rl.agents.sac import SAC
from robot_rl.agents.td3 import TD3

__all__ = [
    'AGENTS',
    'AWAC',
    'BC',
    'DDPG',
    'GAIL',
    'IQL',
    'NAF',
    'ON_POLICY',
    'PPO',
    'SAC',
    'TD3',
    'Agent',
    'OnPolicyAgent',
]

#: Those that learn from rollouts of their own policy.
ON_POLICY: dict[str, type[OnPolicyAgent]] = {'ppo': PPO, 'ppo_gail': GAIL}

AGENTS: dict[str, type[Agent]] = {
    'awac': AWAC,
    'bc': BC,
    'ddpg': DDPG,
    'iql': IQL,
    'naf': NAF,
    'sac': SAC,
    'td3': TD3,
    **ON_POLICY,
}
