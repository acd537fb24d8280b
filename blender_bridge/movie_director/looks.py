# SPDX-License-Identifier: GPL-3.0-or-later
"""How things look: icons that this Blender has, and texts that fit the sidebar."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import bpy

from . import words
from .model import Backend, Job

_KNOWN = frozenset(bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys())


def icon(*names: str) -> str:
    """The first of these icons that this Blender has: some are renamed between releases."""
    return next((name for name in names if name in _KNOWN), "BLANK1")


def _square(number: int) -> str:
    return icon(f"STRIP_COLOR_0{number}", f"SEQUENCE_COLOR_0{number}", f"COLLECTION_COLOR_0{number}")


RED, YELLOW, GREEN, GREY = _square(1), _square(3), _square(4), _square(9)

JOB_ICONS = {
    "held": "PAUSE",
    "queued": "SORTTIME",
    "submitting": "EXPORT",
    "running": "RENDER_ANIMATION",
    "fetching": "IMPORT",
    "done": "CHECKMARK",
    "failed": "ERROR",
    "cancelled": "CANCEL",
    "lost": "QUESTION",
    "unknown": "QUESTION",
}
REMEDY_ICONS = {
    "retry": "FILE_REFRESH",
    "set-url": "URL",
    "set-key": "LOCKED",
    "start-hint": "COPYDOWN",
    "continue-process": "COPYDOWN",
    "open-docs": "HELP",
    "copy-details": "COPYDOWN",
    "accept": "CHECKMARK",
    "switch-to-polling": "PREFERENCES",
    "change-setting": "PREFERENCES",
    "resubmit": "FILE_REFRESH",
    "discard": "TRASH",
    "use-found-endpoint": "FORWARD",
}


def state_icon(backend: Backend) -> str:
    """A coloured square for a state that is always named beside it."""
    if backend.state == "connected":
        return GREEN if backend.detail in ("ready", "busy") else YELLOW
    if backend.state == "connecting":
        return YELLOW
    return RED if is_wrong(backend) else GREY


def severity_icon(severity: str) -> str:
    """The same for all of them."""
    return {"ok": GREEN, "problem": RED}.get(severity, YELLOW)


def is_wrong(backend: Backend) -> bool:
    """Whether it should work and does not; what only waits for the user's word, or is not used, is not wrong."""
    return backend.state == "disconnected" and backend.is_known and not backend.needs_word


def job_icon(job: Job) -> str:
    """What a job does just now."""
    return icon(JOB_ICONS.get(job.state, "QUESTION"))


def remedy_icon(action: str) -> str:
    """What a button does."""
    return icon(REMEDY_ICONS.get(action, "RIGHTARROW_THIN"))


def paragraph(layout: bpy.types.UILayout, text: str, width: float, *, icon: str = "NONE", alert: bool = False) -> None:
    """A text over as many lines as it needs."""
    room = width - 24 * _scale() if icon != "NONE" else width
    column = layout.column(align=True)
    column.alert = alert
    column.scale_y = 0.8
    for line in _lines(text, int(max(room, 60)), _scale()):
        column.label(text=line, icon=icon)
        icon = "BLANK1" if icon != "NONE" else icon


def room(context: bpy.types.Context, *, inside: int = 1) -> float:
    """The width that a text has in the region, inside of so many boxes."""
    region = context.region
    width = region.width if region is not None else 300
    return float(max(60.0, width - (56 + 14 * inside) * _scale()))


def _scale() -> float:
    # Without a window it is 0.
    return float(bpy.context.preferences.system.ui_scale) or 1.0


@lru_cache(maxsize=512)
def _lines(text: str, width: int, scale: float) -> tuple[str, ...]:
    return tuple(words.wrap(text, width, _measure_with(scale)))


def _measure_with(scale: float) -> Callable[[str], float]:
    if bpy.app.background:
        return lambda text: len(text) * 7.0 * scale
    import blf

    points = bpy.context.preferences.ui_styles[0].widget.points * scale
    if bpy.app.version >= (4, 0, 0):
        blf.size(0, points)
    else:
        blf.size(0, points, 72)
    return lambda text: blf.dimensions(0, text)[0]
