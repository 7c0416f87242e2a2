# SPDX-License-Identifier: Apache-2.0
"""Runs every test that is marked with a row of the fault table, and counts the rows that held.

A row holds where it has tests and all of them passed. `--table FILE` writes docs/faults.md. The
last line is one JSON object with `held` and `rows`; the status is 0 where all rows held.
"""

import argparse
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fault_rows import ROWS
from robot_rl.errors import InputError
from robot_rl.report.files import write_text

_HOLD = re.compile(r'hold after (\d+) ms')
TESTS = Path(__file__).resolve().parents[1] / 'test'


@dataclass
class Collector:
    """A plugin of pytest that notes, by row, which tests passed, and the times that they tell.

    Attributes:
        passed: of each row, by test.
        times: milliseconds to the first hold by row, as the tests print them.
    """

    passed: dict[int, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    times: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    _rows: dict[str, list[int]] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Learns which test belongs to which rows."""
        for item in items:
            rows = [int(mark.args[0]) for mark in item.iter_markers('fault')]
            self._rows[item.nodeid] = rows

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Takes one phase of one test; a skipped test shows nothing."""
        for row in self._rows.get(report.nodeid, ()):
            before = self.passed[row].get(report.nodeid, True)
            self.passed[row][report.nodeid] = before and report.passed
            if report.when == 'call':
                self.times[row] += map(float, _HOLD.findall(report.capstdout))

    def held(self, row: int) -> bool:
        """Whether the row has tests and all of them passed."""
        return bool(self.passed[row]) and all(self.passed[row].values())


def table(collector: Collector) -> str:
    """The rows in Markdown."""
    count = sum(map(collector.held, ROWS))
    lines = [
        '# Faults',
        '',
        f'What the graph must survive: {count} of {len(ROWS)} rows held.',
        '`make faults` wrote this. It runs the tests that are marked with a row. Times run from',
        "the fault to the first hold at the driver's output; the largest of the run.",
        '',
        '| # | fault | reaction | shown by | held | time |',
        '|---|---|---|---|---|---|',
    ]
    for row, (fault, reaction) in ROWS.items():
        tests = sorted({name.split('::')[-1].split('[')[0] for name in collector.passed[row]})
        shown = ', '.join(f'`{name}`' for name in tests) or 'nothing yet'
        times = collector.times[row]
        time = f'{max(times):.0f} ms' if times else ''
        held = 'yes' if collector.held(row) else 'no'
        lines.append(f'| {row} | {fault} | {reaction} | {shown} | {held} | {time} |')
    return '\n'.join([*lines, ''])


def main(argv: list[str]) -> int:
    """Runs the tests and counts."""
    import pytest  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog='robot-rl bench faults', description=__doc__)

    parser.add_argument('--table', type=Path, help='Markdown file to write')
    parser.add_argument('--json', action='store_true', help='accepted; the last line is JSON')
    options = parser.parse_args(argv)
    if not TESTS.is_dir():
        raise InputError(f'{TESTS}: no such folder; the tests are in the source tree alone')
    collector = Collector()

    pytest.main(['-q', '-m', 'fault', str(TESTS)], plugins=[collector])
    if options.table:
        write_text(options.table, table(collector))
    rows = {row: collector.held(row) for row in ROWS}
    held = sum(rows.values())
    print(
        json.dumps({'name': 'faults', 'value': held, 'unit': 'rows', 'held': held, 'rows': rows})
    )
    return 0 if held == len(rows) else 1
