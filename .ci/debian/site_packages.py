"""Checks the ``lib/python3.N/site-packages`` folders of a package: nothing missing for any N, equal files stored once.

Usage: ``site_packages.py FOLDER…``; ends with an error that names what is missing.
"""

from __future__ import annotations

import filecmp
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = {"kioskd": {"usb"}}


def missing(folder: Path) -> Iterator[str]:
    """What the distributions in `folder` require under its Python, and is not there."""
    python = folder.parent.name.removeprefix("python")
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    found = {canonicalize_name(each.name): each for each in distributions(path=[str(folder)])}
    for name, each in found.items():
        for line in each.requires or ():
            requirement = Requirement(line)
            if not _applies(requirement, environment, EXTRAS.get(name, set())):
                continue
            have = found.get(canonicalize_name(requirement.name))
            if have is None or not requirement.specifier.contains(have.version):
                yield f"{folder}: {name} needs {line}"


def _applies(requirement: Requirement, environment: dict[str, str], extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras))


def store_once(first: Path, other: Path) -> None:
    """Make hard links of the files in `other` that `first` has too."""
    for path in other.rglob("*"):
        twin = first / path.relative_to(other)
        if path.is_file() and twin.is_file() and filecmp.cmp(path, twin, shallow=False):
            path.unlink()
            path.hardlink_to(twin)


def main(folders: list[Path]) -> None:
    """Check them all, then link."""
    faults = [fault for folder in folders for fault in missing(folder)]
    if faults:
        sys.exit("\n".join(faults))
    for folder in folders[1:]:
        store_once(folders[0], folder)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
