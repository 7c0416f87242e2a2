# SPDX-License-Identifier: Apache-2.0
"""Steps on disk: what was written is read, and what does not fit is refused by name."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from rclpy.serialization import serialize_message
from step_stream import SPEC, make_step, stream

from robot_rl.errors import InputError
from robot_rl.learning.weights import settings_json
from robot_rl.nodes import records
from robot_rl.replay.bag import BagWriter
from robot_rl.replay.buffer import ReplayBuffer
from robot_rl.replay.dataset import find_files, load_dataset, read_steps
from robot_rl.replay.definitions import definition
from robot_rl.replay.recording import STEP_TYPE
from robot_rl.replay.step_file import FORMAT, write_steps
from robot_rl.types import RAW_ENTRIES, DataSpec, EntrySpec, Step


def full(step: Step) -> Step:
    """A step as the graph makes it: raw entries, an image, and every field set."""
    i = step.sequence
    more = {name: np.arange(6.0)[: 6 if name == 'tool_wrench' else 3] + i for name in RAW_ENTRIES}
    image = np.full((4, 5, 3), i % 256, np.uint8)
    entries = step.observation.entries | more | {'rgb': image}
    observation = dataclasses.replace(
        step.observation, entries=entries, stamp_ns=10**18 + i, truncated=step.truncated
    )
    return dataclasses.replace(
        step,
        observation=observation,
        policy=np.full(2, np.nan),
        source=('policy', 'human', 'script')[i % 3],
        interventions=i,
    )


def record(folder: Path, steps: list[Step], topic: str = 'replay', settings: str = '') -> Path:
    bag = BagWriter(folder, topic, STEP_TYPE, definition(STEP_TYPE), settings)
    for step in steps:
        bag.write(serialize_message(records.to_step(step)), step.observation.stamp_ns)
    bag.close()
    return folder


def save(path: Path, steps: list[Step], settings: str = '') -> Path:
    write_steps(path, steps, settings)
    return path


def equal(one: Step, two: Step) -> bool:
    """Field by field, types of numbers included."""
    for field in dataclasses.fields(Step):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name == 'observation':
            own, other = dataclasses.asdict(a), dataclasses.asdict(b)
            entries, others = own.pop('entries'), other.pop('entries')
            same = own == other and entries.keys() == others.keys()
            same &= all(
                v.dtype == others[n].dtype and np.array_equal(v, others[n])
                for n, v in entries.items()
            )
        elif isinstance(a, np.ndarray):
            same = a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
        else:
            same = a == b and type(a) is type(b)
        if not same:
            return False
    return True


@pytest.mark.parametrize('write', [save, record])
def test_what_was_written_is_read(tmp_path: Path, write) -> None:
    steps = [full(step) for step in stream(12)]
    path = write(tmp_path / 'data.npz' if write is save else tmp_path / 'bag', steps)
    read = list(read_steps(path))
    assert len(read) == 12
    assert all(map(equal, steps, read))


@settings(max_examples=20)
@given(st.integers(1, 30), st.integers(1, 9))
def test_a_file_holds_any_stream(tmp_path_factory, length, episode_length) -> None:
    steps = list(stream(length, episode_length))
    path = save(tmp_path_factory.mktemp('any') / 'steps.npz', steps)
    assert all(map(equal, steps, read_steps(path)))


def transitions(buffer: ReplayBuffer) -> set[bytes]:
    batch = buffer.gather(np.flatnonzero(buffer.links >= 0))
    parts = (batch.observation['place'], batch.action, batch.next_observation['place'])
    return {a.tobytes() + b.tobytes() + c.tobytes() for a, b, c in zip(*parts, strict=True)}


def test_a_buffer_holds_exactly_the_transitions(tmp_path: Path) -> None:
    steps = [full(step) for step in stream(20)]
    direct = ReplayBuffer(20, SPEC)
    for step in steps:
        direct.add(step)
    for path in (save(tmp_path / 'a.npz', steps), record(tmp_path / 'bag', steps, '/arm/replay')):
        buffer = load_dataset(path, SPEC)
        assert transitions(buffer) == transitions(direct)
        assert len(buffer) == len(direct) == 16
    executed = load_dataset(tmp_path / 'a.npz', SPEC, 'executed')
    np.testing.assert_array_equal(executed.columns.action, direct.columns.action / 2)


def test_a_folder_of_files_whose_collectors_have_the_same_name(tmp_path: Path) -> None:
    save(tmp_path / 'one.npz', list(stream(10)))
    record(tmp_path / 'two', [full(step) for step in stream(10)])
    (tmp_path / 'notes.txt').write_text('nothing')
    assert [p.name for p in find_files(tmp_path)] == ['one.npz', 'two']
    buffer = load_dataset(tmp_path, SPEC)
    assert (len(buffer), buffer.capacity, buffer.duplicates) == (16, 20, 0)


def test_the_same_data_elsewhere_is_the_same_data(tmp_path: Path) -> None:
    from robot_rl.replay.mixture import digest

    (tmp_path / 'other').mkdir()
    steps = list(stream(10))
    paths = [save(tmp_path / 'a.npz', steps), save(tmp_path / 'other' / 'a.npz', steps)]
    one, two = (digest(load_dataset(path, SPEC)) for path in paths)
    assert one == two
    assert digest(load_dataset(save(tmp_path / 'a.npz', steps[:9]), SPEC)) != one


def test_a_cut_recording_gives_what_is_whole(tmp_path: Path) -> None:
    steps = [full(step) for step in stream(200)]
    path = record(tmp_path / 'bag', steps) / 'bag_0.mcap'
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    read = list(read_steps(path))
    assert 0 < len(read) < 200
    assert all(map(equal, steps, read))
    assert 0 < len(load_dataset(tmp_path / 'bag', SPEC)) < len(read)


@pytest.mark.parametrize(
    ('spec', 'message'),
    [
        (DataSpec(SPEC.entries, 3), r'action: expected \(3,\), got \(2,\)'),
        (DataSpec(SPEC.entries | {'cup': EntrySpec((3,))}, 2), "expected an entry 'cup', got"),
        (
            DataSpec({'place': EntrySpec((4,))}, 2),
            r"entry 'place': expected float32 \(4,\), got float32 \(3,\)",
        ),
        (
            DataSpec({'place': EntrySpec((3,), 'uint8')}, 2),
            r"entry 'place': expected uint8 \(3,\), got float32 \(3,\)",
        ),
    ],
)
@pytest.mark.parametrize('write', [save, record])
def test_data_of_another_task_is_refused_by_name(tmp_path, write, spec, message) -> None:
    steps = [full(step) for step in stream(5)]
    path = write(tmp_path / 'other.npz' if write is save else tmp_path / 'other', steps)
    with pytest.raises(InputError, match=f'other.*{message}'):
        load_dataset(path, spec)


@pytest.mark.parametrize('write', [save, record])
def test_actions_that_mean_something_else_are_refused(tmp_path, write) -> None:
    """Two numbers may be two joints or two sides of a table."""
    steps, ending = [full(step) for step in stream(5)], '.npz' if write is save else ''
    made, wanted = (
        settings_json('', SPEC, action={'axes': axes}) for axes in ('slides', 'joints')
    )
    path = write(tmp_path / f'untold{ending}', steps)
    assert len(load_dataset(path, SPEC, settings=wanted)) == 4
    path = write(tmp_path / f'told{ending}', steps, settings=made)
    assert len(load_dataset(path, SPEC, settings=made)) == 4
    assert len(load_dataset(path, SPEC)) == 4
    with pytest.raises(InputError, match=r"told.*: action: expected .*'joints'.*, got .*'slides'"):
        load_dataset(path, SPEC, settings=wanted)
    path = write(tmp_path / f'odd{ending}', steps, settings='x')
    with pytest.raises(InputError, match=r"odd.*: settings: expected JSON, got 'x'"):
        load_dataset(path, SPEC, settings=wanted)


def change(path: Path, **arrays) -> Path:
    """Replaces arrays of a file, or takes them out with None."""
    with np.load(path) as file:
        data = dict(file) | arrays
    np.savez(path, **{n: a for n, a in data.items() if a is not None})
    return path


@pytest.mark.parametrize(
    ('arrays', 'message'),
    [
        ({'reward': None}, r"missing arrays \['reward'\]"),
        ({'extra': np.zeros(10)}, r"unknown arrays \['extra'\]"),
        ({'format': np.array('steps 9')}, f"format: expected '{FORMAT}', got steps 9"),
        ({'format': None}, f"format: expected '{FORMAT}', got None"),
        ({'reward': np.zeros(9)}, r'reward: expected \(10,\) rows, got float64 \(9,\)'),
        ({'reward': np.zeros(10, int)}, 'reward: expected floats with 1 axes, got int64'),
        ({'terminated': np.zeros((10, 1), bool)}, 'terminated: expected bool with 1 axes'),
        ({'requested': np.zeros((10, 3))}, r'executed: expected \(10, 3\)'),
        ({'requested': np.full((10, 2), 3.0)}, r'action: expected values in \[-1, 1\]'),
        ({'requested': np.full((10, 2), np.nan)}, r'action: expected values in \[-1, 1\]'),
        ({'entries/place': np.full((10, 3), np.inf)}, 'expected finite numbers'),
        ({'entries/place': np.full((10, 3), 'a')}, 'entries/place: expected numbers'),
        ({'sequence': np.arange(10) * 2}, 'expected two steps of an episode in a row'),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, arrays, message) -> None:
    path = change(save(tmp_path / 'bad.npz', list(stream(10))), **arrays)
    with pytest.raises(InputError, match=rf'bad.npz: .*({message})'):
        load_dataset(path, SPEC)


def test_no_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='expected steps to write, got none'):
        write_steps(tmp_path / 'none.npz', [])
    empty = record(tmp_path / 'empty', [])
    with pytest.raises(InputError, match='empty: expected steps, got none'):
        load_dataset(empty, SPEC)
    (tmp_path / 'text.npz').write_text('no arrays')
    with pytest.raises(InputError, match=r'text.npz: expected an .npz file of steps'):
        load_dataset(tmp_path / 'text.npz', SPEC)
    np.save(tmp_path / 'one', np.zeros(3))
    (tmp_path / 'one.npy').rename(tmp_path / 'one.npz')
    with pytest.raises(InputError, match=r'one.npz: expected an .npz file of steps'):
        load_dataset(tmp_path / 'one.npz', SPEC)
    for missing in ('gone', 'gone.npz', 'gone.mcap', ''):
        (tmp_path / 'bare').mkdir(exist_ok=True)
        with pytest.raises(InputError, match=r'expected an .npz file, a recording'):
            load_dataset(tmp_path / 'bare' / missing, SPEC)
    rows = save(tmp_path / 'single.npz', [make_step(0)])
    with pytest.raises(InputError, match='expected two steps of an episode in a row'):
        load_dataset(rows, SPEC)


def test_unequal_steps_are_not_written(tmp_path: Path) -> None:
    steps = list(stream(3))
    steps[1].observation.entries['touch'] = np.zeros(4)
    with pytest.raises(InputError, match='steps differ in shape'):
        write_steps(tmp_path / 'a.npz', steps)
    del steps[1].observation.entries['touch']
    with pytest.raises(InputError, match=r"step 1 has the entries \['place', 'achieved_goal'\]"):
        write_steps(tmp_path / 'a.npz', steps)
    with pytest.raises(InputError, match=r'ends in .npz'):
        write_steps(tmp_path / 'a.zip', steps[:1])
    assert not list(tmp_path.iterdir())


def test_a_recording_of_something_else_holds_no_steps(tmp_path: Path) -> None:
    bag = BagWriter(tmp_path / 'bag', 'x', 'std_msgs/msg/String', 'string data')
    bag.write(b'\0\1\0\0\2\0\0\0a\0', 1)
    bag.close()
    with pytest.raises(InputError, match='bag: expected steps, got none'):
        load_dataset(tmp_path / 'bag', SPEC)
    other = BagWriter(tmp_path / 'old', 'replay', STEP_TYPE, 'uint64 sequence')
    other.write(b'\0\1\0\0' + bytes(8), 1)
    other.write(b'\0\1\0\0', 2)
    other.close()
    with pytest.raises(InputError, match='old: not a step of this version'):
        load_dataset(tmp_path / 'old', SPEC)


STATES = DataSpec({'place': EntrySpec((31,))}, 4)
PICTURES = DataSpec({'rgbd': EntrySpec((100, 100, 4), 'uint8'), 'arm': EntrySpec((7,))}, 4)


@pytest.mark.parametrize(
    ('spec', 'wanted_rows', 'wanted_bytes'),
    [(STATES, 1_000_000, 10**9), (PICTURES, 100_000, 4.5 * 10**9)],
)
def test_memory_a_row_is_within_the_budget(spec, wanted_rows, wanted_bytes) -> None:
    """Shown on a smaller ring that has turned; rows grow in proportion."""
    rows = 400
    buffer = ReplayBuffer(rows, spec)
    action = np.zeros(4)
    for i in range(2 * rows):
        observation = dataclasses.replace(
            make_step(i, episode=i // 50, step=i % 50).observation,
            entries={n: np.zeros(e.shape, e.dtype) for n, e in spec.entries.items()},
        )
        end = i % 50 == 49
        step = Step(i, observation, action, action, action, 'policy', 0, 0.0, False, False, end)
        buffer.add(step)
    assert len(buffer) >= rows - rows // 50 - 1
    assert buffer.nbytes / rows * wanted_rows < wanted_bytes
