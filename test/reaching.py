# SPDX-License-Identifier: Apache-2.0
"""A small reaching problem that every agent which learns from reward solves in seconds.

Points on a square each have a goal. An action moves a point; the reward is minus the distance
that is left. An episode terminates at the goal and is cut after `HORIZON` actions, so that an
agent which takes one for the other learns wrong values.
"""

import numpy as np

from robot_rl.replay.batch import Batch
from robot_rl.types import DataSpec, EntrySpec

#: Raw entries are there too, as in a task: no agent may read them unless it is told to.
SPEC = DataSpec(
    {
        'achieved_goal': EntrySpec((2,), 'float64'),
        'desired_goal': EntrySpec((2,), 'float64'),
        'position': EntrySpec((2,)),
        'goal': EntrySpec((2,)),
    },
    2,
)
HORIZON = 15
STRIDE = 0.2
NEAR = 0.15


class Reaching:
    """Many independent points, moved together; an ended episode starts anew by itself."""

    def __init__(self, points, seed):
        self._rng = np.random.default_rng(seed)
        self._position, self._goal = np.zeros((2, points, 2))
        self._step = np.zeros(points, np.int64)
        self._restart(np.ones(points, np.bool_))

    def entries(self):
        """What the agent sees of all points, each entry [N, 2]."""
        position, goal = self._position.copy(), self._goal.copy()
        own = {'position': position.astype(np.float32), 'goal': goal.astype(np.float32)}
        return {'achieved_goal': position, 'desired_goal': goal} | own

    def step(self, action):
        """Moves all points by actions [N, 2].

        Returns:
            reward [N], entries on arrival, terminated [N], truncated [N].
        """
        moved = self._position + STRIDE * np.clip(action, -1, 1)
        self._position = np.clip(moved, -1, 1)
        self._step += 1
        distance = np.linalg.norm(self._position - self._goal, axis=1)
        arrived, terminated = self.entries(), distance < NEAR
        truncated = ~terminated & (self._step >= HORIZON)
        self._restart(terminated | truncated)
        return -distance.astype(np.float32), arrived, terminated, truncated

    def _restart(self, where):
        count = int(where.sum())
        self._position[where] = self._rng.uniform(-1, 1, (count, 2))
        self._goal[where] = self._rng.uniform(-0.9, 0.9, (count, 2))
        self._step[where] = 0


def expert(entries):
    """The best action [..., 2] for observations."""
    return np.clip((entries['goal'] - entries['position']) / STRIDE, -1, 1)


class Expert:
    """The same as an agent that only acts."""

    entries = ('position', 'goal')

    def act(self, entries, explore):
        return expert(entries)


def act_all(agent, entries, explore):
    """The agent's actions [N, 2] for observations of many points."""
    count = len(entries['goal'])
    each = ({name: array[i] for name, array in entries.items()} for i in range(count))
    return np.stack([agent.act(one, explore) for one in each])


class Memory:
    """The newest transitions, to draw batches from."""

    def __init__(self, capacity=20_000):
        self._capacity, self._count, self._columns = capacity, 0, {}

    def __len__(self):
        return min(self._count, self._capacity)

    def collect(self, problem, act, demonstration=False):
        """Lets all points act once and keeps what came of it.

        Args:
            problem: a `Reaching`.
            act: actions [N, 2] from the entries.
            demonstration: what to mark the transitions as.
        """
        before = problem.entries()
        action = act(before)
        reward, after, terminated, _ = problem.step(action)
        columns = {f'o/{k}': v for k, v in before.items()} | {
            f'n/{k}': v for k, v in after.items()
        }
        columns |= {'action': action.astype(np.float32), 'reward': reward}
        columns |= {'terminated': terminated, 'demonstration': np.full(len(reward), demonstration)}
        where = np.arange(self._count, self._count + len(reward)) % self._capacity
        for name, new in columns.items():
            rows = (self._capacity, *new.shape[1:])
            self._columns.setdefault(name, np.zeros(rows, new.dtype))[where] = new
        self._count += len(reward)

    def sample(self, size, rng):
        """A batch with replacement."""
        rows = rng.integers(len(self), size=size)
        drawn = {name: column[rows] for name, column in self._columns.items()}
        return Batch(
            {k[2:]: v for k, v in drawn.items() if k.startswith('o/')},
            drawn['action'],
            drawn['reward'],
            {k[2:]: v for k, v in drawn.items() if k.startswith('n/')},
            drawn['terminated'],
            np.ones(size, np.int64),
            drawn['demonstration'],
        )


def demonstrations(steps, points=16, seed=0):
    """A memory of what the expert did."""
    memory, problem = Memory(), Reaching(points, seed)
    for _ in range(steps):
        memory.collect(problem, expert, demonstration=True)
    return memory


def learn_online(agent, steps, updates_per_step=2, points=8, batch_size=128):
    """Acts with exploration and updates from all transitions so far, in turn.

    Args:
        agent: learns from replay.
        steps: of all points together; the first 30 are uniformly random.
        updates_per_step: after each of the later steps.
        points: that collect.
        batch_size: of an update.
    """
    memory, problem, rng = Memory(), Reaching(points, 1), np.random.default_rng(2)
    for _ in range(30):
        memory.collect(problem, lambda entries: rng.uniform(-1, 1, (len(entries['goal']), 2)))
    for _ in range(steps):
        memory.collect(problem, lambda entries: act_all(agent, entries, True))
        for _ in range(updates_per_step):
            agent.update(memory.sample(batch_size, rng), measure=False)


def learn_offline(agent, memory, updates, batch_size=128):
    """Updates from a fixed memory alone."""
    rng = np.random.default_rng(3)
    for _ in range(updates):
        agent.update(memory.sample(batch_size, rng), measure=False)


def success_rate(agent, points=100):
    """Share of points that reach their first goal in time, without exploration."""
    problem, reached = Reaching(points, 4), np.zeros(points, np.bool_)
    going = np.ones(points, np.bool_)
    for _ in range(HORIZON):
        _, _, terminated, truncated = problem.step(act_all(agent, problem.entries(), False))
        reached |= going & terminated
        going &= ~(terminated | truncated)
    return reached.mean()
