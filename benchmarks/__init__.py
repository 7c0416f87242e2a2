# SPDX-License-Identifier: Apache-2.0
"""Measurements, one module a bench; `robot-rl bench NAME` runs them.

The last line that a bench prints is one JSON object with `name`, `value` and `unit`, and where
there is a peer `peer`, `peer_value` and `ratio` (ours over the peer's, above 1 is better).
"""

import importlib

from robot_rl.errors import InputError

BENCHES = {
    'camera': 'a RealSense at 30 Hz to filled 100x100 pictures: latency and processor time',
    'encoder': 'updates a second of SAC on pictures of 84x84 against Stable-Baselines3',
    'fast_path': 'learning curves with and without written-out derivatives, about 45 minutes',
    'faults': 'which rows of the fault table hold, by their tests',
    'fetch': 'Fetch tasks of gymnasium-robotics, success over environment steps',
    'holes': "hole filling against scipy's exact transform",
    'images': 'Particle and Reacher from pictures: who sees what, hindsight, bottleneck, cloning',
    'imitation': 'PPO, GAIL and both at once on a small lifting task, about 15 minutes',
    'insertion': 'USB, D-Sub and Model-E from pictures: P-controller, residual, pure, lfd',
    'integrity': 'kill -9 at random moments of a training; saves beside updates, 5 minutes',
    'latency': 'real time: from a state to the command that answers it, learner training',
    'learner': 'updates a second of SAC, TD3 and DDPG against Stable-Baselines3 and SBX',
    'lockstep': 'lock step through the composed graph against the direct host',
    'naf': 'NAF, Linear-NAF and DDPG on a reach with seven joints; 1, 2, 4 collectors',
    'offline': 'BC, AWAC and IQL on generated data sets, then online, about 40 minutes',
    'pick': 'Fetch picks from pictures with demonstrations: asymmetric against symmetric critic',
    'planner': 'ways between random postures: solved, time, and checked again',
    'physics': "steps a second against gymnasium-robotics, every task's speed",
    'render': 'time of a colour and depth picture whose looks vary, and of new looks',
    'replay': "hindsight sampling against Stable-Baselines3's HerReplayBuffer",
    'safety': 'the safety filter: microseconds a call, arbitrary inputs; `--graph`: in its node',
    'soak': 'a training with driver for 2 hours, a random process killed every minute',
    'transfer': 'Fetch from pictures, looks randomized or not, tried in looks never seen',
    'usb_insertion': 'residual SAC through the graph over seeds, about 4 minutes each',
    'watchdog': 'SIGKILL of the safety node 20 times: time until the driver holds',
}


def main(argv: list[str]) -> int:
    """Runs the bench that the first argument names, or `all`."""
    name, *rest = argv or ['']
    if name == 'all':
        return max(main([each, *rest]) for each in BENCHES)
    if name not in BENCHES:
        known = ', '.join(BENCHES)
        raise InputError(f'bench: expected all or one of {known}, got {name!r}')
    return int(importlib.import_module(f'benchmarks.{name}').main(rest))
