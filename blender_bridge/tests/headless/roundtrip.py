# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a file's way through several Blenders: roundtrip.py STEP FILE, with the steps write, save and check."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="mdd-roundtrip-"))
os.environ["BLENDER_USER_RESOURCES"] = str(HOME / "blender")
os.environ["MDD_STATE_DIR"] = str(HOME / "state")

import bpy  # noqa: E402, I001 - it brings addon_utils
import addon_utils  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[2])]

import package  # noqa: E402

ADDRESSES = [("lamp", "127.0.0.1:9"), ("stranger", "http://192.0.2.7:8000/base")]
REMEMBERED = '{"version":1,"backends":[{"id":"a","title":"Lämp","state":"connected"}]}'


def kept() -> tuple[list[tuple[str, str]], str]:
    """What the file says."""
    project = bpy.context.scene.movie_director
    return [(one.kind, one.url) for one in project.endpoints], project.remembered


def main(step: str, file: str) -> None:
    """Does one step."""
    sys.path.insert(0, str(package.write_addon(HOME / "addon" / "movie_director").parent))
    os.environ["MDD_HOST_PROGRAM"] = str(HOME / "none")
    assert addon_utils.enable("movie_director", default_set=True)
    if step == "write":
        project = bpy.context.scene.movie_director
        for kind, url in ADDRESSES:
            one = project.endpoints.add()
            one.kind, one.url = kind, url
        project.remembered = REMEMBERED
    else:
        bpy.ops.wm.open_mainfile(filepath=file)
        assert kept() == (ADDRESSES, REMEMBERED), kept()
    if step != "check":
        bpy.ops.wm.save_as_mainfile(filepath=file)
    addon_utils.disable("movie_director", default_set=True)
    print(f"{step} in Blender {bpy.app.version_string}")


if __name__ == "__main__":
    main(*sys.argv[1:])
