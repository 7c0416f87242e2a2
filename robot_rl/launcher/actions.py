# SPDX-License-Identifier: Apache-2.0
"""What a launch file asks for, except nodes: the subset of `launch` and `launch.actions`."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from robot_rl.errors import InputError
from robot_rl.launcher.context import Context
from robot_rl.launcher.loading import call, load
from robot_rl.launcher.substitutions import Condition, LaunchDescriptionSource, text


class LaunchDescription:
    """A list of actions."""

    def __init__(self, initial_entities: Iterable[Any] | None = None) -> None:
        """Keeps the list."""
        self.entities = list(initial_entities or ())

    def add_action(self, action: Any) -> None:
        """Appends an action."""
        self.entities.append(action)

    add_entity = add_action


class Action:
    """Something to do when it is visited."""

    def __init__(self, *, condition: Condition | None = None, **unsupported: Any) -> None:
        """Keeps the condition; anything that no subclass knows is refused."""
        if unsupported:
            what = f'{type(self).__name__}({next(iter(unsupported))}=...)'
            raise InputError(f'{what} is not supported by robot-rl launch')
        self.condition = condition

    def execute(self, context: Context) -> Iterable[Any] | None:
        """Does it; may give further actions to visit."""
        raise NotImplementedError


def visit(entity: Any, context: Context) -> None:
    """Does an action and those that come out of it, in order, where their conditions hold."""
    if isinstance(entity, LaunchDescription):
        further: Iterable[Any] | None = entity.entities
    elif isinstance(entity, Action):
        held = not entity.condition or context.listing or entity.condition.evaluate(context)
        further = entity.execute(context) if held else None
    else:
        raise InputError(f'expected an action, got {entity!r}')
    for item in further or ():
        visit(item, context)


class DeclareLaunchArgument(Action):
    """Names an argument and gives it its default."""

    def __init__(
        self,
        name: str,
        *,
        default_value: Any = None,
        description: str | None = None,
        choices: Iterable[str] | None = None,
        **options: Any,
    ) -> None:
        """Keeps what is said about the argument."""
        super().__init__(**options)
        self.name = name
        self.default_value = default_value
        self.description = description or 'no description given'
        self.choices = None if choices is None else list(choices)

    def execute(self, context: Context) -> None:
        """Sets the default where no value was given, and checks the value."""
        first = context.declared.setdefault(self.name, self)
        values = context.launch_configurations
        if self.name not in values and self.default_value is not None:
            values[self.name] = text(self.default_value, context)
        if context.listing:
            values.setdefault(self.name, '')
            return
        if self.name not in values:
            raise InputError(f'argument {self.name!r} is required: {first.description}')
        if self.choices is not None and values[self.name] not in self.choices:
            known = ', '.join(choice or "''" for choice in self.choices)
            raise InputError(f'argument {self.name}: expected {known}; got {values[self.name]!r}')


class SetLaunchConfiguration(Action):
    """Gives a configuration its value."""

    def __init__(self, name: Any, value: Any, **options: Any) -> None:
        """Keeps name and value."""
        super().__init__(**options)
        self._name, self._value = name, value

    def execute(self, context: Context) -> None:
        """Sets it."""
        context.launch_configurations[text(self._name, context)] = text(self._value, context)


class SetEnvironmentVariable(SetLaunchConfiguration):
    """Gives an environment variable its value for the processes that follow."""

    def execute(self, context: Context) -> None:
        """Sets it."""
        context.environment[text(self._name, context)] = text(self._value, context)


class IncludeLaunchDescription(Action):
    """The actions of another launch file, after setting its arguments."""

    def __init__(
        self,
        launch_description_source: Any,
        *,
        launch_arguments: Iterable[tuple[Any, Any]] | None = None,
        **options: Any,
    ) -> None:
        """Keeps file and arguments."""
        super().__init__(**options)
        if not isinstance(launch_description_source, LaunchDescriptionSource):
            launch_description_source = LaunchDescriptionSource(launch_description_source)
        self._source = launch_description_source
        self._arguments = list(launch_arguments or ())

    def execute(self, context: Context) -> list[Any]:
        """Loads the file."""
        settings = [SetLaunchConfiguration(name, value) for name, value in self._arguments]
        return [*settings, load(self._source.path(context), context.modules)]


class GroupAction(Action):
    """Actions whose changes of configurations and environment end with the group."""

    def __init__(self, actions: Iterable[Any], *, scoped: bool = True, **options: Any) -> None:
        """Keeps the actions."""
        super().__init__(**options)
        self._actions, self._scoped = list(actions), scoped

    def execute(self, context: Context) -> list[Any] | None:
        """Visits them."""
        if not self._scoped:
            return self._actions
        with context.scope():
            for action in self._actions:
                visit(action, context)
        return None


class PushROSNamespace(Action):
    """Puts the nodes that follow in the group into a namespace."""

    def __init__(self, namespace: Any, **options: Any) -> None:
        """Keeps the namespace."""
        super().__init__(**options)
        self._namespace = namespace

    def execute(self, context: Context) -> None:
        """Appends it to the one there is."""
        namespace = absolute_namespace(text(self._namespace, context), context)
        context.launch_configurations['ros_namespace'] = namespace or '/'


def absolute_namespace(namespace: str | None, context: Context) -> str | None:
    """A namespace below the pushed one; an absolute one stays; None where there is neither.

    Raises:
        InputError: not a ROS namespace.
    """
    base = context.launch_configurations.get('ros_namespace')
    if namespace is None or (base and not namespace.startswith('/')):
        namespace = base if not namespace else f'{(base or "").rstrip("/")}/{namespace}'
    if namespace is None:
        return None
    namespace = '/' + namespace.strip('/')
    if not re.fullmatch(r'/|(/[A-Za-z_][A-Za-z0-9_]*)+', namespace):
        raise InputError(f'namespace: expected names joined by /, got {namespace!r}')
    return namespace


class OpaqueFunction(Action):
    """Calls a function of the launch file with the context."""

    def __init__(
        self,
        *,
        function: Callable[..., Iterable[Any] | None],
        args: Iterable[Any] = (),
        kwargs: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Keeps function and arguments."""
        super().__init__(**options)
        self._function, self._args, self._kwargs = function, tuple(args), kwargs or {}

    def execute(self, context: Context) -> Iterable[Any] | None:
        """Calls it."""
        if context.listing:
            return None
        further: Iterable[Any] | None = call(
            self._function, context.modules, context, *self._args, **self._kwargs
        )
        return further


class LogInfo(Action):
    """Shows a message."""

    def __init__(self, *, msg: Any, **options: Any) -> None:
        """Keeps the message."""
        super().__init__(**options)
        self._message = msg

    def execute(self, context: Context) -> None:
        """Shows it."""
        if not context.listing:
            context.log(text(self._message, context))


class Shutdown(Action):
    """Ends all processes and the launch."""

    def __init__(self, *, reason: str = 'no reason given', **options: Any) -> None:
        """Keeps the reason."""
        super().__init__(**options)
        self._reason = reason

    def execute(self, context: Context) -> None:
        """Asks for the end."""
        context.shutdown_reason = self._reason
