# SPDX-License-Identifier: Apache-2.0
"""What hyperparameters of the same name may be, whatever the agent."""

from typing import Any

from robot_rl import ranges
from robot_rl.ranges import Range

_COMMON = {
    'hidden': Range(1, 8192),
    'critics': Range(1, 100),
    'learning_rate': Range(0, 1, above=True),
    'gamma': Range(0, 0.99999),
    'tau': Range(0, 1, above=True),
    'init_scale': Range(0, 1),
    'preactivation_penalty': Range(0, 1000),
    'critic_burn_in': Range(0, 10**9),
}

#: What only autograd knows the derivatives of.
_SLOW = ('encoder', 'l2', 'bottleneck_entries')


def left_to_autograd(config: Any) -> list[str]:
    """What in an agent's configuration keeps its updates from going the `fast` way."""
    found = [name for name in _SLOW if getattr(config, name, None)]
    return found if config.fast else [*found, 'fast: false']


def check(config: Any, own: dict[str, Range], layers: tuple[str, ...] = ('hidden',)) -> None:
    """Refuses networks without a hidden layer, values outside their ranges, what is not compiled.

    Args:
        config: of an agent.
        own: ranges of its own hyperparameters; those of the common ones hold where it has them.
        layers: hyperparameters that are widths of hidden layers.

    Raises:
        ValueError: names the hyperparameter and what was expected.
    """
    for name in layers:
        if not getattr(config, name):
            raise ValueError(f'{name}: expected at least one layer')
    common = {name: allowed for name, allowed in _COMMON.items() if hasattr(config, name)}
    ranges.check(config, common | own)
    if getattr(config, 'compiled', False) and (found := left_to_autograd(config)):
        raise ValueError(f'compiled: expected updates without autograd, got {", ".join(found)}')
