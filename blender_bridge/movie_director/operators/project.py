# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that belong to the .blend file."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import project, scene
from .base import AsksForAddress, Connected, Items, current, kept, kinds
from .service import wrong_with


@kept
def _kinds(_self: object, _context: object) -> Items:
    return kinds() or [("", "None", "There are no drivers")]


class MDD_OT_project_add(AsksForAddress, bpy.types.Operator):
    """Use a service for this project only. Its address is saved in the .blend file"""

    bl_idname = "mdd.project_add"
    bl_label = "Add to Project"
    bl_options = {"REGISTER", "UNDO"}

    kind: EnumProperty(name="Service", items=_kinds)
    url: StringProperty(name="Address", description="Such as 127.0.0.1:8000, or a port alone")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        chosen = project.choices([(self.kind, self.url)])
        problem = wrong_with(self.url.strip()) or ("" if chosen else "This is no address of a service")
        if problem:
            self.report({"ERROR"}, problem)
            return {"CANCELLED"}
        # Who types an address agrees to it.
        current().link.trust(chosen[0])
        scene.choose(chosen[0])
        return {"FINISHED"}


class MDD_OT_project_remove(bpy.types.Operator):
    """Take this address out of the project"""

    bl_idname = "mdd.project_remove"
    bl_label = "Remove from Project"
    bl_options = {"REGISTER", "UNDO"}

    kind: StringProperty(options={"SKIP_SAVE"})
    url: StringProperty(options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        scene.unchoose(project.Choice(self.kind, self.url))
        return {"FINISHED"}


class MDD_OT_project_accept(Connected, bpy.types.Operator):
    """Connect to this address, which the file names. Agree only if you know it"""

    bl_idname = "mdd.project_accept"
    bl_label = "Connect"
    bl_options = {"INTERNAL"}

    backend: StringProperty(options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        link = current().link
        pending = next((one for one in link.pending if one.backend == self.backend), None)
        if pending is None:
            self.report({"INFO"}, "This has changed meanwhile")
            return {"CANCELLED"}
        if problem := wrong_with(pending.url):
            self.report({"WARNING"}, problem)
            return {"CANCELLED"}
        link.accept(pending)
        return {"FINISHED"}


CLASSES = (MDD_OT_project_add, MDD_OT_project_remove, MDD_OT_project_accept)
