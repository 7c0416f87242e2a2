# SPDX-License-Identifier: Apache-2.0
"""The simulated scenes by name."""

from sim_bridge.tasks.usb_insertion import UsbInsertion

TASKS: dict[str, type[UsbInsertion]] = {'usb_insertion': UsbInsertion}
