# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the tasks of Fetch."""

import numpy as np

from sim_bridge.experts.view import Script, View

ABOVE = np.array([0.0, 0.0, 0.08])
GRASP = np.array([0.0, 0.0, 0.012])  # from the block's centre; the fingers then clear the table


def pick(view: View) -> Script:
    """Grips the block from above and brings it to the goal."""
    if not np.linalg.norm(view.object() - view.tool) < 0.03:
        yield from view.go(lambda: view.object() + ABOVE, near=0.008)
        yield from view.go(lambda: view.object() + GRASP, near=0.006)
    yield from view.grip(-1.0, 8)
    while True:
        yield view.towards(view.goal - view.object() + view.tool)
