# SPDX-License-Identifier: Apache-2.0
"""What is declared agrees with what exists: manifests, versions, executables, data, pins."""

import ast
import os
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest
import setuptools
from catkin_pkg.package import Package, parse_package
from packaging.requirements import Requirement

import robot_rl
from robot_rl import resources

ROOT = Path(__file__).parents[1]
MESSAGE_PACKAGES = re.compile(r'(\w+_(?:msgs|srvs|interfaces))(?:\.|/)')


def manifest(folder: str) -> Package:
    warnings: list[str] = []
    package = parse_package(str(ROOT / folder), warnings=warnings)
    assert warnings == []
    return package


def requirements(name: str) -> dict[str, str]:
    """Versions by package, as a file in requirements/ pins them."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and line[0] not in '#-']
    return {normal(r.name): str(r.specifier) for r in wanted}


def normal(name: str) -> str:
    return re.sub('[-_.]+', '-', name).lower()


def imported(path: Path) -> set[str]:
    """Top-level names of what a source file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split('.')[0] for name in names}


def defines_main(path: Path) -> bool:
    """Whether a module starts a node; the `main` of a command takes arguments."""
    mains = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == 'main'
    ]
    return any(not node.args.args for node in mains)


@pytest.fixture(scope='module')
def declared() -> dict[str, Any]:
    """The arguments that setup.py gives to `setup`."""
    given: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(setuptools, 'setup', lambda **arguments: given.update(arguments))
        runpy.run_path('setup.py')
    return given


@pytest.mark.parametrize(
    ('folder', 'build_type'), [('.', 'ament_python'), ('robot_rl_msgs', 'ament_cmake')]
)
def test_package_xml_is_valid(folder: str, build_type: str) -> None:
    package = manifest(folder)
    package.validate()
    assert package.package_format == 3
    assert package.get_build_type() == build_type
    assert package.licenses == ['Apache-2.0']


def test_the_version_is_the_same_everywhere() -> None:
    changelog = re.search(r'^(\d+\.\d+\.\d+) ', (ROOT / 'CHANGELOG.rst').read_text(), re.MULTILINE)
    assert changelog
    assert {
        manifest('.').version,
        manifest('robot_rl_msgs').version,
        robot_rl.__version__,
        changelog[1],
        metadata.version('robot_rl'),
        metadata.version('robot_rl_msgs'),
    } == {robot_rl.__version__}


def test_used_message_packages_are_declared() -> None:
    nodes = [*ROOT.glob('robot_rl/nodes/*.py'), ROOT / 'sim_bridge' / 'bridge_node.py']
    used = {name for path in nodes for name in imported(path)}
    used = {n for n in used if n == 'rclpy' or n.endswith(('_msgs', '_srvs', '_interfaces'))}
    assert used == {d.name for d in manifest('.').exec_depends} & used
    interfaces = [p.read_text() for p in ROOT.glob('robot_rl_msgs/*/*.[ms][sr][gv]')]
    referred = {name for text in interfaces for name in MESSAGE_PACKAGES.findall(text)}
    assert referred
    assert referred <= {d.name for d in manifest('robot_rl_msgs').build_depends}


def test_every_interface_is_installed() -> None:
    files = [*ROOT.glob('robot_rl_msgs/msg/*.msg'), *ROOT.glob('robot_rl_msgs/srv/*.srv')]
    assert files
    for path in files:
        assert hasattr(import_module(f'robot_rl_msgs.{path.parent.name}'), path.stem)


def test_every_node_has_an_executable(declared: dict[str, Any]) -> None:
    nodes = {p.stem for p in ROOT.glob('robot_rl/nodes/*.py') if defines_main(p)}
    (starters,) = [f for folder, f in declared['data_files'] if folder == 'lib/robot_rl']
    modules = {}
    for starter in map(Path, starters):
        modules[starter.name] = re.findall(r' (\S+) "\$@"', starter.read_text())[0]
        assert os.access(starter, os.X_OK)
    for name, module in (('sim_bridge', 'bridge_node'), ('sim_arm', 'arm_node')):
        assert modules.pop(name) == f'sim_bridge.{module}'
        assert defines_main(ROOT / 'sim_bridge' / f'{module}.py')
    assert modules == {name: f'robot_rl.nodes.{name}' for name in nodes}


def test_every_entry_point_can_be_loaded() -> None:
    (command,) = metadata.entry_points(group='console_scripts', name='robot-rl')
    assert callable(command.load())


def test_every_shared_file_is_installed(declared: dict[str, Any]) -> None:
    tree = {
        str(path.relative_to(ROOT))
        for folder in ('config', 'launch', 'urdf')
        for path in (ROOT / folder).rglob('*')
        if path.is_file() and path.suffix != '.pyc'
    }
    folders = dict(declared['data_files'])
    installed = {
        f'{folder}/{Path(file).name}': file for folder, files in folders.items() for file in files
    }
    assert {f'share/robot_rl/{file}': file for file in tree}.items() <= installed.items()
    assert installed['share/robot_rl/package.xml'] == 'package.xml'
    assert folders['share/ament_index/resource_index/packages'] == ['resource/robot_rl']
    assert resources.share_dir() == ROOT


def test_every_package_is_installed(declared: dict[str, Any]) -> None:
    folders = {
        p.parent for name in ('robot_rl', 'sim_bridge') for p in ROOT.glob(f'{name}/**/*.py')
    }
    names = {'.'.join(folder.relative_to(ROOT).parts) for folder in folders}
    assert names <= set(declared['packages'])


@pytest.mark.graph
def test_an_installed_executable_starts_without_any_environment(tmp_path: Path) -> None:
    starter = Path(sys.prefix, 'lib', 'robot_rl', 'container')
    environment = {'ROS_DOMAIN_ID': os.environ['ROS_DOMAIN_ID'], 'HOME': str(tmp_path)}
    command = [starter, '--ros-args', '-p', 'nodes:=[wrong_node]']
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert "unknown node 'wrong_node'" in done.stderr
    assert 'Traceback' not in done.stderr
    assert done.returncode == 2


def test_requirements_are_pinned() -> None:
    constraints = requirements('constraints')
    for name in ('runtime', 'build', 'dev', 'extras'):
        for package, version in requirements(name).items():
            assert re.fullmatch(r'==[\d.]+', version), f'{name}.txt: {package}{version}'
            assert constraints[package] == version


def test_what_is_imported_is_required() -> None:
    required = requirements('runtime').keys() | requirements('extras').keys()
    sources = [p for name in ('robot_rl', 'sim_bridge') for p in ROOT.glob(f'{name}/**/*.py')]
    names = {name for path in sources for name in imported(path)} - sys.stdlib_module_names
    providers = metadata.packages_distributions()
    names -= {'robot_rl', 'sim_bridge', 'robot_rl_msgs', 'benchmarks'}
    for name in sorted(n for n in names if not n.endswith(('_msgs', '_srvs', '_interfaces'))):
        assert {normal(p) for p in providers.get(name, [name])} & required, (
            f'{name} is not in runtime.txt'
        )


def test_the_manifest_says_what_the_package_index_needs() -> None:
    description = ET.parse(ROOT / 'package.xml').getroot().findtext('description')
    assert metadata.metadata('robot_rl')['Summary'] == description
