# SPDX-License-Identifier: Apache-2.0
"""Hyperparameters of on-policy agents."""

from dataclasses import dataclass
from typing import Literal

from robot_rl.agents import hyperparameters
from robot_rl.models.encoder import EncoderConfig
from robot_rl.ranges import Range

_RANGES = {
    'value_hidden': Range(1, 8192),
    'cells': Range(0, 8192),
    'value_learning_rate': Range(0, 1, above=True),
    'gae_lambda': Range(0, 1),
    'clip': Range(0, 1, above=True),
    'epochs': Range(1, 1000),
    'minibatch': Range(1, 1_000_000),
    'max_divergence': Range(0, 100, above=True),
    'max_gradient': Range(0, 1e9, above=True),
    'entropy_weight': Range(0, 100),
    'prediction_weight': Range(0, 1000),
    'initial_std': Range(0.01, 2.5),
    'mean_init_scale': Range(0, 1),
}


@dataclass(frozen=True)
class ProximalConfig:
    """Hyperparameters of acting, of the value, and of how both improve.

    Attributes:
        actor_entries: observation entries that the policy reads; empty for the task's own.
        value_entries: the same for the value, which may know more than the policy.
        normalize: whether what policy and value read is scaled by running statistics.
        predicted_entries: entries that the policy's features are taught to predict; none when
            empty.
        hidden: widths of the policy's layers before its memory.
        value_hidden: widths of the value's layers.
        cells: of the policy's memory (LSTM); 0 for none.
        learning_rate: of the policy.
        value_learning_rate: of the value.
        gamma: discount.
        gae_lambda: lambda of the advantage; 0 for one-step errors, 1 for whole returns.
        clip: how far the ratio of probabilities may leave 1 with profit.
        epochs: passes over each rollout.
        minibatch: transitions of a gradient step, over all workers.
        max_divergence: from the policy that acted, nats; the passes end early beyond it.
        max_gradient: norm to which gradients are shortened.
        entropy_weight: of the entropy bonus.
        prediction_weight: of the prediction's squared error.
        initial_std: of the exploration.
        mean_init_scale: factor on the initial weights of the policy's last layer.
        encoder: of the pictures among the entries; none when absent. With `gradients: critic` the
            value's loss trains the one encoder. It has no `shift`.
        device: where updates run; `auto` takes CUDA where there is one.
    """

    actor_entries: tuple[str, ...] = ()
    value_entries: tuple[str, ...] = ()
    normalize: bool = True
    predicted_entries: tuple[str, ...] = ()
    hidden: tuple[int, ...] = (128, 128)
    value_hidden: tuple[int, ...] = (128, 128)
    cells: int = 0
    learning_rate: float = 3e-4
    value_learning_rate: float = 1e-3
    gamma: float = 0.98
    gae_lambda: float = 0.95
    clip: float = 0.2
    epochs: int = 10
    minibatch: int = 256
    max_divergence: float = 0.03
    max_gradient: float = 0.5
    entropy_weight: float = 0.0
    prediction_weight: float = 1.0
    initial_std: float = 0.5
    mean_init_scale: float = 0.01
    encoder: EncoderConfig | None = None
    device: Literal['auto', 'cpu', 'cuda'] = 'auto'

    def __post_init__(self) -> None:
        """Refuses values outside their ranges."""
        hyperparameters.check(self, _RANGES, ('hidden', 'value_hidden'))
        if self.encoder and self.encoder.shift:
            raise ValueError(
                'encoder: shift: expected 0, as pictures are learned from as they were acted on'
            )
