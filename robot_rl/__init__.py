# SPDX-License-Identifier: Apache-2.0
"""A ROS 2 graph in which a robot arm learns, safely and from few samples."""

import sys

__version__ = '0.1.0'

if 'gymnasium' in sys.modules:
    from robot_rl import environments

    environments.register()
