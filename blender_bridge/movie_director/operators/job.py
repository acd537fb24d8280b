# SPDX-License-Identifier: GPL-3.0-or-later
"""One job: cancel, go on, send again, forget, and where its results are."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import api
from .base import Asks, Connected


class MDD_OT_job(Asks, Connected, bpy.types.Operator):
    """Do something with a job"""

    bl_idname = "mdd.job"
    bl_label = "Job"
    bl_options = {"INTERNAL"}
    subject = "job"

    method: EnumProperty(
        items=[
            ("jobs.cancel", "Cancel", "End this job"),
            (
                "jobs.retry",
                "Try Again",
                "Try at once what waits, and look again at what is over. Nothing is sent twice",
            ),
            ("jobs.resubmit", "Send Again", "Send this job to the service again"),
            ("jobs.discard", "Forget", "Take this job out of the list. Its results stay"),
        ],
        options={"SKIP_SAVE"},
    )
    job: StringProperty(options={"SKIP_SAVE"})


class MDD_OT_open_folder(bpy.types.Operator):
    """Open the folder with the job's results"""

    bl_idname = "mdd.open_folder"
    bl_label = "Open Folder"

    job: StringProperty(options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        job = api.job(self.job)
        folder = Path(job.folder) if job is not None and job.folder else None
        if folder is None or not folder.is_dir():
            self.report({"WARNING"}, "The folder of this job is not there")
            return {"CANCELLED"}
        results = folder / "results"
        bpy.ops.wm.path_open(filepath=str(results if results.is_dir() else folder))
        return {"FINISHED"}


CLASSES = (MDD_OT_job, MDD_OT_open_folder)
