# SPDX-License-Identifier: Apache-2.0
"""Recordings survive: round trip, a cut file, a full disk."""

import threading
from pathlib import Path

import pytest
import yaml
from mcap.reader import make_reader
from rclpy.serialization import deserialize_message, serialize_message
from robot_rl_msgs import msg as rr

from robot_rl.errors import InputError
from robot_rl.replay.bag import BagWriter, read_bag
from robot_rl.replay.definitions import definition
from robot_rl.replay.recorder import Recorder

TYPE = 'robot_rl_msgs/msg/Step'


def record(folder: Path, count: int = 50) -> list[bytes]:
    bag = BagWriter(folder, 'replay', TYPE, definition(TYPE))
    written = []
    for sequence in range(count):
        observation = rr.Observation(entries=[rr.Tensor(name='x', data=bytes(range(256)) * 8)])
        data = serialize_message(rr.Step(sequence=sequence, observation=observation))
        bag.write(data, 1000 + sequence)
        written.append(data)
    bag.close()
    assert not bag.error
    return written


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = record(tmp_path / 'bag')
    read = list(read_bag(tmp_path / 'bag', 'replay'))
    assert read == written
    assert deserialize_message(read[7], rr.Step).sequence == 7
    assert list(read_bag(tmp_path / 'bag', 'other')) == []


def test_a_reader_without_our_messages_can_decode_it(tmp_path: Path) -> None:
    from mcap_ros2.decoder import DecoderFactory

    record(tmp_path / 'bag', 3)
    with (tmp_path / 'bag' / 'bag_0.mcap').open('rb') as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        decoded = [message.sequence for _, _, _, message in reader.iter_decoded_messages()]
    assert decoded == [0, 1, 2]


def test_metadata_names_the_topic_and_counts(tmp_path: Path) -> None:
    record(tmp_path / 'bag', 5)
    text = (tmp_path / 'bag' / 'metadata.yaml').read_text()
    information = yaml.safe_load(text)['rosbag2_bagfile_information']
    assert information['message_count'] == 5
    topic = information['topics_with_message_count'][0]['topic_metadata']
    assert (topic['name'], topic['type']) == ('replay', TYPE)


def test_a_file_cut_anywhere_gives_back_its_whole_messages(tmp_path: Path) -> None:
    written = record(tmp_path / 'bag')
    path = tmp_path / 'bag' / 'bag_0.mcap'
    data, counts = path.read_bytes(), []
    for length in range(len(data) - 1, 0, -7):
        path.write_bytes(data[:length])
        read = list(read_bag(tmp_path / 'bag', 'replay'))
        assert read == written[: len(read)]
        counts.append(len(read))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == len(written)
    assert counts[len(counts) // 2] > len(written) // 5


@pytest.mark.fault(26)
def test_a_full_disk_ends_the_recording_alone(tmp_path: Path) -> None:
    bag = BagWriter(tmp_path / 'bag', 'replay', TYPE, definition(TYPE))
    full = Path('/dev/full').open('wb', buffering=0)  # noqa: SIM115
    bag._writer._Writer__stream = full  # type: ignore[attr-defined]
    for sequence in range(50):
        bag.write(bytes(2000), sequence + 1)
    assert 'recording stopped: No space left on device' in bag.error
    bag.close()


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    written = [data for count in range(1, 13) for data in record(tmp_path / 'bag', count)]
    assert list(read_bag(tmp_path / 'bag', 'replay')) == written
    assert (tmp_path / 'bag' / 'bag_11.mcap').is_file()


def test_no_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no MCAP recording there'):
        list(read_bag(tmp_path, 'replay'))


def test_a_recorder_writes_beside_and_leaves_out_what_it_cannot_keep_up_with(
    tmp_path: Path,
) -> None:
    gate = threading.Event()

    class Slow(BagWriter):
        def write(self, data: bytes, stamp_ns: int) -> None:
            gate.wait(10)
            super().write(data, stamp_ns)

    recorder = Recorder(Slow(tmp_path / 'bag', 'replay', TYPE, definition(TYPE)), room=3)
    for sequence in range(10):
        recorder.write(serialize_message(rr.Step(sequence=sequence)), sequence + 1)
    assert 6 <= recorder.dropped <= 7
    assert 'left out: overload' in recorder.error
    gate.set()
    recorder.close()
    assert len(list(read_bag(tmp_path / 'bag', 'replay'))) == 10 - recorder.dropped
