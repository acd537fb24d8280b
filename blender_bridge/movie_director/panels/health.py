# SPDX-License-Identifier: GPL-3.0-or-later
"""How well each service does: response times, uptime, queue, memory, and what went wrong."""

from __future__ import annotations

import time

import bpy

from .. import api, looks, runtime, words
from ..model import Backend, Health
from ..runtime import Runtime
from .tab import BelowMain

MISHAPS_SHOWN = 5


class MDD_PT_health(BelowMain, bpy.types.Panel):
    bl_idname = "MDD_PT_health"
    bl_label = "Health"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, running = self.layout, runtime.running()
        if running is None:
            return
        # The timer asks for the history only while somebody looks at it.
        running.health_drawn = time.monotonic()
        known = [backend for backend in api.backends() if backend.is_known]
        for backend in known:
            _draw_backend(layout, context, running, backend)
        if not known:
            layout.label(text="No service is known", icon="BLANK1")
        layout.operator("mdd.copy_diagnostics", icon="COPYDOWN")
        if said := running.said.get("diagnostics"):
            looks.paragraph(layout, said, looks.room(context, inside=0), icon="INFO")


def _draw_backend(layout: bpy.types.UILayout, context: bpy.types.Context, running: Runtime, backend: Backend) -> None:
    width = looks.room(context)
    health = running.health.get(backend.id, Health())
    box = layout.box()
    column = box.column(align=True)
    column.label(text=backend.title, icon=looks.state_icon(backend))
    line = words.sparkline(health.latencies or running.sparks.get(backend.id, ()), _blocks(width))
    column.label(text=line or "No response times yet")
    latency = health.latency or backend.latency
    if latency is not None:
        _fact(column, "Response", words.milliseconds(latency.last))
        _fact(column, "Median", words.milliseconds(latency.p50))
        _fact(column, "95 of 100", words.milliseconds(latency.p95))
        if latency.p99 is not None:
            _fact(column, "99 of 100", words.milliseconds(latency.p99))
    uptime = health.uptime or backend.uptime
    if uptime is not None:
        _fact(column, "Up, this session", words.percent(uptime.session))
        _fact(column, "Up, last hour", words.percent(uptime.hour))
        _fact(column, "Up, last day", words.percent(uptime.day))
    reconnects = health.reconnects if health.reconnects is not None else backend.reconnects
    if reconnects is not None:
        _fact(column, "Reconnects", str(reconnects))
    if backend.running is not None:
        _fact(column, "Queue", words.queue(backend))
    for device in backend.devices:
        if device.memory_free is not None and device.memory_total:
            memory = f"{words.size(device.memory_free)} of {words.size(device.memory_total)} free"
            looks.paragraph(column, f"{device.name}: {memory}", width)
    _draw_mishaps(box, health, backend, width)


def _draw_mishaps(layout: bpy.types.UILayout, health: Health, backend: Backend, width: float) -> None:
    mishaps = health.mishaps or backend.mishaps
    for mishap in mishaps[-MISHAPS_SHOWN:][::-1]:
        ago = words.ago(mishap.at)
        looks.paragraph(layout, f"{ago}: {mishap.observation}" if ago else mishap.observation, width, icon="DOT")


def _fact(layout: bpy.types.UILayout, name: str, value: str) -> None:
    row = layout.split(factor=0.55)
    row.label(text=name)
    row.label(text=value)


def _blocks(width: float) -> int:
    return max(8, min(40, int(width / 10)))


CLASSES = (MDD_PT_health,)
