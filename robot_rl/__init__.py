# SPDX-License-Identifier: Apache-2.0
"""A ROS 2 graph in which a robot arm learns, safely and from few samples."""

__version__ = '0.1.0'
