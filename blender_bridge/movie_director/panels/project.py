# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of the .blend file, and the question about those that a stranger may have put there."""

from __future__ import annotations

import bpy

from .. import api, looks, runtime
from ..project_link import ProjectLink
from .tab import BelowMain


class MDD_PT_project(BelowMain, bpy.types.Panel):
    bl_idname = "MDD_PT_project"
    bl_label = "Project"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        running = runtime.running()
        return running is not None and running.link.is_possible

    def draw_header(self, _context: bpy.types.Context) -> None:
        running = runtime.running()
        if running is not None and running.link.pending:
            self.layout.label(text="", icon="QUESTION")

    def draw(self, context: bpy.types.Context) -> None:
        layout, running = self.layout, runtime.running()
        if running is None:
            return
        width = looks.room(context)
        link = running.link
        _draw_question(layout, link, width)
        titles = {kind.kind: kind.title for kind in api.kinds()}
        for choice in link.project.choices:
            row = layout.row(align=True)
            row.label(
                text=f"{titles.get(choice.kind, choice.kind)}: {choice.url}",
                icon="URL" if choice not in link.held_back else "CANCEL",
            )
            remove = row.operator("mdd.project_remove", text="", icon="X", emboss=False)
            remove.kind, remove.url = choice.kind, choice.url
        if link.held_back:
            looks.paragraph(
                layout,
                "Other machines are asked only with Preferences > System > Allow Online Access",
                width,
                icon="INFO",
            )
        if link.problem:
            looks.paragraph(layout, link.problem, width, icon="ERROR", alert=True)
        layout.operator("mdd.project_add", icon="ADD")


def _draw_question(layout: bpy.types.UILayout, link: ProjectLink, width: float) -> None:
    if not link.pending:
        return
    titles = {kind.kind: kind.title for kind in api.kinds()}
    box = layout.box()
    looks.paragraph(box, "This file names services. Connect only to those that you know:", width, icon="QUESTION")
    for one in link.pending:
        looks.paragraph(box, f"{titles.get(one.kind, one.kind)} at {one.url}", width)
        box.operator("mdd.project_accept", icon="CHECKMARK").backend = one.backend


CLASSES = (MDD_PT_project,)
