# SPDX-License-Identifier: Apache-2.0
"""A camera's thread, how a camera's health is told, pairs of pictures, and the bench's numbers."""

import threading
import time

import numpy as np
import pytest

from benchmarks import camera as bench
from robot_rl.errors import InputError
from robot_rl.perception.camera import CameraConfig, CameraFrame, CameraPipeline, Refusal
from robot_rl.perception.feed import Feed, Parts
from robot_rl.perception.health import Health
from robot_rl.perception.pairs import PAIRING_NS, Pairs
from robot_rl.perception.sources import RawFrame, Reconnecting, SourceLostError

SECOND = 10**9


class Hand:
    """A camera whose frames are handed over one by one; None is a loss."""

    def __init__(self):
        self.ready, self.taken = threading.Semaphore(0), threading.Semaphore(0)
        self.frames = []
        self.opened = self.closed = 0

    def open(self):
        self.opened += 1
        return self

    def give(self, *frames):
        for frame in frames:
            self.frames.append(frame)
            self.ready.release()
        for _ in frames:
            assert self.taken.acquire(timeout=10)

    def read(self):
        if not self.ready.acquire(timeout=10):
            raise SourceLostError('nothing')
        frame = self.frames.pop(0)
        self.taken.release()
        if isinstance(frame, Exception):
            raise frame
        return frame

    def close(self):
        self.closed += 1


def raw(number, stamp_ns=None):
    color = np.full((20, 20, 3), number, np.uint8)
    return RawFrame(stamp_ns or time.monotonic_ns(), color, None, number, 0.01)


@pytest.fixture
def started():
    hand, health, woken = Hand(), Health('wrist', time.monotonic_ns(), 0.5), threading.Semaphore(0)
    pipeline = CameraPipeline(CameraConfig('wrist', (10, 10), max_age_s=10.0))
    source = Reconnecting(hand.open, 0.1)
    feed = Feed(Parts(source, pipeline, health, time.monotonic_ns, woken.release))
    feed.start()
    yield hand, feed, health, woken
    hand.give(SourceLostError('end'))
    feed.stop()


def test_the_newest_frame_is_taken_once_and_what_it_overtook_is_counted(started):
    hand, feed, health, woken = started
    assert feed.take() is None
    hand.give(raw(1), raw(2), raw(5))
    for _ in range(3):
        assert woken.acquire(timeout=10)
    frame = feed.take()
    assert isinstance(frame, CameraFrame)
    assert (frame.color == 5).all()
    assert feed.take() is None
    assert health.dropped == 2 + 2  # overtaken, and missing in the camera's count
    assert health.exposure_s == 0.01


def test_a_refusal_comes_as_frames_do(started):
    hand, feed, _, woken = started
    hand.give(raw(1, 5 * SECOND))
    assert woken.acquire(timeout=10)
    result = feed.take()
    assert isinstance(result, Refusal)
    assert 's old, limit 10' in result.reason


def test_a_lost_camera_is_closed_and_opened_again(started):
    hand, feed, health, woken = started
    hand.give(raw(7), SourceLostError('pulled out'))
    assert woken.acquire(timeout=10)
    hand.give(raw(1))
    assert woken.acquire(timeout=10)
    assert (hand.opened, hand.closed, health.lost) == (2, 1, 1)
    assert health.dropped == 1  # overtaken; a new count of frames is no gap
    feed.check()


def test_an_error_in_the_thread_ends_it_and_is_raised_again(started):
    hand, feed, _, _ = started
    hand.give(ZeroDivisionError('a fault of ours'))
    feed._thread.join(10)
    with pytest.raises(ZeroDivisionError):
        feed.check()
    hand.taken.release()  # for the fixture's own


def frame(stamp_ns=0):
    return CameraFrame(stamp_ns, np.zeros((4, 4, 3), np.uint8), None, 0.7)


def test_health_tells_rate_age_exposure_and_what_is_wrong():
    health = Health('wrist', 0, 0.5)
    assert health.report(SECOND // 10)[:2] == ('ok', 'wrist: ok')
    assert health.report(SECOND)[:2] == (
        'error',
        'wrist: no good frame for 1.0 s: nothing came',
    )
    for i in range(30):
        health.arrive(i, 0.008)
        health.judge(frame(), 0.021, SECOND + i * SECOND // 30)
    level, said, values = health.report(2 * SECOND)
    assert (level, said) == ('ok', 'wrist: ok')
    assert values == {
        'wrist: rate_hz': 30.0,
        'wrist: age_ms': 21.0,
        'wrist: exposure_ms': 8.0,
        'wrist: valid_fraction': 0.7,
        'wrist: frames': 30,
        'wrist: refused': 0,
        'wrist: dropped': 0,
        'wrist: lost': 0,
    }
    health.arrive(40, None)
    health.judge(frame(), 0.0, 2 * SECOND)
    assert health.report(2 * SECOND + 1)[:2] == ('warn', 'wrist: 10 of 11 frames dropped')
    health.judge(Refusal(0, 'wrist: too dark'), 0.0, 2 * SECOND)
    assert health.report(2 * SECOND + 2)[:2] == (
        'warn',
        'wrist: 1 frames refused: too dark',
    )
    health.lose('unplugged')
    health.lose('unplugged')
    assert health.lost == 1
    assert health.report(3 * SECOND)[1] == 'wrist: no good frame for 1.0 s: unplugged'


def test_pairs_are_made_by_stamp_and_once():
    pairs, color, depth = Pairs(('color', 'depth')), np.zeros((4, 4, 3)), np.zeros((4, 4, 1))
    assert pairs.add('color', 100, color) is None
    made = pairs.add('depth', 100 + PAIRING_NS, depth)
    assert made.stamp_ns == 100
    assert made.color is color
    assert made.depth is depth
    assert pairs.add('depth', 2 * PAIRING_NS, depth) is None
    assert pairs.add('color', 4 * PAIRING_NS, color) is None  # too far apart
    assert pairs.add('depth', 4 * PAIRING_NS, depth) is not None
    assert Pairs(('color',)).add('color', 1, color).depth is None
    with pytest.raises(InputError, match='depth: gives 4 x 4 pixels, wanted 6 x 5'):
        Pairs(('depth',), (5, 6)).add('depth', 1, depth)


def test_pictures_that_make_no_frame_tell_what_is_missing_or_how_far_apart_they_are():
    pairs, image, ms = Pairs(('color', 'depth')), np.zeros((4, 4, 1)), 10**6

    def lack(*kinds, rounds=6, later=0):
        for i in range(rounds):
            for kind in kinds:
                pairs.add(kind, 33 * ms * i - later * (kind == 'depth'), image)
        return pairs.lack('wrist')

    assert lack('color', rounds=5) == ''
    only_color = 'wrist/depth/image_raw: nothing comes, only wrist/color/image_raw'
    assert lack('color') == only_color
    assert lack('depth', 'color') == ''
    assert lack('depth').startswith('wrist/color/image_raw: nothing comes')
    both = 'wrist/color/image_raw and wrist/depth/image_raw: stamps are'
    pairs.clear()
    assert lack('color', 'depth', later=16 * ms) == (
        f'{both} 16.0 ms apart or more, expected 10 at most'
    )
    assert lack('color') == only_color
    pairs.clear()
    assert pairs.lack('wrist') == ''


def test_the_bench_counts_by_the_frames_numbers_and_leaves_the_warm_ones_out():
    sent = [i * 1_000_000 for i in range(bench.WARM_FRAMES + 100)]
    taken = [(sent[n - 1] + n * 1000, n) for n in range(1, len(sent) + 1)]
    found = bench.summary(sent, taken)
    assert found['frames'] == 100
    assert found['p50_ms'] == pytest.approx(0.08, abs=0.011)
    assert found['max_ms'] == pytest.approx(0.13)
    with pytest.raises(InputError, match='no frame came through'):
        bench.summary(sent, taken[:3])
