# SPDX-License-Identifier: GPL-3.0-or-later
"""A row for each service: what it is, what it makes possible, how it stands, why, and what helps."""

from __future__ import annotations

import time

import bpy

from .. import api, looks, payload, runtime, words
from ..model import Backend, Reason
from ..operators.service import can_click
from ..preferences import draw_answer
from ..project import Remembered
from ..runtime import Runtime
from .tab import BelowMain

# Buttons for one reason. The rest is in its details.
REMEDIES_SHOWN = 3


class MDD_PT_services(BelowMain, bpy.types.Panel):
    bl_idname = "MDD_PT_services"
    bl_label = "Services"

    def draw(self, context: bpy.types.Context) -> None:
        layout, running = self.layout, runtime.running()
        if running is None:
            return
        if not running.session.world.is_known:
            _draw_remembered(layout, running)
            return
        backends = api.backends()
        if not any(backend.is_known for backend in backends):
            _draw_empty(layout, context, running, backends)
            return
        column = layout.column()
        # What is known may have changed while the host does not answer.
        column.active = running.session.link.is_open
        for backend in backends:
            draw_backend(column, context, running, backend)
        _draw_address(layout, context, running)


def draw_backend(layout: bpy.types.UILayout, context: bpy.types.Context, running: Runtime, backend: Backend) -> None:
    """One row, with its details where they are open."""
    width = looks.room(context)
    is_open = backend.id in running.expanded
    box = layout.box()
    column = box.column(align=True)
    head = column.row(align=True)
    triangle = looks.icon("DOWNARROW_HLT" if is_open else "RIGHTARROW", "TRIA_DOWN" if is_open else "TRIA_RIGHT")
    head.operator("mdd.details", text="", icon=triangle, emboss=False).about = backend.id
    head.label(text=backend.title, icon=looks.icon(backend.icon, "PLUGIN"))
    if backend.is_default:
        head.label(text="", icon=looks.icon("SOLO_ON"))
    state = words.state(backend, time.monotonic())
    looks.paragraph(column, state, width, icon=looks.state_icon(backend), alert=looks.is_wrong(backend))
    if made := words.makes(backend.makes):
        looks.paragraph(column, made, width, icon="BLANK1")
    if backend.reason is not None:
        _draw_reason(box, backend, backend.reason, width)
    if said := running.said.get(backend.id):
        looks.paragraph(box, said, width, icon="INFO")
    if is_open:
        _draw_details(box, running, backend, width)


def _draw_reason(layout: bpy.types.UILayout, backend: Backend, reason: Reason, width: float) -> None:
    looks.paragraph(layout, reason.observation, width, alert=looks.is_wrong(backend))
    column = layout.column(align=True)
    for index, remedy in list(enumerate(reason.remedies))[:REMEDIES_SHOWN]:
        if can_click(remedy):
            button = column.operator("mdd.remedy", text=remedy.label, icon=looks.remedy_icon(remedy.action))
            button.backend, button.index = backend.id, index
        else:
            looks.paragraph(column, remedy.label, width, icon="RIGHTARROW_THIN")


def _draw_details(layout: bpy.types.UILayout, running: Runtime, backend: Backend, width: float) -> None:
    reason, session = backend.reason, running.session
    if reason is not None:
        looks.paragraph(layout, reason.meaning, width)
    facts = [
        backend.endpoint,
        f"Version {backend.version}" if backend.version else "",
        backend.flavour,
        words.ORIGINS.get(backend.origin, backend.origin).capitalize(),
        f"Answers in {words.milliseconds(backend.latency.last)}" if backend.latency else "",
        f"Queue: {words.queue(backend)}" if backend.running is not None else "",
        f"{len(backend.models)} models" if backend.models else "",
        *(_device(device.name, device.memory_free, device.memory_total) for device in backend.devices),
        f"Process {backend.process}" if backend.process else "",
        f"Code: {reason.code}" if reason else "",
        backend.attribution,
    ]
    for fact in facts:
        if fact:
            looks.paragraph(layout, fact, width)
    buttons = layout.column(align=True)
    if backend.is_connected:
        buttons.operator("mdd.generate", text="Generate…", icon="PLAY").backend = backend.id
        if payload.example(backend.kind):
            example = buttons.operator("mdd.generate_example", text="Generate from an Example…", icon="FILE_TEXT")
            example.backend = backend.id
    if backend.is_known and session.knows("backends.default") and session.configuration and not backend.is_default:
        _choice(buttons, backend, "backends.default", "Use as Default", "SOLO_OFF")
    if backend.is_known and session.configuration:
        if backend.state == "disabled":
            _choice(buttons, backend, "backends.enable", "Enable", "CHECKMARK")
        else:
            _choice(buttons, backend, "backends.disable", "Disable", "CANCEL")
    buttons.operator("mdd.copy_details", icon="COPYDOWN").backend = backend.id


def _choice(layout: bpy.types.UILayout, backend: Backend, method: str, text: str, icon: str) -> None:
    button = layout.operator("mdd.choice", text=text, icon=looks.icon(icon))
    button.method, button.backend = method, backend.id


def _device(name: str, free: int | None, total: int | None) -> str:
    if free is None or total is None:
        return name
    return f"{name}, {words.size(free)} of {words.size(total)} free"


def _draw_empty(
    layout: bpy.types.UILayout, context: bpy.types.Context, running: Runtime, backends: list[Backend]
) -> None:
    """A machine without services: how to start each, a field for an address, and look again."""
    width = looks.room(context)
    looks.paragraph(layout, "No service is known on this machine yet.", looks.room(context, inside=0))
    rows = {one.kind: (one.title, one.icon, one.makes, one.start_hint) for one in api.kinds()}
    for one in backends:
        rows.setdefault(one.kind, (one.title, one.icon, one.makes, _hint(one)))
    for title, icon, makes, hint in rows.values():
        box = layout.box()
        box.label(text=title, icon=looks.icon(icon, "PLUGIN"))
        if made := words.makes(makes):
            looks.paragraph(box, made, width)
        if hint:
            looks.paragraph(box, hint, width, icon="PLAY")
            box.operator("mdd.copy_text", text="Copy", icon="COPYDOWN").text = hint
    _draw_address(layout, context, running)


def _hint(backend: Backend) -> str:
    remedies = backend.reason.remedies if backend.reason else ()
    return next((one.argument or one.label for one in remedies if one.action == "start-hint"), "")


def _draw_address(layout: bpy.types.UILayout, context: bpy.types.Context, running: Runtime) -> None:
    column = layout.column(align=True)
    if running.session.configuration is not None and running.session.knows("backends.test"):
        column.prop(context.window_manager, "movie_director_address", text="", icon=looks.icon("URL"))
        column.operator("mdd.look_at", icon=looks.icon("VIEWZOOM"))
    column.operator("mdd.refresh", icon="FILE_REFRESH")
    draw_answer(layout, running, "address")


def _draw_remembered(layout: bpy.types.UILayout, running: Runtime) -> None:
    """Until the host has told anything: how things stood when the file was saved."""
    remembered = running.link.project.remembered
    if not remembered:
        return
    layout.label(text="When the File Was Saved", icon=looks.icon("TIME"))
    for one in remembered:
        _draw_remembered_one(layout, one)


def _draw_remembered_one(layout: bpy.types.UILayout, one: Remembered) -> None:
    column = layout.box().column(align=True)
    column.active = False
    column.label(text=one.title, icon=looks.icon(one.icon, "PLUGIN"))
    column.label(text=f"{words.STATES.get(one.state, one.state)}, remembered", icon=looks.GREY)


CLASSES = (MDD_PT_services,)
