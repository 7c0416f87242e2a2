# SPDX-License-Identifier: Apache-2.0
"""Encoders of pictures: shapes, gradients, shifts, and agents that learn through them."""

import numpy as np
import pytest
import torch

from robot_rl.agents import AGENTS
from robot_rl.errors import InputError
from robot_rl.models.encoder import Encoder, EncoderConfig
from robot_rl.models.sight import Seen, Sighted, shifted
from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

SIZE = 16
SPEC = DataSpec(
    {
        'achieved_goal': EntrySpec((2,), 'float64'),
        'touch': EntrySpec((1,)),
        'position': EntrySpec((2,)),
        'image': EntrySpec((SIZE, SIZE, 1), 'uint8'),
        'goal_image': EntrySpec((SIZE, SIZE, 1), 'uint8'),
    },
    2,
)
TINY = EncoderConfig('small', filters=4, features=16)
SEES = ('image', 'goal_image')
KNOWS = ('position', 'achieved_goal')
FIXED = {'hidden': (32, 32), 'learning_rate': 3e-3, 'device': 'cpu', 'encoder': TINY}
CASES = {
    'ddpg': {'target_every': 1},
    'ddpg-bottleneck': {'target_every': 1, 'bottleneck_entries': KNOWS},
    'td3': {'tau': 0.02},
    'sac': {},
    'bc': {'labels': 'all'},
    'bc-gaussian': {'labels': 'all', 'policy': 'gaussian'},
}


def config(name, **more):
    kind = AGENTS[name.partition('-')[0]]
    own = FIXED | CASES[name] | {'actor_entries': (*SEES, 'touch')}
    if not name.startswith('bc'):
        own |= {'critic_entries': KNOWS}
    return kind, kind.Config(**(own | more))


def make(name, seed=0, **more):
    kind, chosen = config(name, **more)
    return kind(chosen, SPEC, seed)


def draw(points):
    """Pictures [B, 16, 16, 1] of a bright spot at points [B, 2] in [-1, 1]."""
    rows, columns = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) * 2 - 1
    away = np.hypot(columns - points[:, :1, None], rows - points[:, 1:, None])
    return np.rint(255 * np.exp(-((away / 0.3) ** 2)))[..., None].astype(np.uint8)


def make_batch(rng, size=64):
    """One-step episodes that pay for the action that leads from the one spot to the other."""
    start, goal = rng.uniform(-0.45, 0.45, (2, size, 2))
    action = rng.uniform(-1, 1, (size, 2)).astype(np.float32)
    reward = -np.square(action - (goal - start)).sum(1).astype(np.float32)
    entries = {
        'image': draw(start),
        'goal_image': draw(goal),
        'position': start.astype(np.float32),
        'achieved_goal': goal,
        'touch': rng.standard_normal((size, 1)).astype(np.float32),
    }
    ones = np.ones(size, np.bool_)
    return Batch(entries, action, reward, entries, ones, ones.astype(np.int64), ~ones)


def labelled(agent, rng):
    """For a student the wanted actions; for others any."""
    batch = make_batch(rng)
    if not hasattr(agent, 'config'):
        return batch
    way = batch.observation['achieved_goal'] - batch.observation['position']
    return Batch(**{f: getattr(batch, f) for f in batch.__slots__} | {'action': way.astype('f4')})


def single(batch, row=0):
    return {name: array[row] for name, array in batch.observation.items()}


SHAPES = ((32, 32, 1), (48, 48, 3), (84, 84, 3), (100, 100, 4))
#: Of `nature` no map is left of 32 rows.
PAIRS = [
    (kind, shape)
    for kind in ('pinto', 'nature', 'small', 'residual')
    for shape in SHAPES
    if (kind, shape[0]) != ('nature', 32)
]


@pytest.mark.parametrize(('kind', 'shape'), PAIRS, ids=lambda p: str(p).split(',')[0].strip('('))
def test_features_have_the_width_they_say_and_every_weight_a_gradient(kind, shape):
    torch.manual_seed(0)
    for output in ('flat', 'linear', 'embedding', 'spatial_softmax'):
        made = Encoder(EncoderConfig(kind, 4, output), shape, torch.Generator().manual_seed(0))
        pictures = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
        features = made(pictures)
        assert features.shape == (2, made.size)
        assert features.isfinite().all()
        gradients = torch.autograd.grad(features.square().sum(), list(made.parameters()))
        assert all(g.isfinite().all() for g in gradients)
        assert sum(float(g.abs().sum()) > 0 for g in gradients) >= len(gradients) - 1


def test_equal_seeds_give_equal_features_and_others_do_not():
    pictures = torch.randint(0, 256, (2, 48, 48, 3), dtype=torch.uint8)
    one, same, other = (
        Encoder(EncoderConfig(), (48, 48, 3), torch.Generator().manual_seed(seed))(pictures)
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_pictures_too_small_are_refused_by_name():
    with pytest.raises(InputError, match=r'encoder: pictures of \[8, 8, 3\] are too small'):
        Encoder(EncoderConfig('nature'), (8, 8, 3), torch.Generator())


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    picture = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    assert np.array_equal(shifted(picture, np.array([[2, 2]]), 2), picture)
    moved = shifted(picture, np.array([[3, 1]]), 2)[0, ..., 0]
    assert moved.tolist() == [[4, 4, 5, 6], [8, 8, 9, 10], [12, 12, 13, 14], [12, 12, 13, 14]]


@pytest.mark.learning
@pytest.mark.parametrize('name', CASES)
def test_solves_a_one_step_goal_problem_from_pictures(name):
    agent, rng = make(name), np.random.default_rng(0)
    for _ in range(160):
        agent.update(labelled(agent, rng), measure=False)
    batch = make_batch(np.random.default_rng(5), 40)
    actions = np.stack([agent.act(single(batch, i), False) for i in range(40)])
    way = batch.observation['achieved_goal'] - batch.observation['position']
    assert np.abs(actions - way).mean() < 0.6 * np.abs(way).mean()


@pytest.mark.parametrize('name', CASES)
def test_equal_seeds_learn_the_same_and_a_saved_agent_acts_and_goes_on_the_same(name):
    rng = np.random.default_rng(3)
    batches = [make_batch(rng, 16) for _ in range(4)]
    shift = EncoderConfig('small', filters=4, features=16, shift=2)
    agents = [make(name, encoder=shift) for _ in range(2)]
    for agent in agents:
        for batch in batches[:2]:
            agent.update(batch)
    saved, policy = agents[0].state_dict(), agents[0].policy_state()
    other = make(name, seed=9, encoder=shift)
    other.load_policy_state(policy)
    seen = single(batches[0])
    assert np.array_equal(agents[0].act(seen, False), agents[1].act(seen, False))
    assert np.array_equal(agents[0].act(seen, False), other.act(seen, False))
    other.load_state_dict(saved)
    for agent in (agents[0], other):
        for batch in batches[2:]:
            agent.update(batch)
    left, right = agents[0].state_dict(), other.state_dict()
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize('name', ['ddpg', 'sac', 'td3'])
def test_the_critics_loss_alone_trains_a_shared_encoder(name):
    shared = EncoderConfig('small', filters=4, features=16, gradients='critic')
    agent = make(name, encoder=shared, critic_entries=(*SEES, 'touch'))
    rng = np.random.default_rng(0)
    for _ in range(4):
        agent.update(make_batch(rng, 16))
    actor, critic = agent._actor, agent._critic
    assert actor.eye is critic.eye
    seen = agent._input.actor.tensors(make_batch(rng, 4).observation, torch.device('cpu'))
    assert not actor.see(seen).requires_grad
    assert critic.see(seen).requires_grad
    assert {id(p) for p in actor.own_parameters()} == {id(p) for p in actor.network.parameters()}
    saved = agent.state_dict()
    eyes = [k for k in saved if k.startswith('critic/eye')]
    assert eyes
    assert all(np.array_equal(saved[k], saved[k.replace('critic', 'actor', 1)]) for k in eyes)


def test_what_the_actor_does_not_see_changes_nothing_that_it_does():
    agent, batch = make('ddpg'), make_batch(np.random.default_rng(0), 4)
    seen = single(batch)
    before = agent.act(seen, False)
    assert np.array_equal(before, agent.act(seen | {'position': np.ones(2, np.float32)}, False))
    dark = np.zeros_like(seen['goal_image'])
    assert not np.array_equal(before, agent.act(seen | {'goal_image': dark}, False))


def test_colour_and_depth_make_one_view():
    entries = {'image': EntrySpec((16, 16, 3), 'uint8'), 'depth': EntrySpec((16, 16, 1))}
    both = EncoderConfig('small', 4, views=(('image', 'depth'),))
    agent = AGENTS['bc'](
        AGENTS['bc'].Config(**FIXED | {'encoder': both, 'labels': 'all'}),
        DataSpec(entries, 2),
        0,
    )
    picture = np.full((16, 16, 3), 51, np.uint8)
    deep = np.full((16, 16, 1), 0.75, np.float32)
    seen = agent._input.tensors({'image': picture[None], 'depth': deep[None]}, torch.device('cpu'))
    assert isinstance(seen, Seen)
    assert seen.views[0].shape == (1, 16, 16, 4)
    assert seen.views[0][0, 0, 0].tolist() == pytest.approx([-0.3, -0.3, -0.3, 0.75])
    assert agent.act({'image': picture, 'depth': deep}, False).shape == (2,)


def test_pictures_without_an_encoder_and_an_encoder_without_pictures_are_refused():
    with pytest.raises(InputError, match=r"actor_entries: entry 'image' is an image.*encoder"):
        make('ddpg', encoder=None)
    with pytest.raises(InputError, match='encoder: no picture among the entries'):
        make('ddpg', actor_entries=('touch',))
    with pytest.raises(InputError, match='gradients: critic needs actor and critic'):
        make('sac', encoder=EncoderConfig('small', gradients='critic'))


def test_pictures_of_another_size_are_refused_by_name():
    agent, rng = make('ddpg'), np.random.default_rng(0)
    seen = single(make_batch(rng, 2)) | {'goal_image': np.zeros((8, 16, 1), np.uint8)}
    with pytest.raises(InputError, match=r'goal_image: expected shape \(16, 16, 1\), got \(8, 16'):
        agent.act(seen, False)
    entries = SPEC.entries | {'goal_image': EntrySpec((8, 8, 1), 'uint8')}
    kind, chosen = config('ddpg')
    with pytest.raises(InputError, match=r'goal_image: expected a picture of \[16, 16, 1\]'):
        kind(chosen, DataSpec(entries, 2), 0)


def test_a_network_behind_an_eye_takes_features_in_place_of_pictures():
    agent, batch = make('sac'), make_batch(np.random.default_rng(0), 3)
    seen = agent._input.actor.tensors(batch.observation, torch.device('cpu'))
    actor = agent._actor
    assert isinstance(actor, Sighted)
    assert torch.equal(actor(seen), actor(actor.see(seen)))
    assert torch.allclose(actor(seen[torch.tensor([2])])[0], actor(seen)[2], atol=1e-5)
