# SPDX-License-Identifier: Apache-2.0
"""What a launch file reads and changes while it runs, and the processes that come out of it."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_rl.errors import InputError
from robot_rl.launcher.loading import Modules
from robot_rl.ros_environment import GUARD

if TYPE_CHECKING:
    from robot_rl.launcher.actions import DeclareLaunchArgument
    from robot_rl.launcher.substitutions import Substitution


@dataclass(frozen=True)
class Process:
    """A process to start.

    Attributes:
        name: of the executable, with a number that makes it unique.
        command: executable and arguments.
        environment: all variables.
        log_dir: folder for the log.
        files: parameter files that must be there first, and their text.
        screen: whether standard output is shown; errors always are.
        respawn_delay: seconds after which it is started again when it ends; None for never.
        timeouts: seconds from SIGINT to SIGTERM and from there to SIGKILL.
        on_exit: actions, or a function that gives some, for when it ends.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log_dir: Path
    files: Mapping[Path, str] = field(default_factory=dict)
    screen: bool = True
    respawn_delay: float | None = None
    timeouts: tuple[float, float] = (5.0, 5.0)
    on_exit: Any = None


class Context:
    """Launch configurations and environment, and what the actions have asked for.

    Attributes:
        modules: what launch files may import.
        launch_configurations: values of arguments and other names.
        environment: variables for the processes.
        declared: arguments that the visited files declare, by name.
        processes: to be started.
        shutdown_reason: set once a `Shutdown` was visited.
        listing: only collect `declared`; nothing is checked or prepared.
        log: takes the messages of `LogInfo`.
    """

    def __init__(
        self, modules: Modules, arguments: Mapping[str, str] | None = None, listing: bool = False
    ) -> None:
        """Starts with the arguments of the command line and this process's environment."""
        self.modules = modules
        self.launch_configurations = dict(arguments or {})
        self.environment = child_environment(os.environ)
        self.declared: dict[str, DeclareLaunchArgument] = {}
        self.processes: list[Process] = []
        self.shutdown_reason: str | None = None
        self.listing = listing
        self.log: Callable[[str], None] = print
        self._started = 0

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Takes back changes of configurations and environment at its end."""
        saved = dict(self.launch_configurations), dict(self.environment)
        try:
            yield
        finally:
            self.launch_configurations, self.environment = saved

    def perform_substitution(self, substitution: 'Substitution') -> str:
        """The text that a substitution stands for."""
        return substitution.perform(self)

    def unique(self, name: str) -> str:
        """The name with the next number, as in `learner_node-2`."""
        self._started += 1
        return f'{name}-{self._started}'

    def log_dir(self) -> Path:
        """Folder for logs and parameter files: ROS_LOG_DIR, or log/ in ROS_HOME or ~/.ros."""
        if self.environment.get('ROS_LOG_DIR'):
            return Path(self.environment['ROS_LOG_DIR']).expanduser().absolute()
        home = self.environment.get('ROS_HOME') or '~/.ros'
        return Path(home).expanduser().absolute() / 'log'


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """This process's environment as it was before the ROS 2 wheels changed it at its start.

    The wheels put their libraries, an old OpenSSL among them, on LD_LIBRARY_PATH and set a guard
    so that it happens once. Without both, every Python child does it for itself and no other
    program is affected. This environment's own prefix is an ament prefix, too.
    """
    child = {name: value for name, value in environment.items() if name != GUARD}
    if GUARD in environment:
        paths = child.get('LD_LIBRARY_PATH', '').split(os.pathsep)
        own = [p for p in paths if p and not Path(p).is_relative_to(sys.prefix)]
        child['LD_LIBRARY_PATH'] = os.pathsep.join(own)
    child['AMENT_PREFIX_PATH'] = os.pathsep.join(prefixes(environment))
    return child


def prefixes(environment: Mapping[str, str]) -> list[str]:
    """Folders that packages are installed in, first one first; this environment's comes last."""
    listed = [p for p in environment.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    return listed if sys.prefix in listed else [*listed, sys.prefix]


def find_package(package: str, below: str, environment: Mapping[str, str]) -> Path:
    """The folder `<prefix>/<below>/<package>` of the first prefix that has it.

    Raises:
        InputError: no prefix has it.
    """
    known = prefixes(environment)
    for prefix in known:
        folder = Path(prefix, below, package)
        if folder.is_dir():
            return folder
    raise InputError(f'package {package!r}: no {below}/{package} in {", ".join(known)}')
