# SPDX-License-Identifier: Apache-2.0
"""The launcher's console: lines, progress, and a reader that does not read."""

import contextlib
import itertools
import os
import pty
import time

from hypothesis import given, strategies as st

from robot_rl.launcher.console import Console


def shown(pieces, terminal=False):
    """What a console writes to a pipe or to a terminal for pieces of output."""
    reader, writer = pty.openpty() if terminal else os.pipe()
    console = Console(writer)
    for name, data in pieces:
        console.write(name, data)
    for name in dict(pieces):
        console.end(name)
    os.close(writer)
    with contextlib.suppress(OSError), os.fdopen(reader, 'rb', 0) as file:  # EIO ends a terminal.
        data = b''
        while piece := file.read(65536):
            data += piece
    return data.replace(b'\r\n', b'\n')


def test_lines_get_their_names():
    pieces = [('a', b'on'), ('b', b'two\n'), ('a', b'e\n'), ('b', b'rest')]
    assert shown(pieces) == b'[b] two\n[a] one\n[b] rest\n'
    assert shown([('a', b'one\r\n\ntwo\n')]) == b'[a] one\n[a] \n[a] two\n'


def test_endless_line_is_not_kept():
    reader, writer = os.pipe()
    os.close(reader)
    console = Console(writer)
    for _ in range(100):
        console.write('a', b'x' * 65536)
    assert sum(map(len, console._rest.values())) <= 2 * 65536
    os.close(writer)


def test_progress_shows_its_last_state_in_a_file():
    assert shown([('a', b'\r1 %'), ('a', b'\r2 %'), ('a', b'\n')]) == b'[a] 2 %\n'
    assert shown([('a', b'1 %\r'), ('a', b'2 %\r'), ('a', b'\n')]) == b'[a] 2 %\n'
    assert shown([('a', b'1 %\r'), ('a', b'2 %\r')]) == b'[a] 2 %\n'


def test_progress_stays_at_the_bottom_of_a_terminal():
    clear = b'\r\x1b[K'
    pieces = [('a', b'\r1 %'), ('b', b'hello\n'), ('a', b'\r2 %'), ('a', b'\r3 %\n')]
    assert shown(pieces, terminal=True) == b''.join(
        [
            b'[a] 1 %',
            *(clear, b'[b] hello\n', b'[a] 1 %'),
            *(clear, b'[a] 2 %'),
            *(clear, b'[a] 3 %\n'),
        ]
    )


@given(st.lists(st.sampled_from([b'\r', b'\n', b'\r\n', b'ab', b'c']), max_size=30), st.data())
def test_output_does_not_depend_on_how_it_arrives(parts, data):
    whole = b''.join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    pieces = [('a', whole[i:j]) for i, j in itertools.pairwise(edges)]
    assert shown(pieces) == shown([('a', whole)])


def test_reader_that_stops_does_not_hold_up_the_processes():
    reader, writer = os.pipe()
    console = Console(writer)
    start = time.monotonic()
    for number in range(20000):
        console.write('a', f'{number:06}\n'.encode())
    assert time.monotonic() - start < 5.0
    full = os.read(reader, 1 << 20).decode().split('\n')
    console.write('a', b'again\n')
    last = os.read(reader, 1 << 20).decode()
    assert last == f'[WARN] [launch]: {20000 - len(full) + 1} lines were not shown\n[a] again\n'
    os.close(reader)
    console.write('a', b'nobody\n')
    os.close(writer)
