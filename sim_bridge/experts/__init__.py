# SPDX-License-Identifier: Apache-2.0
"""Scripted experts by scene: each proves its task solvable, and can demonstrate it."""

from collections.abc import Callable

from sim_bridge.experts import fetch, jaco
from sim_bridge.experts.view import Script, View

EXPERTS: dict[str, Callable[[View], Script]] = {
    'fetch_pick': fetch.pick,
    'jaco_lift': jaco.lift,
}
