# SPDX-License-Identifier: Apache-2.0
"""A node of the graph that is also a lifecycle node, as `ros2 lifecycle set` knows it.

It brings itself up unless the parameter `autostart` is false. Topics are open in every state,
since nodes of one process are joined once, at the start; what a state allows is the node's own.
"""

from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn

from robot_rl.nodes.common import GraphNode

_DONE = TransitionCallbackReturn.SUCCESS


class ManagedNode(LifecycleNodeMixin, GraphNode):
    """A node with the states unconfigured, inactive and active.

    Attributes:
        configured: whether it is inactive or active.
        active: whether it is active.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        """Unconfigured, with the services of a lifecycle node."""
        GraphNode.__init__(self, name, **kwargs)
        LifecycleNodeMixin.__init__(self)
        self.configured = self.active = False
        fixed = ParameterDescriptor(read_only=True)
        self._autostart = bool(self.declare_parameter('autostart', True, fixed).value)

    def autostart(self) -> None:
        """The last act of a constructor: configured and active at once, unless unwanted."""
        if self._autostart:
            self.trigger_configure()
            self.trigger_activate()

    def changed(self) -> None:
        """Called after every change of state."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From unconfigured to inactive."""
        return self._change(configured=True, active=False)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From inactive to active."""
        return self._change(configured=True, active=True)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From active to inactive."""
        return self._change(configured=True, active=False)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From inactive to unconfigured."""
        return self._change(configured=False, active=False)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any state to finalized, which no transition leaves."""
        return self._change(configured=False, active=False)

    def _change(self, *, configured: bool, active: bool) -> TransitionCallbackReturn:
        self.configured, self.active = configured, active
        self.changed()
        return _DONE
