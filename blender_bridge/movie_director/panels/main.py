# SPDX-License-Identifier: GPL-3.0-or-later
"""The main panel: all of it in one indicator and one sentence, and what was said last."""

from __future__ import annotations

import time

import bpy

from .. import api, looks, words
from ..session import Link
from .tab import InTab

STATE_WORDS = {"ok": "Ready", "attention": "Attention", "problem": "Problem"}
LINK_WORDS = {
    "off": "Off",
    "starting": "Starting",
    "silent": "No Answer",
    "again": "Starting Again",
    "failed": "Not Running",
}


class MDD_PT_main(InTab, bpy.types.Panel):
    bl_idname = "MDD_PT_main"
    bl_label = "Movie Director"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        self.layout.operator("mdd.refresh", text="", icon="FILE_REFRESH", emboss=False)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        width = looks.room(context, inside=0)
        link = api.link()
        if not link.is_open:
            _draw_link(layout, link, width)
        elif not api.current().world.is_known:
            layout.label(text="Looking for services", icon=looks.YELLOW)
        else:
            summary = api.summary()
            word = STATE_WORDS.get(summary.severity, summary.severity.capitalize())
            layout.label(text=word, icon=looks.severity_icon(summary.severity))
            looks.paragraph(layout, summary.sentence, width)
        _draw_notice(layout, width)


def _draw_link(layout: bpy.types.UILayout, link: Link, width: float) -> None:
    is_wrong = link.state in ("failed", "silent")
    word = LINK_WORDS.get(link.state, link.state)
    if link.again_at is not None:
        word += f", in {words.seconds_left(link.again_at, time.monotonic())} s"
    row = layout.row()
    row.alert = is_wrong
    row.label(text=word, icon=looks.RED if is_wrong else looks.YELLOW)
    if link.reason:
        looks.paragraph(layout, link.reason, width, alert=is_wrong)
    if link.state in ("failed", "silent", "again"):
        layout.operator("mdd.start_again", icon="FILE_REFRESH")


def _draw_notice(layout: bpy.types.UILayout, width: float) -> None:
    notices = api.notices()
    if not notices:
        return
    last = notices[-1]
    column = layout.column(align=True)
    # It is there to be read, and not to be looked at all the time.
    column.active = last.severity == "problem"
    ago = words.ago(last.at)
    looks.paragraph(column, f"{last.text} ({ago})" if ago else last.text, width, icon="INFO")


CLASSES = (MDD_PT_main,)
