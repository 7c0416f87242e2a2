# SPDX-License-Identifier: Apache-2.0
"""Who may import whom, read from the source of every module."""

import ast
import subprocess
import sys
import textwrap
from graphlib import TopologicalSorter
from pathlib import Path

from robot_rl.agents import AGENTS
from robot_rl.nodes.container import NODES

ROOT = Path(__file__).parents[1]

#: From the bottom up. A module imports from its own layer and from those below it.
LAYERS = (
    {
        'types',
        'errors',
        'config',
        'resources',
        'task_file',
        'ranges',
        'arrays',
        'ros_environment',
        'shared_memory',
        'priority',
        'randomization',
        'looks',
        'environments',
    },
    {'perception', 'control', 'safety', 'rewards', 'episodes', 'replay', 'models', 'planning'},
    {'task', 'report', 'launcher', 'preflight', 'security'},
    {'agents', 'goals'},
    {'learning'},
    {'nodes'},
    {'cli'},
)
HEIGHT = {part: height for height, layer in enumerate(LAYERS) for part in layer}

ROS_MODULES = {'rclpy', 'ament_index_python', 'rosidl_runtime_py', 'builtin_interfaces'}
#: Those of sim_bridge are the two hosts in the graph and what they share.
MAY_IMPORT_ROS = (
    'robot_rl.nodes.',
    *(f'sim_bridge.{name}' for name in ('bridge_node', 'arm_node', 'sensors', 'vendor')),
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(source: str) -> set[str]:
    """Full names of what a source imports, also inside functions and conditions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'relative import of {node.module}'
            found |= {f'{node.module}.{alias.name}' for alias in node.names}
    return found


def is_ros(name: str) -> bool:
    top = name.split('.', maxsplit=1)[0]
    return top in ROS_MODULES or top.endswith(('_msgs', '_srvs'))


def part(name: str) -> str | None:
    """The part of robot_rl that a full name belongs to; None for the bare package and others."""
    names = name.split('.')
    return names[1] if names[0] == 'robot_rl' and len(names) > 1 else None


IMPORTS = {
    module_name(path): imports(path.read_text())
    for package in ('robot_rl', 'sim_bridge')
    for path in sorted((ROOT / package).rglob('*.py'))
}


def part_imports() -> dict[str, set[str]]:
    """For each part of robot_rl, the other parts that it imports."""
    graph: dict[str, set[str]] = {}
    for module, names in IMPORTS.items():
        if user := part(module):
            used = {str(part(name)) for name in names} & HEIGHT.keys()
            graph.setdefault(user, set()).update(used - {user})
    return graph


PART_IMPORTS = part_imports()


def test_imports_are_found_wherever_they_stand() -> None:
    source = 'import a.b as c\ndef f():\n    from d.e import g, h\ntry:\n    import i\nfinally: 0'
    assert imports(source) == {'a.b', 'd.e.g', 'd.e.h', 'i'}


def test_message_packages_count_as_ros() -> None:
    assert all(map(is_ros, ('rclpy.node.Node', 'robot_rl_msgs.msg', 'std_srvs.srv.Trigger')))
    assert not any(map(is_ros, ('robot_rl.types', 'numpy', 'json')))


def test_only_nodes_import_ros() -> None:
    users = {module for module, names in IMPORTS.items() if any(map(is_ros, names))}
    assert {m for m in users if not m.startswith(MAY_IMPORT_ROS)} == set()
    assert {'robot_rl.nodes.common', 'sim_bridge.bridge_node'} <= users


def test_only_nodes_import_nodes() -> None:
    users = {module for module, names in IMPORTS.items() if any(part(n) == 'nodes' for n in names)}
    assert {m for m in users if not m.startswith(MAY_IMPORT_ROS)} == set()


def test_robot_rl_never_imports_sim_bridge() -> None:
    users = {m for m, names in IMPORTS.items() for n in names if n.startswith('sim_bridge')}
    assert {module for module in users if part(module)} == set()


def test_every_part_has_a_layer() -> None:
    assert PART_IMPORTS.keys() - HEIGHT.keys() == set()


def test_imports_point_downwards() -> None:
    edges = [(user, used) for user, others in PART_IMPORTS.items() for used in others]
    assert [(user, used) for user, used in edges if HEIGHT[used] > HEIGHT[user]] == []


def test_parts_do_not_import_each_other_in_a_circle() -> None:
    TopologicalSorter(PART_IMPORTS).prepare()


def test_agents_do_not_import_each_other() -> None:
    modules = {agent.__module__ for agent in AGENTS.values()}
    assert modules
    for module in modules:
        others = tuple(f'{other}.' for other in modules - {module})
        assert {name for name in IMPORTS[module] if f'{name}.'.startswith(others)} == set()


def test_without_a_policy_no_node_but_the_learner_loads_torch() -> None:
    modules = [module for name, (module, _) in NODES.items() if name != 'learner_node']
    code = f"""
        import importlib, sys
        from robot_rl.ros_environment import prepare
        prepare()
        for module in {modules}:
            importlib.import_module(module)
        from robot_rl.learning.build import make_player
        from robot_rl.task import load_task, robot_of
        task = load_task('usb_insertion')
        make_player(task, robot_of(task), 'zero', 0)
        print('torch' in sys.modules)
    """
    command = [sys.executable, '-c', textwrap.dedent(code)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == 'False\n'
