# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs, the newest first."""

from __future__ import annotations

import bpy

from .. import api, looks, runtime, words
from ..model import Job
from ..operators.service import can_click
from ..runtime import Runtime
from ..text import printable
from .tab import BelowMain

# Those that are over and still drawn; the open ones are always.
OVER_SHOWN = 5


class MDD_PT_jobs(BelowMain, bpy.types.Panel):
    bl_idname = "MDD_PT_jobs"
    bl_label = "Jobs"

    def draw(self, context: bpy.types.Context) -> None:
        layout, running = self.layout, runtime.running()
        if running is None:
            return
        jobs = api.jobs()
        if not jobs:
            layout.label(text="None yet", icon="BLANK1")
            return
        over = [job for job in jobs if not job.is_open]
        for job in [job for job in jobs if job.is_open] + over[:OVER_SHOWN]:
            _draw_job(layout, context, running, job)
        if len(over) > OVER_SHOWN:
            layout.label(text=f"and {len(over) - OVER_SHOWN} more that are over", icon="BLANK1")


def _draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, running: Runtime, job: Job) -> None:
    width = looks.room(context)
    box = layout.box()
    head = box.row(align=True)
    backend = api.backend(job.backend)
    title = backend.title if backend else next((one.title for one in api.kinds() if one.kind == job.kind), job.kind)
    operation = f" {job.operation}" if job.operation else ""
    head.label(text=f"{title}{operation}", icon=looks.job_icon(job))
    if job.is_open:
        cancel = head.operator("mdd.job", text="", icon="X", emboss=False)
        cancel.method, cancel.job = "jobs.cancel", job.id
    elif job.folder:
        head.operator("mdd.open_folder", text="", icon=looks.icon("FILE_FOLDER"), emboss=False).job = job.id
    share = job.progress.share if job.progress else None
    if job.state == "running" and share is not None and hasattr(box, "progress"):
        box.progress(factor=share, text=words.job(job))
    else:
        state = box.row()
        state.alert = job.state in ("failed", "lost")
        state.label(text=words.job(job))
    if job.state == "done":
        _draw_results(box, job, width)
    if job.reason is not None:
        _draw_reason(box, job, width)
    if said := running.said.get(job.id):
        looks.paragraph(box, said, width, icon="INFO")


def _draw_results(layout: bpy.types.UILayout, job: Job, width: float) -> None:
    if job.text:
        looks.paragraph(layout, printable(job.text, 200), width)
    if job.results:
        count = len(job.results)
        total = words.size(sum(result.bytes for result in job.results))
        layout.label(text=f"{count} {'file' if count == 1 else 'files'}, {total}")


def _draw_reason(layout: bpy.types.UILayout, job: Job, width: float) -> None:
    reason = job.reason
    looks.paragraph(layout, reason.observation, width, alert=job.state in ("failed", "lost"))
    column = layout.column(align=True)
    for index, remedy in enumerate(reason.remedies[:3]):
        if can_click(remedy):
            button = column.operator("mdd.remedy", text=remedy.label, icon=looks.remedy_icon(remedy.action))
            button.job, button.index = job.id, index
        else:
            looks.paragraph(column, remedy.label, width, icon="RIGHTARROW_THIN")


CLASSES = (MDD_PT_jobs,)
