# SPDX-License-Identifier: Apache-2.0
"""What must be right before an arm is armed: pure checks of what was heard and of the machine.

Each check gives findings, one line each: fine, or what to do about it.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from robot_rl.control.kinematics import Kinematics
from robot_rl.control.robot import RobotConfig
from robot_rl.errors import InputError
from robot_rl.priority import REMEDY, may_be_raised
from robot_rl.report.files import write_text
from robot_rl.safety.config import SafetyConfig
from robot_rl.types import FloatArray

VERDICT = 'doctor.json'
MOST_OFFSET_S = 0.1
LEAST_CORES = 2
LEAST_DISK_GB = 5.0
LEAST_SHARE = 0.5  # of the rate that a stream should have


@dataclass(frozen=True)
class Finding:
    """One line of the page.

    Attributes:
        what: was looked at.
        good: whether it is fine.
        said: the numbers, and what to do where it is not.
    """

    what: str
    good: bool
    said: str


@dataclass
class Stream:
    """What was heard of one topic.

    Attributes:
        topic: its name.
        rate_hz: that it should have at least.
        publishers: who sends it.
        misfits: publishers whose quality of service does not fit ours, and why.
        stamps_s: of the messages.
        heard_s: when they came, on this machine's clock that never goes back.
    """

    topic: str
    rate_hz: float
    publishers: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    stamps_s: list[float] = field(default_factory=list)
    heard_s: list[float] = field(default_factory=list)


def check_stream(stream: Stream, seconds: float) -> Iterator[Finding]:
    """That somebody sends a topic, one alone, compatibly, and often enough."""
    topic, senders = stream.topic, ', '.join(stream.publishers)
    if not stream.publishers:
        yield Finding(topic, False, 'nobody publishes it; start its node, or remap the topic')
        return
    if len(stream.publishers) > 1:
        yield Finding(topic, False, f'several publishers: {senders}; stop all but one')
    for misfit in stream.misfits:
        yield Finding(topic, False, f'quality of service: {misfit}')
    rate_hz, least_hz = len(stream.heard_s) / seconds, LEAST_SHARE * stream.rate_hz
    said = f'{rate_hz:.0f} Hz from {senders}'
    if rate_hz >= least_hz:
        yield Finding(topic, True, said)
    else:
        yield Finding(topic, False, f'{said}; expected {least_hz:.0f} Hz or more')


def check_clocks(streams: list[Stream]) -> Iterator[Finding]:
    """That the stamps of all streams are of one clock."""
    offsets = {
        s.topic: float(np.median(np.subtract(s.heard_s, s.stamps_s)))
        for s in streams
        if s.stamps_s
    }
    if len(offsets) < 2:
        return
    first, last = min(offsets, key=offsets.__getitem__), max(offsets, key=offsets.__getitem__)
    apart = offsets[last] - offsets[first]
    said = f'stamps of {last} lag {apart * 1e3:.0f} ms behind those of {first}'
    todo = '' if apart <= MOST_OFFSET_S else '; let one machine stamp both, or synchronise them'
    yield Finding('clocks', apart <= MOST_OFFSET_S, said + todo)


def check_joints(
    robot: RobotConfig, names: list[str], position: FloatArray, margin: float
) -> Iterator[Finding]:
    """That the robot's joints are there, and within their limits.

    Args:
        robot: whose joints are expected.
        names: of the message.
        position: of the message, rad or m.
        margin: to the limits that safety keeps, rad.
    """
    missing = [name for name in robot.joints if name not in names]
    if missing:
        got = ', '.join(names)
        yield Finding('joints', False, f'missing {", ".join(missing)}; the robot sends {got}')
        return
    measured = np.array([position[names.index(name)] for name in robot.joints])
    lower, upper = Kinematics(robot).position_limits.T
    outside = np.flatnonzero(~((measured >= lower + margin) & (measured <= upper - margin)))
    for joint in outside:
        name, at = robot.joints[joint], measured[joint]
        room = f'{lower[joint] + margin:.2f} to {upper[joint] - margin:.2f}'
        yield Finding(name, False, f'at {at:.3f}, expected {room}; move it there by hand')
    if not len(outside):
        yield Finding('joints', True, f'{len(robot.joints)} joints, all within their limits')


def check_sphere(config: SafetyConfig, tool_xyz: FloatArray) -> Finding:
    """That the tool is inside of the bounding sphere."""
    away = float(np.linalg.norm(tool_xyz - np.asarray(config.sphere_center)))
    said = f'tool {away:.3f} m from the centre, radius {config.sphere_radius:g} m'
    todo = '' if away <= config.sphere_radius else '; move the arm into it, or correct the sphere'
    return Finding('sphere', away <= config.sphere_radius, said + todo)


def check_wrench(config: SafetyConfig, forces: FloatArray) -> Iterator[Finding]:
    """That the wrist sensor's bias leaves room to the limits; forces [N, 3] at rest, N."""
    if config.force is None or not len(forces):
        return
    bias, spread = float(np.linalg.norm(forces.mean(axis=0))), float(forces.std(axis=0).max())
    good = bool(np.isfinite(forces).all()) and bias < config.force / 2
    said = f'bias {bias:.1f} N, noise {spread:.2f} N, limit {config.force:g} N'
    yield Finding('wrench', good, said if good else said + '; tare the sensor')


def check_contact(values: list[bool]) -> Iterator[Finding]:
    """That the electrical input is low before anything is plugged in."""
    if values:
        good = not any(values)
        said = 'low' if good else 'high with nothing plugged in; look at the wiring'
        yield Finding('electrical contact', good, said)


def check_machine(folder: Path, joystick: Path | None) -> Iterator[Finding]:
    """Cores, disk, the joystick where one is used; scheduling, for which none is refused."""
    cores = len(os.sched_getaffinity(0))
    yield Finding('cores', cores >= LEAST_CORES, f'{cores}; expected {LEAST_CORES} or more')
    said = 'granted' if may_be_raised() else f'not granted, so commands may come late; {REMEDY}'
    yield Finding('real-time priority', True, said)
    free_gb = shutil.disk_usage(folder).free / 1e9
    said = f'{free_gb:.1f} GB free in {folder}; expected {LEAST_DISK_GB:g} GB or more'
    yield Finding('disk', free_gb >= LEAST_DISK_GB, said)
    if joystick is not None:
        there = os.access(joystick, os.R_OK)
        said = str(joystick) if there else f'{joystick} cannot be read; plug it in'
        yield Finding('joystick', there, said)


def check_latency(delays_s: list[float], limit_s: float) -> Iterator[Finding]:
    """Times from an observation to the command that answers it, where the graph runs already."""
    if delays_s:
        half, most = np.quantile(delays_s, [0.5, 0.99]) * 1e3
        good = most <= limit_s * 1e3
        said = f'observation to command: median {half:.1f} ms, p99 {most:.1f} ms'
        yield Finding('latency', good, f'{said}; at most {limit_s * 1e3:.0f} ms')


def page(findings: list[Finding]) -> str:
    """The findings, a line each, and the verdict."""
    width = max(len(f.what) for f in findings)
    lines = [f'{"ok " if f.good else "NO "} {f.what:<{width}}  {f.said}' for f in findings]
    bad = sum(not f.good for f in findings)
    return '\n'.join([*lines, f'{bad} to be done' if bad else 'ready to arm'])


@dataclass(frozen=True)
class Verdict:
    """What was found of a robot before a task, left in the run's folder for the driver.

    Attributes:
        robot: name or file.
        task: name.
        findings: the lines of the page.
    """

    robot: str
    task: str
    findings: list[Finding]

    @property
    def ready(self) -> bool:
        """Whether all is fine."""
        return all(finding.good for finding in self.findings)

    def write(self, folder: Path) -> None:
        """Leaves it where `check_verdict` looks."""
        write_text(folder / VERDICT, json.dumps(asdict(self)) + '\n')


def check_verdict(folder: Path, robot: str, task: str, since_s: float) -> None:
    """Refuses to go on unless everything was found fine.

    Args:
        folder: of the run.
        robot: that is to be armed.
        task: that it is to do.
        since_s: wall clock; what was found before does not count.

    Raises:
        InputError: says what is to be done, and by which command it is looked at.
    """
    path = folder / VERDICT
    command = f'robot-rl doctor --robot {robot} --task {task} --run-dir {folder}'
    if not path.is_file() or path.stat().st_mtime < since_s:
        raise InputError(f'not looked at since the driver started: run {command}')
    told = json.loads(path.read_text())
    verdict = Verdict(told['robot'], told['task'], [Finding(**f) for f in told['findings']])
    if (verdict.robot, verdict.task) != (robot, task):
        raise InputError(f'{path}: of {verdict.robot} and {verdict.task}: run {command}')
    if not verdict.ready:
        bad = '; '.join(f'{f.what}: {f.said}' for f in verdict.findings if not f.good)
        raise InputError(f'{bad}; then run {command}')
