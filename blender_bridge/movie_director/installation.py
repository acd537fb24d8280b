# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the host and its drivers where they can run.

Blender unpacks extensions without the right to be run, replaces their folder on an update, and may keep it where
nothing can be written. So the files are copied to a folder of the user, named by what is in them.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .bridge import LaunchError

HOST = "mdd-host.exe" if os.name == "nt" else "mdd-host"
PLUGINS = "plugins"


@dataclass(frozen=True)
class Installation:
    """Files that can be run."""

    host: Path
    plugins: Path


def install(bundle: Path, folder: Path) -> Installation:
    """Copies `bundle`, with the host and a folder of drivers, below `folder`."""
    if not (bundle / HOST).is_file():
        raise LaunchError("This copy of Movie Director comes without mdd-host for this system: get the one for it")
    try:
        name = _digest(bundle)
        place = folder / name
        if not (place.is_dir() and _digest(place) == name):
            _copy(bundle, place)
    except OSError as error:
        raise LaunchError(f"mdd-host could not be copied to {folder}: {error.strerror or error}") from error
    return Installation(place / HOST, place / PLUGINS)


def remove_unused(folder: Path, ours: Path, used: Iterable[str]) -> None:
    """Removes copies below `folder` but `ours` and those in which something of `used` lies.

    An older host that still has jobs needs its drivers.
    """
    kept = {place.resolve() for place in (ours, *map(Path, used))}
    for copy in folder.iterdir() if folder.is_dir() else ():
        place = copy.resolve()
        if copy.is_dir() and not any(one.is_relative_to(place) for one in kept):
            # One that still runs cannot be removed on every system; the next start tries again.
            shutil.rmtree(copy, ignore_errors=True)


def remove(folder: Path) -> None:
    """Removes every copy below `folder`."""
    shutil.rmtree(folder, ignore_errors=True)


def _files(bundle: Path) -> list[Path]:
    drivers = bundle / PLUGINS
    found = [file for file in drivers.iterdir() if file.is_file()] if drivers.is_dir() else []
    return [bundle / HOST, *sorted(found)]


def _digest(bundle: Path) -> str:
    whole = hashlib.sha256()
    for file in _files(bundle):
        content = hashlib.sha256()
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                content.update(block)
        whole.update(f"{file.name}\0{content.hexdigest()}\n".encode())
    return whole.hexdigest()[:16]


def _copy(bundle: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    try:
        (beside / PLUGINS).mkdir(parents=True)
        for folder in (beside, beside / PLUGINS):
            folder.chmod(stat.S_IRWXU)
        for file in _files(bundle):
            copy = beside / file.relative_to(bundle)
            shutil.copyfile(file, copy)
            # Nobody else may change what is run.
            copy.chmod(stat.S_IRWXU if file.name == HOST else stat.S_IRUSR | stat.S_IWUSR)
        _put_in_place(beside, place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put_in_place(beside: Path, place: Path) -> None:
    if place.exists():
        # Damaged, or just made by another Blender.
        shutil.rmtree(place, ignore_errors=True)
    try:
        beside.rename(place)
    except OSError:
        if not place.is_dir() or _digest(place) != place.name:
            raise
