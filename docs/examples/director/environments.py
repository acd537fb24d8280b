# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments: a background in the size of the shot, with its progress for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def paint(api: Any, width: int, height: int, color: int, progress: Callable[[str], None]) -> Any:
    """Tells each state of the job until the files are there."""
    workflow = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": width, "height": height, "batch_size": 1, "color": color},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "environment"}},
    }
    submission = api.submit(workflow, kind="comfyui")

    def heard(event: Any) -> None:
        job = event.job
        if job is not None and job.id == submission.id:
            progress(job.state)
            if not job.is_open:
                unsubscribe()

    unsubscribe = api.subscribe(heard)
    return submission
