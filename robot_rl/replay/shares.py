# SPDX-License-Identifier: Apache-2.0
"""Cuts a batch into parts of given shares."""

from collections.abc import Sequence

_ROUNDING = 1e-6  # what sums of shares may be off by, in samples


def split(size: int, shares: Sequence[float], uniform: float) -> list[int]:
    """Where each part ends.

    A part holds its share rounded down or up, so often up that the mean is exact: a share of
    half is exactly half of an even batch, and a share below one sample is not lost.

    Args:
        size: B.
        shares: of the batch, their sum at most 1.
        uniform: random number in [0, 1) that says which parts are rounded up.
    """
    ends, total = [], 0.0
    for share in shares:
        total += share
        whole, rest = divmod(total * size + _ROUNDING, 1)
        ends.append(int(whole) + (rest > 2 * _ROUNDING and uniform >= 1 - rest))
    return ends
