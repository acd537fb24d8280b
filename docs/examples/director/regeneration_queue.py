# SPDX-License-Identifier: GPL-3.0-or-later
"""Regeneration queue: takes of shots whose parameters have changed, each with an id that is made of them.

The same take again is the same job, whatever was closed or crashed meanwhile; a service that is away makes it wait.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


def regenerate(api: Any, shots: dict[str, Any], kind: str) -> dict[str, str]:
    """Hands over every take that is not there yet, and tells the state of each shot."""
    states = {}
    for shot, payload in shots.items():
        take = take_of(shot, payload)
        job = api.job(take)
        if job is None:
            api.submit(payload, kind=kind, job=take)
        states[shot] = job.state if job is not None else "submitted"
    return states


def take_of(shot: str, payload: Any) -> str:
    """The id of the take with these parameters."""
    content = json.dumps([shot, payload], sort_keys=True).encode()
    return f"take-{hashlib.sha256(content).hexdigest()[:24]}"
