# SPDX-License-Identifier: Apache-2.0
"""Learning algorithms, one a file; no agent imports another.

A file is imported when its algorithm is first asked for: torch takes two seconds, for which a
process that plays no policy shall not wait.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TypeVar

from robot_rl.agents.agent import Agent, OnPolicyAgent

__all__ = ['AGENTS', 'ON_POLICY', 'Agent', 'OnPolicyAgent']

_A = TypeVar('_A', bound=Agent)


class _Algorithms(Mapping[str, type[_A]]):
    """Classes by the name of their algorithm.

    Attributes:
        files: where each is, as a class of the file's name in capitals.
    """

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def __getitem__(self, algorithm: str) -> type[_A]:
        file = self.files[algorithm]
        found: type[_A] = getattr(import_module(f'{__name__}.{file}'), file.upper())
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


#: Those that learn from rollouts of their own policy.
ON_POLICY = _Algorithms[OnPolicyAgent]({'ppo': 'ppo', 'ppo_gail': 'gail'})

_OFF_POLICY = ('awac', 'bc', 'ddpg', 'iql', 'naf', 'sac', 'td3')
AGENTS = _Algorithms[Agent]({name: name for name in _OFF_POLICY} | ON_POLICY.files)
