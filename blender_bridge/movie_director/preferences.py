# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences: a view of the host's settings. What is stored here concerns Blender's windows only."""

from __future__ import annotations

import time

import bpy
from bpy.props import BoolProperty

from . import api, looks, runtime, secret, settings, words
from .model import Backend, Configuration, Kind
from .runtime import Runtime
from .secret import Place
from .settings import Field


class MDD_preferences(bpy.types.AddonPreferences):
    bl_idname = runtime.PACKAGE

    show_notices: BoolProperty(
        name="Messages in the Status Bar",
        description="Say for a moment when a service is lost or back, and when a job is finished",
        default=True,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.prop(self, "show_notices")
        running = runtime.running()
        session = api.current()
        if running is None or session is None or not session.link.is_open:
            looks.paragraph(layout, api.link().reason or "mdd-host is not connected", 500, icon="INFO")
            layout.operator("mdd.start_again")
            return
        running.settings_drawn = time.monotonic()
        configuration = session.configuration
        _draw_services(layout, running, configuration)
        if configuration is None:
            looks.paragraph(
                layout, f"mdd-host {session.link.version} keeps no settings: a newer one does", 500, icon="INFO"
            )
            return
        _draw_host(layout, running, configuration)
        for kind in session.kinds:
            _draw_kind(layout, running, configuration, kind)
        _draw_problems(layout, configuration)


CLASSES = (MDD_preferences,)


def _draw_services(layout: bpy.types.UILayout, running: Runtime, configuration: Configuration | None) -> None:
    box = layout.box()
    header = box.row()
    header.label(text="Services", icon=looks.icon("NETWORK_DRIVE", "WORLD"))
    if configuration is not None:
        header.operator("mdd.set_address", text="Add Another", icon="ADD")
    for backend in api.backends():
        if backend.is_known:
            _draw_service(box, running, backend, can_change=configuration is not None)
    draw_answer(box, running, "address")


def _draw_service(layout: bpy.types.UILayout, running: Runtime, backend: Backend, *, can_change: bool) -> None:
    row = layout.row()
    row.label(text=backend.title, icon=looks.icon(backend.icon, "PLUGIN"))
    row.label(text=f"{backend.endpoint}  ({words.ORIGINS.get(backend.origin, backend.origin)})")
    if not can_change:
        return
    test = row.operator("mdd.test", text="Test")
    test.about, test.kind, test.url = backend.id, backend.kind, backend.endpoint
    change = row.operator("mdd.set_address", text="", icon="GREASEPENCIL")
    change.backend = backend.id
    if backend.origin in ("file", "project"):
        remove = row.operator("mdd.choice", text="", icon="X")
        remove.method, remove.backend = "backends.remove", backend.id
    draw_answer(layout, running, backend.id)


def draw_answer(layout: bpy.types.UILayout, running: Runtime, about: str) -> None:
    """What the last test has found, in place."""
    tried = running.tried.get(about)
    if tried is not None:
        if tried.ok:
            version = f" {tried.version}" if tried.version else ""
            text = f"{tried.title or tried.kind}{version} answers in {words.milliseconds(tried.latency_ms)}"
            looks.paragraph(layout, text, 500, icon="CHECKMARK")
        else:
            observation = tried.reason.observation if tried.reason else "No service answers there"
            looks.paragraph(layout, f"{tried.url}: {observation}", 500, icon="ERROR", alert=True)
    if said := running.said.get(about):
        looks.paragraph(layout, said, 500, icon="INFO")


def _draw_host(layout: bpy.types.UILayout, running: Runtime, configuration: Configuration) -> None:
    rows = settings.of_host(configuration)
    if not rows:
        return
    box = layout.box()
    box.label(text="mdd-host", icon="PREFERENCES")
    for field in rows:
        _draw_field(box, running, field)
    if configuration.file:
        box.label(text=f"Kept in {configuration.file}", icon="FILE")


def _draw_kind(layout: bpy.types.UILayout, running: Runtime, configuration: Configuration, kind: Kind) -> None:
    rows = settings.of_kind(configuration, kind)
    if not rows and not kind.secrets:
        return
    box = layout.box()
    box.label(text=kind.title, icon=looks.icon(kind.icon, "PLUGIN"))
    for field in rows:
        _draw_field(box, running, field)
    for place in secret.places(configuration, kind):
        _draw_secret(box, running, place)


def _draw_secret(layout: bpy.types.UILayout, running: Runtime, place: Place) -> None:
    row = layout.row()
    row.label(text=place.shown, icon="LOCKED")
    if not place.is_fixed:
        row.operator("mdd.secret", text="", icon="GREASEPENCIL").key = place.key
    row.operator("mdd.copy_text", text="", icon="COPYDOWN").text = place.variable
    if wrong := running.said.get(place.key) or place.problem:
        looks.paragraph(layout, wrong, 500, icon="ERROR", alert=True)


def _draw_field(layout: bpy.types.UILayout, running: Runtime, field: Field) -> None:
    row = layout.row()
    split = row.split(factor=0.4)
    split.label(text=field.title)
    values = split.row()
    values.label(text=f"{field.shown}  ({field.told_by})")
    if not field.is_fixed and not field.secret:
        icon = "GREASEPENCIL"
        if field.form == "boolean":
            icon = "CHECKBOX_HLT" if field.value else "CHECKBOX_DEHLT"
        values.operator("mdd.setting", text="", icon=icon).key = field.key
        if field.origin == "file":
            values.operator("mdd.setting_reset", text="", icon="LOOP_BACK").key = field.key
    if said := running.said.get(field.key):
        looks.paragraph(layout, said, 500, icon="ERROR", alert=True)


def _draw_problems(layout: bpy.types.UILayout, configuration: Configuration) -> None:
    for problem in configuration.problems[:20]:
        text = f"{problem.source}: {problem.observation}. {problem.remedy}".strip()
        looks.paragraph(layout, text, 500, icon="ERROR", alert=True)
