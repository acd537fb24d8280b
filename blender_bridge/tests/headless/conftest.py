# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Blender as a module, with the add-on in it, the real host and simulated services.

The lane names the programs: MDD_TEST_BIN is the folder of mdd-host and mdd-sim, MDD_TEST_PLUGINS that of the drivers.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

# Before Blender is loaded: nothing of the user's own is read or written.
HOME = Path(tempfile.mkdtemp(prefix="mdd-blender-"))
os.environ["BLENDER_USER_RESOURCES"] = str(HOME / "blender")
os.environ["HOME"] = str(HOME)
os.environ["MDD_STATE_DIR"] = str(HOME / "state")
# Where Blender puts a picture of each file that it saves.
(HOME / ".cache" / "thumbnails" / "large").mkdir(parents=True)
for name in [name for name in os.environ if name.startswith("XDG_")]:
    del os.environ[name]

import bpy  # noqa: E402, I001 - it brings addon_utils
import addon_utils  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from stage import Stage  # noqa: E402

import package  # noqa: E402

ADDON = "movie_director"


@pytest.fixture(scope="session", autouse=True)
def source() -> Path:
    """The add-on as Blender before 4.2 gets it, on the path of Blender's Python."""
    folder = package.write_addon(HOME / "addon" / ADDON)
    sys.path.insert(0, str(folder.parent))
    return folder


@pytest.fixture
def stage():
    """Programs of one test; they end with it."""
    with Stage(HOME) as stage:
        yield stage


@pytest.fixture
def scene():
    """An empty file."""
    bpy.ops.wm.read_homefile(use_empty=True)
    return bpy.context.scene


class Director:
    """The add-on while it is on, and the event loop that Blender has only with a window."""

    def __init__(self) -> None:
        assert addon_utils.enable(ADDON, default_set=True) is not None
        self.api = importlib.import_module(f"{ADDON}.api")
        self.runtime = importlib.import_module(f"{ADDON}.runtime")

    def __getattr__(self, name: str):
        return importlib.import_module(f"{ADDON}.{name}")

    def until(self, wanted, within: float = 30.0):
        """Ticks until `wanted` gives something."""
        from waiting import until

        return until(wanted, within, between=self.runtime.tick)

    def backend(self, kind: str, state: str = "connected"):
        """The backend of a kind, once it is in that state."""

        def found():
            return next((one for one in self.api.backends() if one.kind == kind and one.state == state), None)

        return self.until(found)

    def off(self) -> None:
        """As the user switches it off."""
        addon_utils.disable(ADDON, default_set=True)


@pytest.fixture
def switch_on(stage, scene):  # noqa: ARG001 - a file of its own for each test
    """Switches the add-on on, with the services that the stage has by then."""
    directors = []

    def on() -> Director:
        directors.append(Director())
        return directors[-1]

    yield on
    for director in directors:
        director.off()
    stage.end_host()


@pytest.fixture
def director(switch_on):
    """The add-on without any service."""
    return switch_on()
