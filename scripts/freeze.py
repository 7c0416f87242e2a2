# SPDX-License-Identifier: Apache-2.0
"""Prints the exact versions in this environment.

Use: .venv/bin/python scripts/freeze.py > requirements/constraints.txt
"""

from importlib.metadata import Distribution, distributions

HEADER = """\
# Every package of the tested environment, direct or not, at the version that was tested.
# Made by `scripts/freeze.py`; make it again after a change of the other files."""


def from_index(package: Distribution) -> bool:
    """Whether pip installed it from an index, and not from a folder or inside another package."""
    by_pip = (package.read_text('INSTALLER') or '').strip() == 'pip'
    return by_pip and package.read_text('direct_url.json') is None


if __name__ == '__main__':
    versions = {p.name.lower(): p.version.split('+')[0] for p in distributions() if from_index(p)}
    print(HEADER)
    for name in sorted(versions.keys() - {'pip'}):
        print(f'{name}=={versions[name]}')
