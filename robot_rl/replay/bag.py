# SPDX-License-Identifier: Apache-2.0
"""Recording to MCAP, as `ros2 bag` reads it: nothing that was written is lost by a crash.

The bytes are serialized messages; this file knows nothing of ROS. A recording that was cut
off is read up to its last whole message.
"""

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader
from mcap.records import Channel, Message, Schema
from mcap.writer import CompressionType, Writer
from mcap_ros2.decoder import DecoderFactory

from robot_rl.errors import InputError

SYNC_SECONDS = 1.0
CHUNK_BYTES = 16 * 1024  # what a crash can cost
_SETTINGS = 'robot_rl settings'

_Record = tuple[Schema | None, Channel, Message]


class BagWriter:
    """Writes messages of one topic into `<folder>/<folder's name>_0.mcap`.

    Where a recording is there already, as after a crash, the next number is taken.

    Attributes:
        error: why recording stopped; '' while it goes on. A full disk ends the recording and
            nothing else.
        messages: written so far.
    """

    def __init__(
        self, folder: Path, topic: str, type_name: str, definition: str, settings: str = ''
    ) -> None:
        """Opens a new file.

        Args:
            folder: is made.
            topic: of all messages.
            type_name: such as `robot_rl_msgs/msg/Step`.
            definition: text of the type and all that it is made of, `ros2msg`.
            settings: kept beside the topic's name, see `read_settings`.

        Raises:
            InputError: the folder can't be written.
        """
        self.error = ''
        self.messages = 0
        self._folder, self._topic, self._type = folder, topic, type_name
        self._path = folder / f'{folder.name}_{_next_number(folder)}.mcap'
        self._first_ns = self._last_ns = 0
        self._synced = time.monotonic()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open('xb')
        except OSError as error:
            raise InputError(f'{self._path}: {error.strerror}') from error
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.LZ4)
        self._writer.start(profile='ros2', library='robot_rl')
        schema = self._writer.register_schema(type_name, 'ros2msg', definition.encode())
        metadata = {_SETTINGS: settings}
        self._channel = self._writer.register_channel(topic, 'cdr', schema, metadata)

    def write(self, data: bytes, stamp_ns: int) -> None:
        """Appends one serialized message; does nothing after an error."""
        if self.error:
            return
        self._first_ns = self._first_ns or stamp_ns
        self._last_ns = stamp_ns
        try:
            self._writer.add_message(self._channel, stamp_ns, data, stamp_ns)
            self.messages += 1
            self._sync()
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Finishes the file and writes `metadata.yaml` beside it."""
        try:
            if not self.error:
                self._writer.finish()  # type: ignore[no-untyped-call]
                self._write_metadata()
        except OSError as error:
            self._give_up(error)
        finally:
            try:
                self._file.close()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.error = self.error or f'{self._path}: recording stopped: {error.strerror}'

    def _sync(self) -> None:
        """Brings what is written to the disk, at most once a second."""
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self._synced = time.monotonic()
            self._file.flush()
            os.fsync(self._file.fileno())

    def _write_metadata(self) -> None:
        """What `ros2 bag` wants to know: of this file; `ros2 bag reindex` adds the others."""
        duration_ns = self._last_ns - self._first_ns
        topic = {
            'name': self._topic,
            'type': self._type,
            'serialization_format': 'cdr',
            'offered_qos_profiles': [],
            'type_description_hash': '',
        }
        information = {
            'version': 9,
            'storage_identifier': 'mcap',
            'duration': {'nanoseconds': duration_ns},
            'starting_time': {'nanoseconds_since_epoch': self._first_ns},
            'message_count': self.messages,
            'topics_with_message_count': [
                {'topic_metadata': topic, 'message_count': self.messages}
            ],
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [self._path.name],
        }
        text = yaml.safe_dump({'rosbag2_bagfile_information': information}, sort_keys=False)
        (self._folder / 'metadata.yaml').write_text(text)


def read_bag(folder: Path, topic: str) -> Iterator[bytes]:
    """Serialized messages of one topic, in the order of writing, up to a cut.

    Raises:
        InputError: no recording in the folder.
    """
    for _, channel, message in _messages(folder):
        if channel.topic == topic:
            yield message.data


def read_records(folder: Path, type_name: str) -> Iterator[Any]:
    """Messages of one type on any topic, decoded by the schema in the recording, up to a cut.

    Raises:
        InputError: no recording in the folder, or messages that can't be decoded.
    """
    decoders = DecoderFactory()
    for schema, channel, message in _messages(folder):
        if schema is not None and schema.name == type_name:
            decode = decoders.decoder_for(channel.message_encoding, schema)
            if decode is None:
                got = f'{channel.message_encoding} with {schema.encoding}'
                raise InputError(f'{folder}: expected cdr with ros2msg, got {got}')
            try:
                decoded = decode(message.data)
            except (McapError, ValueError, IndexError, struct.error) as error:
                raise InputError(
                    f'{folder}: a message does not fit its schema: {error}'
                ) from error
            yield decoded


def count_records(folder: Path, type_name: str) -> int:
    """How many whole messages of one type a recording holds.

    Raises:
        InputError: no recording in the folder.
    """
    return sum(s is not None and s.name == type_name for s, _, _ in _messages(folder))


def read_settings(folder: Path, type_name: str) -> str:
    """What a recording says that shapes its messages of one type; '' where it says nothing.

    Raises:
        InputError: no recording in the folder.
    """
    found = (c for s, c, _ in _messages(folder) if s is not None and s.name == type_name)
    channel = next(found, None)
    return channel.metadata.get(_SETTINGS, '') if channel else ''


def recordings(folder: Path) -> list[Path]:
    """The MCAP files in a folder, in the order of their numbers."""
    return sorted(folder.glob('*.mcap'), key=lambda path: (_number(path), path.name))


def _number(path: Path) -> int:
    number = path.stem.rpartition('_')[2]
    return int(number) if number.isdecimal() else -1


def _next_number(folder: Path) -> int:
    return max((_number(path) for path in folder.glob('*.mcap')), default=-1) + 1


def is_recording(path: Path) -> bool:
    """Whether there is an MCAP file or a folder that holds one."""
    return path.suffix == '.mcap' or any(path.glob('*.mcap'))


def _messages(folder: Path) -> Iterator[_Record]:
    paths = recordings(folder) if folder.is_dir() else [folder]
    if not paths or not paths[0].is_file():
        raise InputError(f'{folder}: no MCAP recording there')
    for path in paths:
        with path.open('rb') as file:
            records = NonSeekingReader(file).iter_messages(log_time_order=False)
            while (record := _next(records)) is not None:
                yield record


def _next(records: Iterator[_Record]) -> _Record | None:
    """The next whole message; None at the end and at a cut."""
    try:
        return next(records, None)
    except (McapError, EOFError, ValueError, struct.error):
        return None
