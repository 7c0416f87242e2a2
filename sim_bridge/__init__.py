# SPDX-License-Identifier: Apache-2.0
"""The simulated robots and their tasks; importing it makes them known to Gymnasium."""

from robot_rl import environments

environments.register()
