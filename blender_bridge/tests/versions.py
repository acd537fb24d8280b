# SPDX-License-Identifier: GPL-3.0-or-later
"""The package as it was, and as it will be."""

from __future__ import annotations

import zipfile
from pathlib import Path

VERSION, LATER, EARLIER = b"0.1.0", b"0.1.1", b"0.0.9"


def newer(package: Path, to: Path) -> Path:
    """The same extension, a version later and with one more driver."""
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name in ("blender_manifest.toml", "version.py"):
                content = content.replace(VERSION, LATER)
            new.writestr(name, content)
        driver = next(name for name in old.namelist() if "mdd_driver" in name)
        new.writestr(driver + ".disabled", b"no driver")
    return to


def older(package: Path, to: Path) -> Path:
    """The same extension with a host of an earlier version: its number is another, and all else is the same."""
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(to, "w") as made:
        for name in old.namelist():
            content = old.read(name)
            if name in ("blender_manifest.toml", "version.py", "bin/mdd-host"):
                assert VERSION in content
                content = content.replace(VERSION, EARLIER)
            made.writestr(name, content)
    return to
