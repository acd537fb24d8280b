# SPDX-License-Identifier: GPL-3.0-or-later
"""A setting of the host. The host keeps it; nothing of it is stored in Blender."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from .. import api, settings
from ..protocol import Refusal
from ..settings import Field
from .base import Connected, Items, current, kept

LARGEST = 2**31 - 1


def _field(key: str) -> Field | None:
    session = api.current()
    if session is None or session.configuration is None:
        return None
    return settings.find(session.configuration, session.kinds, key)


@kept
def _choices(self: Any, _context: object) -> Items:
    field = _field(self.key)
    return [(choice, choice, "") for choice in (field.choices if field else ())] or [("", "None", "")]


def change(key: str, value: Any) -> None:
    """Sets a value at the host, or takes it out of the file; a refusal is shown in place."""
    running = current()

    def answered(result: Any, refusal: Refusal | None) -> None:
        running.session.configured(result, refusal)
        running.say(key, refusal.message if refusal else "")

    running.session.ask("config.set", {"key": key, "value": value}, answered)


class MDD_OT_setting(Connected, bpy.types.Operator):
    """Change this setting"""

    bl_idname = "mdd.setting"
    bl_label = "Change Setting"
    bl_options = {"INTERNAL"}

    key: StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    boolean: BoolProperty(name="On")
    integer: IntProperty(name="Value")
    number: FloatProperty(name="Value")
    choice: EnumProperty(name="Value", items=_choices)
    text: StringProperty(name="Value")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        field = _field(self.key)
        if field is None:
            self.report({"INFO"}, "This has changed meanwhile")
            return {"CANCELLED"}
        value = field.value
        if field.form == "boolean":
            change(self.key, not value)
            return {"FINISHED"}
        if field.form == "integer" and isinstance(value, int):
            self.integer = max(-LARGEST, min(LARGEST, value))
        elif field.form == "number" and isinstance(value, (int, float)):
            self.number = float(value)
        elif field.form == "choice" and value in field.choices:
            self.choice = value
        elif field.form == "list" and isinstance(value, list):
            self.text = "; ".join(str(item) for item in value)
        elif isinstance(value, str) and not field.secret:
            self.text = value
        return context.window_manager.invoke_props_dialog(self, width=420)

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        field = _field(self.key)
        if field is None:
            return
        name = field.form if field.form in ("integer", "number", "choice") else "text"
        layout.prop(self, name, text=field.title)
        if field.about:
            layout.label(text=field.about)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        field = _field(self.key)
        if field is None:
            return {"CANCELLED"}
        value: Any = (
            getattr(self, field.form, None) if field.form in ("boolean", "integer", "number", "choice") else None
        )
        if field.form in ("text", "list"):
            value = settings.typed(field, self.text)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low = value if field.least is None else max(value, field.least)
            value = type(value)(low if field.most is None else min(low, field.most))
        change(self.key, value)
        return {"FINISHED"}


class MDD_OT_setting_reset(Connected, bpy.types.Operator):
    """Take this setting out of your settings file, so that the built-in value counts"""

    bl_idname = "mdd.setting_reset"
    bl_label = "Reset"
    bl_options = {"INTERNAL"}

    key: StringProperty(options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        change(self.key, None)
        return {"FINISHED"}


CLASSES = (MDD_OT_setting, MDD_OT_setting_reset)
