# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators share."""

from __future__ import annotations

import json
import os
import re

import bpy

from .. import api, runtime
from ..model import Backend


class Connected:
    """For operators that make sense only while there is a host."""

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return api.link().is_open


def current() -> runtime.Runtime:
    """The running conversation: an operator is there only while it is."""
    running = runtime.running()
    if running is None:
        raise RuntimeError("Movie Director is switched off")
    return running


def details(backend: Backend) -> str:
    """One block about a backend for a report."""
    host = api.link()
    reason = backend.reason
    facts = {
        "movie director": runtime.VERSION,
        "blender": bpy.app.version_string,
        "mdd-host": host.version,
        "kind": backend.kind,
        "version": backend.version,
        "endpoint": backend.endpoint,
        "origin": backend.origin,
        "state": f"{backend.state} ({backend.detail}) since {backend.since}",
        "attempt": backend.attempt,
        "code": reason.code if reason else "",
        "seen": reason.observation if reason else "",
        "meaning": reason.meaning if reason else "",
        "errors": [f"{one.at} {one.code}: {one.observation}" for one in backend.mishaps],
    }
    return without_home(json.dumps({name: value for name, value in facts.items() if value}, indent=2))


def without_home(text: str) -> str:
    """Paths begin with `~` instead of the user's name."""
    home = os.path.expanduser("~")  # noqa: PTH111
    forms = {home, home.replace("\\", "/"), json.dumps(home)[1:-1]} - {"", "/", "~"}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "~")
    return re.sub(r"(?i)\b(authorization|bearer|api[_-]?key|token)(\"?\s*[:=]?\s*\"?)[^\s\",}]{6,}", r"\1\2…", text)
