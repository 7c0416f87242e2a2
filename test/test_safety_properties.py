# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in, an allowed command goes out, and filtering it again changes nothing."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safety_arms import CONFIG, HOME, PERIOD_NS, PERIOD_S, PlanarArm, complaints, velocity

from benchmarks import safety_cases
from robot_rl import config as configuration, resources
from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import load_robot
from robot_rl.safety import rules
from robot_rl.safety.budget import ContactBudget
from robot_rl.safety.config import SafetyConfig
from robot_rl.safety.filter import SafetyFilter
from robot_rl.types import JointCommand, JointState, Wrench

ARM = PlanarArm()
#: Rules whose limits these cases leave out; the arbitrary cases below have them.
UNSET = {'joint_acceleration', 'box', 'collision', 'contact_budget'}
NO_SENSOR = dict.fromkeys(('force', 'torque', 'stop_force', 'stop_torque', 'contact_budget'))
SHORT = {'contact_budget': ContactBudget(20.0, 2.0, seconds=0.1, window=1.0, stop_seconds=0.3)}
START_NS = 10_000_000_000

anything = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1.7e308, -1.7e308])
sane = st.floats(-3.0, 3.0)
vectors = st.one_of(
    arrays(np.float64, 3, elements=sane),
    arrays(np.float64, 3, elements=anything),
    arrays(
        np.float64, array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=9), elements=sane
    ),
    arrays(st.sampled_from(['f4', 'i8', '>f8', 'c16', '?', 'U1', 'O']), 3),
)
offsets_ns = st.one_of(
    st.just(0), st.integers(-150_000_000, 150_000_000), st.integers(-(10**15), 10**15)
)
modes = st.sampled_from(['velocity', 'position', 'effort', ''])
steps = st.lists(
    st.fixed_dictionaries(
        {
            'tick_ns': st.one_of(st.just(PERIOD_NS), st.integers(-(10**12), 10**12)),
            'command': st.none() | st.tuples(offsets_ns, modes, vectors),
            'state': st.none() | st.tuples(offsets_ns, vectors, vectors),
            'wrench': st.none() | st.tuples(offsets_ns, vectors, vectors),
        }
    ),
    min_size=1,
    max_size=8,
)


def believed(state, now_ns):
    """Whether the filter may act on this joint state: its own words, written once more."""
    if state is None or abs(now_ns - state.stamp_ns) > 100_000_000:
        return False
    both = state.position, state.velocity
    sized = all(a.dtype == np.float64 and a.shape == (3,) and np.isfinite(a).all() for a in both)
    return sized and (np.abs(state.position) <= 100).all()


def readable(wrench):
    both = (wrench.force_xyz, wrench.torque_xyz) if wrench else ()
    return bool(both) and all(
        a.dtype == np.float64 and a.shape == (3,) and np.isfinite(a).all() for a in both
    )


def feed(arm_filter, inputs):
    """The last result, the last state, and the last time."""
    now_ns = START_NS
    for step in inputs:
        now_ns += step['tick_ns']
        command = step['command'] and JointCommand(
            now_ns + step['command'][0], *step['command'][1:]
        )
        state = step['state'] and JointState(now_ns + step['state'][0], *step['state'][1:])
        wrench = step['wrench'] and Wrench(now_ns + step['wrench'][0], *step['wrench'][1:])
        result = arm_filter.filter(command, state, wrench, now_ns)
    return result, command, state, wrench, now_ns


def check_allowed_and_idempotent(inputs, limits):
    """Feeds a sequence; a twin that gets the last output in place of the last input repeats it."""
    first, second = (SafetyFilter(limits, ARM, PERIOD_S) for _ in range(2))
    result, command, state, wrench, now_ns = feed(first, inputs)
    position = state.position if believed(state, now_ns) else None
    touch = wrench if readable(wrench) else None
    assert complaints(result.command, position, ARM, limits, touch) == []
    assert result.tool_delta_xyz.shape == (3,)
    assert np.isfinite(result.tool_delta_xyz).all()
    assert result.requested.shape == (3,)
    if not result.reason:
        assert result.command is command
        assert not result.tool_delta_xyz.any()
    if len(inputs) > 1:
        feed(second, inputs[:-1])
    again = second.filter(result.command, state, wrench, now_ns)
    assert again.command.mode == result.command.mode
    np.testing.assert_array_equal(again.command.value, result.command.value)
    return result.reason


@settings(max_examples=100, derandomize=True)
@given(inputs=steps, changes=st.sampled_from([{}, {'stop_force': None}, NO_SENSOR, SHORT]))
def test_any_input_leaves_an_allowed_command_and_twice_is_once(inputs, changes):
    check_allowed_and_idempotent(inputs, dataclasses.replace(CONFIG, **changes))


def random_input(rng):
    """Mostly sane, each part now and then missing, late, early, ill-sized or not finite."""

    def offset():
        return int(rng.choice([0, 0, 0, 0, -120, -50, 90, 120, 10**7])) * 1_000_000

    def vector(center, spread):
        value = center + rng.normal(size=3) * spread
        value[rng.random(3) < 0.02] = rng.choice([np.nan, np.inf, -np.inf, 1.7e308, 1e6])
        return value if rng.random() > 0.02 else value[: rng.integers(3)]

    def maybe(*parts):
        return None if rng.random() < 0.05 else (offset(), *parts)

    mode = 'velocity' if rng.random() < 0.5 else 'position'
    center, spread = (0.0, 10.0 ** rng.uniform(-2, 1)) if mode == 'velocity' else (HOME, 0.1)
    return {
        'tick_ns': PERIOD_NS if rng.random() < 0.9 else offset(),
        'command': maybe(mode, vector(center, spread)),
        'state': maybe(vector(HOME, 0.1), vector(0.0, 0.1)),
        'wrench': maybe(vector(0.0, 30.0), vector(0.0, 1.0)),
    }


def test_random_sequences_leave_allowed_commands():
    rng, reasons = np.random.default_rng(11), set()
    short = dataclasses.replace(CONFIG, **SHORT)
    for k in range(600):
        inputs = [random_input(rng) for _ in range(rng.integers(1, 5))]
        reasons.add(check_allowed_and_idempotent(inputs, short if k % 3 else CONFIG))
    kinds = {f'{age}_{name}' for name in ('command', 'state') for age in ('no', 'bad', 'stale')}
    assert kinds | {'future_state', 'old_command', 'state_jump', 'wrench'} <= reasons
    assert {'', 'joint_speed', 'tool_speed', 'contact', 'singularity'} <= reasons


class Sawyer:
    """The real arm and the limits of a real task."""

    kinematics = Kinematics(load_robot('sawyer'))
    home = np.array(load_robot('sawyer').home)
    config = configuration.parse(
        SafetyConfig,
        configuration.read_yaml(resources.find('config/tasks', 'usb_insertion'))['safety'],
        'usb_insertion',
    )
    config = dataclasses.replace(config, look_ahead=None)


def random_touch(rng):
    """Nothing, or something that pushes or turns the tool, in three of four cases too hard."""
    force, torque = rng.normal(size=(2, 3))
    force *= rng.choice([0.0, 30.0, 80.0, 80.0]) / np.linalg.norm(force)
    torque *= rng.choice([0.0, 2.0, 15.0]) / np.linalg.norm(torque)
    return Wrench(0, force, torque)


def random_case(rng, arm, config):
    """A posture, and a sphere that has the tool deep inside, near its surface, or outside."""
    lower, upper = np.clip(arm.position_limits, -3.1, 3.1).T
    position = rng.uniform(lower - 0.05, upper + 0.05)
    away = rng.normal(size=3)
    away *= config.sphere_radius * rng.choice([0.3, 0.97, 1.0, 1.2]) / np.linalg.norm(away)
    center = arm.evaluate(position).position_xyz - away
    return position, dataclasses.replace(config, sphere_center=tuple(center.tolist()))


@pytest.mark.parametrize('mode', ['velocity', 'position'])
@pytest.mark.parametrize('arm', ['planar', 'sawyer'])
def test_random_motions_of_random_postures(arm, mode):
    """The final check must never be needed: the rules alone keep all limits together."""
    kinematics, config = (ARM, CONFIG) if arm == 'planar' else (Sawyer.kinematics, Sawyer.config)
    rng = np.random.default_rng(7)
    size, acted, still = len(kinematics.velocity_limits), Counter(), 0
    for k in range(600):
        touch = Wrench(0, np.zeros(3), np.zeros(3)) if k % 2 else random_touch(rng)
        position, limits = random_case(rng, kinematics, config)
        wanted = rng.normal(size=size) * 10.0 ** rng.uniform(-3, 1)
        value = wanted if mode == 'velocity' else position + wanted * PERIOD_S
        state = JointState(0, position, np.zeros(size))
        first, second = (SafetyFilter(limits, kinematics, PERIOD_S) for _ in range(2))
        result = first.filter(JointCommand(0, mode, value), state, touch, 0)
        assert complaints(result.command, position, kinematics, limits, touch) == []
        again = second.filter(result.command, state, touch, 0)
        assert again.command is result.command
        assert not first.counts['final_check']
        acted.update(first.counts)
        still += result.reason in ('sphere', 'contact') and not result.command.value.any()
    assert acted.keys() == rules.RULES.keys() - UNSET
    # Seven joints find an allowed motion nearly always, with the tool's rotation free if need be.
    assert arm == 'planar' or still < 0.05 * (acted['sphere'] + acted['contact'])


def test_a_hundred_thousand_arbitrary_inputs_of_real_arms():
    """All limits, in any order of inputs, times, stops and resets; `bench safety` plays more."""
    tally = safety_cases.run(100_000, seed=1)
    assert tally.violations == []
    assert tally.reasons.keys() >= {'', *rules.RULES, 'disarmed', 'state_jump', 'wrench'}
    assert tally.moving > 0.3 * tally.cases
    # The rules alone keep all limits together, but for a few postures among many.
    assert tally.reasons['final_check'] < 1e-3 * tally.cases


@pytest.mark.parametrize('name', rules.RULES)
def test_without_any_one_rule_the_judge_complains(name, monkeypatch):
    for table in ('RULES', 'BEFORE_CONTACT'):
        left = {key: rule for key, rule in getattr(rules, table).items() if key != name}
        monkeypatch.setattr(rules, table, left)
    assert safety_cases.run(100_000, seed=3, to_the_first=True).violations


def test_the_commanded_push_against_the_sphere_never_gets_out():
    """A tool that is driven outward for 10 s, from anywhere inside, with perfect tracking."""
    rng = np.random.default_rng(3)
    arm, limits = Sawyer.kinematics, Sawyer.config
    center = arm.evaluate(Sawyer.home).position_xyz
    limits = dataclasses.replace(limits, sphere_center=tuple(center.tolist()))
    still = Wrench(0, np.zeros(3), np.zeros(3))
    farthest = 0.0
    for _ in range(8):
        arm_filter = SafetyFilter(limits, arm, PERIOD_S)
        position, direction = Sawyer.home.copy(), rng.normal(size=3)
        for k in range(200):
            now_ns = k * PERIOD_NS
            linear = arm.evaluate(position).jacobian[:3]
            push = np.linalg.lstsq(linear, direction, rcond=None)[0]
            command = JointCommand(now_ns, 'velocity', push)
            state = JointState(now_ns, position, np.zeros(7))
            result = arm_filter.filter(
                command, state, dataclasses.replace(still, stamp_ns=now_ns), now_ns
            )
            position = position + result.command.value * PERIOD_S
            farthest = max(farthest, np.linalg.norm(arm.evaluate(position).position_xyz - center))
    # What the straight line of the Jacobian leaves out in one period stays below a millimetre.
    assert 0.09 < farthest < limits.sphere_radius + 0.001


def test_an_arm_found_outside_comes_home_and_then_moves_freely():
    arm, limits = Sawyer.kinematics, Sawyer.config
    tool = arm.evaluate(Sawyer.home).position_xyz
    limits = dataclasses.replace(
        limits, sphere_center=tuple((tool + np.array([0.15, 0, 0])).tolist())
    )
    arm_filter = SafetyFilter(dataclasses.replace(limits, **NO_SENSOR), arm, PERIOD_S)
    position, distances = Sawyer.home.copy(), []
    for k in range(80):
        now_ns = k * PERIOD_NS
        linear = arm.evaluate(position).jacobian[:3]
        outward = np.linalg.lstsq(linear, np.array([-0.2, 0.0, 0.0]), rcond=None)[0]
        state = JointState(now_ns, position, np.zeros(7))
        result = arm_filter.filter(velocity(outward, now_ns), state, None, now_ns)
        position = position + result.command.value * PERIOD_S
        away = arm.evaluate(position).position_xyz - np.array(limits.sphere_center)
        distances.append(np.linalg.norm(away))
    steps_m = -np.diff([0.15, *distances])
    outside = np.array(distances) > limits.sphere_radius
    assert (steps_m[outside] > 0.002).all()  # towards the centre
    assert (steps_m[outside] < 0.05 * PERIOD_S + 1e-4).all()  # at 0.05 m/s
    assert not outside[30:].any()


def test_home_of_the_planar_arm_lies_in_the_sphere():
    """Or half of the cases above would test nothing."""
    away = ARM.evaluate(HOME).position_xyz - np.array(CONFIG.sphere_center)
    assert np.linalg.norm(away) < CONFIG.sphere_radius
