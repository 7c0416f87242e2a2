# SPDX-License-Identifier: Apache-2.0
"""What the learner's batches are mixed of, put together from its configuration."""

from dataclasses import dataclass

from robot_rl.learning.config import LearnerConfig
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.dataset import load_dataset
from robot_rl.replay.interventions import Interventions
from robot_rl.replay.mixture import Mixture, Source
from robot_rl.replay.relabel import Relabel
from robot_rl.replay.relabel_config import check_relabel
from robot_rl.replay.sampler import Sampler
from robot_rl.types import DataSpec, Step


@dataclass(frozen=True)
class Sources:
    """Where steps go, and where batches come from.

    Attributes:
        online: every step of the stream.
        interventions: what a person did in between; none unless asked for.
        mixture: draws from these and from the demonstrations.
        demonstrations: transitions read from disk.
    """

    online: ReplayBuffer
    interventions: Interventions | None
    mixture: Mixture
    demonstrations: int = 0

    def add(self, step: Step) -> None:
        """Stores a step wherever it belongs.

        Raises:
            InputError: an entry or the action does not fit; names it.
        """
        self.online.add(step)
        if self.interventions is not None:
            self.interventions.add(step)


def make_sources(
    config: LearnerConfig, spec: DataSpec, read: tuple[str, ...], settings: str = ''
) -> Sources:
    """Reserves replay for what the agent reads and what relabelling needs.

    Args:
        config: how the agent is fed.
        spec: of the observations and the action.
        read: entries that the agent reads.
        settings: JSON of what shapes the data here.

    Raises:
        InputError: names the entry, or the demonstration file, that does not fit.
    """
    names = dict.fromkeys(read)
    if config.relabel:
        check_relabel(config.relabel, spec, read)
        names |= dict.fromkeys(name for pair in config.relabel.pairs.items() for name in pair)
    used = DataSpec({name: spec.entries[name] for name in names}, spec.action_size)
    online = ReplayBuffer(config.capacity, used, config.action)
    sources = {'replay': Source(make_sampler(config, online), config.online_share)}
    interventions, demonstrations = None, 0
    if config.interventions:
        buffer = ReplayBuffer(config.interventions.capacity, used, config.action)
        interventions = Interventions(buffer)
        share = config.interventions.share
        sources['interventions'] = Source(make_sampler(config, buffer), share, demonstration=True)
    if config.demonstrations:
        buffer = load_dataset(config.demonstrations.path, used, config.action, settings)
        share, demonstrations = config.demonstrations.share, len(buffer)
        sources['demonstrations'] = Source(
            make_sampler(config, buffer), share, demonstration=True, fixed=True
        )
    return Sources(online, interventions, Mixture(sources), demonstrations)


def make_sampler(config: LearnerConfig, buffer: ReplayBuffer) -> Sampler:
    """Draws from one buffer as the configuration says."""
    relabel = Relabel(config.relabel, buffer) if config.relabel else None
    gamma = float('nan') if config.gamma is None else config.gamma
    return Sampler(buffer, config.n_step, gamma, relabel)
