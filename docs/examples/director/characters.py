# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters: a picture of a character goes into every picture that it is in."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def portray(api: Any, reference: Path, name: str) -> Any:
    """Hands the reference picture over with the workflow that uses it. The host keeps its own copy of the file."""
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "mdd-file:reference"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": name}},
    }
    return api.submit(workflow, kind="comfyui", files={"reference": reference})
