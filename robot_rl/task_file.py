# SPDX-License-Identifier: Apache-2.0
"""A task's YAML, laid over the files that it extends."""

from pathlib import Path
from typing import Any

from robot_rl import config, resources
from robot_rl.errors import InputError


def read(path: Path) -> Any:
    """A task's mapping, laid over that of the file which `extends` names, key by key.

    `extends: NAME` is `NAME.yaml` of the folder `common` beside the file, else of the package's
    `config/tasks/common`, else the package's task of that name.

    Raises:
        InputError: names the file that cannot be read, or extends a missing one or itself.
    """
    return _read(path, ())


def _read(path: Path, above: tuple[Path, ...]) -> Any:
    data = config.read_yaml(path)
    if not isinstance(data, dict) or 'extends' not in data:
        return data
    above = (*above, path.resolve())
    below = _extended(path, data.pop('extends'))
    if below.resolve() in above:
        raise InputError(f'{path}: extends: {below} extends it in turn')
    return _laid_over(_read(below, above), data)


def _extended(path: Path, name: Any) -> Path:
    own = path.parent if path.parent.name == 'common' else path.parent / 'common'
    tasks = resources.share_dir() / 'config' / 'tasks'
    places = [folder / f'{name}.yaml' for folder in (own, tasks / 'common', tasks)]
    for place in places:
        if place.is_file():
            return place
    raise InputError(f'{path}: extends: no file {" or ".join(map(str, dict.fromkeys(places)))}')


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _laid_over(below.get(key), value) for key, value in above.items()}
