# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as a whole: ask all again, start it again, and the report about everything."""

from __future__ import annotations

import json
import os
import signal

import bpy

from .. import api, runtime
from ..protocol import Refusal
from .base import Connected, current, without_home


class MDD_OT_refresh(Connected, bpy.types.Operator):
    """Look again for services, and try at once whatever waits"""

    bl_idname = "mdd.refresh"
    bl_label = "Look Again"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        api.refresh()
        return {"FINISHED"}


class MDD_OT_start_again(bpy.types.Operator):
    """Start the host program again. Jobs that it has go on"""

    bl_idname = "mdd.start_again"
    bl_label = "Start Again"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return api.link().state in ("again", "failed", "silent")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        session = current().session
        if session.link.state == "silent" and session.link.host:
            _end(session.link.host)
        session.start_again()
        return {"FINISHED"}


def _end(process: int) -> None:
    """Ends the host that stands still: the bridge has told us its process, and it has not answered since."""
    try:
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    except OSError:
        # It is gone already.
        return


class MDD_OT_copy_diagnostics(bpy.types.Operator):
    """Copy all that a report needs, without keys and without the name of your home folder"""

    bl_idname = "mdd.copy_diagnostics"
    bl_label = "Copy Diagnostics"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        running = current()
        if not running.session.link.is_open:
            _copy(report(None))
            self.report({"INFO"}, "Copied what is known without the host")
            return {"FINISHED"}

        def answered(result: object, refusal: Refusal | None) -> None:
            _copy(report(refusal.message if refusal else result))
            running.say("diagnostics", "Copied")

        running.say("diagnostics", "Collecting …")
        running.session.ask("diagnostics", None, answered)
        return {"FINISHED"}


def report(of_host: object) -> str:
    """The whole bundle as text."""
    running = current()
    session = running.session
    link = session.link
    bundle = {
        "movie_director": runtime.VERSION,
        "blender": bpy.app.version_string,
        "system": os.name,
        "link": {"state": link.state, "reason": link.reason, "host": link.version},
        "slowest_tick_ms": round(running.slowest_tick * 1000, 3),
        "meaningless_lines": session.noise,
        "bridge_log": list(session.last_words),
        "host": of_host,
    }
    return without_home(json.dumps(bundle, indent=2, ensure_ascii=False, default=str))


def _copy(text: str) -> None:
    bpy.context.window_manager.clipboard = text


class MDD_OT_copy_text(bpy.types.Operator):
    """Copy this to the clipboard"""

    bl_idname = "mdd.copy_text"
    bl_label = "Copy"
    bl_options = {"INTERNAL"}

    text: bpy.props.StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = self.text
        self.report({"INFO"}, "Copied")
        return {"FINISHED"}


CLASSES = (MDD_OT_refresh, MDD_OT_start_again, MDD_OT_copy_diagnostics, MDD_OT_copy_text)
