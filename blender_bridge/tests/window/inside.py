# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender with a window: a scene is a generator that yields how long to wait, in seconds.

Lines that begin with `@` ask the rehearsal outside to do something.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy

ADDON = "bl_ext.user_default.movie_director"
WORK = Path(os.environ["MDD_WORK"])
RESULT: dict[str, object] = {"blender": bpy.app.version_string, "python": sys.version.split()[0]}
PATIENCE = 60.0


def module(name: str):
    """A module of the installed extension."""
    return importlib.import_module(f"{ADDON}.{name}")


def ask(command: str) -> None:
    """Asks the rehearsal to do something with a service."""
    print(f"@{command}", flush=True)


def view3d():
    """The window with its 3D view and the sidebar of it."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                sidebar = next(region for region in area.regions if region.type == "UI")
                return window, area, sidebar
    raise RuntimeError("there is no 3D view")


def until(wanted, within: float = PATIENCE):
    """Waits for a condition; to be used with `yield from`."""
    deadline = time.monotonic() + within
    while not (found := wanted()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {wanted}")
        yield 0.05
    return found


def open_sidebar(width: int):
    """Shows the Director tab in a sidebar of that width."""
    _, area, sidebar = view3d()
    area.spaces.active.show_region_ui = True
    yield 1.0
    sidebar.active_panel_category = "Director"
    sidebar.tag_redraw()
    yield 1.0
    yield from resize_sidebar(width)


def resize_sidebar(width: int):
    """Drags the edge of the sidebar, for which there is no function."""
    window, _, sidebar = view3d()
    if abs(sidebar.width - width) <= 2:
        return
    x, y = sidebar.x, window.height - (sidebar.y + sidebar.height // 4)
    to = x - (width - sidebar.width)
    steps = ["mousemove", x + 1, y, "sleep", 0.4, "mousedown", 1, "sleep", 0.2]
    for part in range(1, 5):
        steps += ["mousemove", x + (to - x) * part // 4, y, "sleep", 0.15]
    yield from pointer(*steps, "mouseup", 1, "sleep", 0.1, "mousemove", 300, 400)
    yield 1.0


def pointer(*words: object):
    """Moves and clicks the real pointer. Blender must go on meanwhile."""
    process = subprocess.Popen(["xdotool", *(str(word) for word in words)])
    yield from until(lambda: process.poll() is not None)
    assert process.returncode == 0


def click(x: int, y: int):
    """A click at a place of the window, counted from its upper left corner."""
    yield from pointer("mousemove", x, y, "sleep", 0.5, "click", 1, "sleep", 0.2, "mousemove", 300, 400)
    yield 0.6


def press(keys: str):
    """Keys, where the pointer is in the 3D view."""
    yield from pointer("mousemove", 300, 400, "sleep", 0.2, "key", keys)


def photograph(name: str, crop: str = ""):
    """A picture of the whole screen, or of `WIDTHxHEIGHT+X+Y` of it."""
    yield 1.0
    options = ["-crop", crop, "+repage"] if crop else []
    file = WORK / "pictures" / f"{name}.png"
    process = subprocess.Popen(["import", "-silent", "-window", "root", *options, str(file)])
    yield from until(lambda: process.poll() is not None)
    assert process.returncode == 0


def crop_of_sidebar() -> str:
    """The place of the sidebar in a picture."""
    window, _, sidebar = view3d()
    return f"{sidebar.width}x{sidebar.height}+{sidebar.x}+{window.height - sidebar.y - sidebar.height}"


class Gaps:
    """A timer of 10 ms that notes how much later than that it comes."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._gaps: list[float] = []
        self._goes_on = True
        bpy.app.timers.register(self._tick)

    def _tick(self) -> float | None:
        now = time.perf_counter()
        if self._last is not None:
            self._gaps.append((now - self._last) * 1000)
        self._last = now
        return 0.01 if self._goes_on else None

    def stop(self) -> list[float]:
        """Every gap in milliseconds."""
        self._goes_on = False
        return self._gaps


def _play(scene):
    def step():
        try:
            return next(scene)
        except StopIteration:
            _finish(0)
        except BaseException:
            RESULT["error"] = traceback.format_exc()
            traceback.print_exc()
            _finish(1)
        return None

    return step


def _finish(code: int) -> None:
    (WORK / "result.json").write_text(json.dumps(RESULT), encoding="utf-8")
    if code:
        os._exit(code)
    bpy.ops.wm.quit_blender()


def main() -> None:
    """Plays the scene that the command line names."""
    bpy.context.preferences.view.show_splash = False
    file = Path(sys.argv[sys.argv.index("--") + 1])
    sys.modules["inside"] = sys.modules[__name__]
    spec = importlib.util.spec_from_file_location(file.stem, file)
    scene = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scene)
    bpy.app.timers.register(_play(scene.play()), first_interval=0.5, persistent=True)


if __name__ == "__main__":
    main()
