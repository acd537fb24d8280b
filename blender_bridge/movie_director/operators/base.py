# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators share."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable
from typing import Any

import bpy

from .. import api, reading, runtime
from ..model import Backend

Items = list[tuple[str, str, str]]


class Connected:
    """For operators that make sense only while there is a host."""

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return api.link().is_open


class Asks:
    """For operators that ask the host for one of several things, of the backend or the job that `subject` says."""

    subject = ""

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return str(properties.bl_rna.properties["method"].enum_items[properties.method].description)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        running, identity = current(), getattr(self, self.subject)
        running.session.ask(self.method, {self.subject: identity}, running.answered(identity))
        return {"FINISHED"}


class AsksForAddress(Connected):
    """For operators whose dialog asks for a kind and an address."""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=360)

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "kind")
        layout.prop(self, "url")


def kept(items: Callable[[Any, Any], Items]) -> Callable[[Any, Any], Items]:
    """Items of a menu that change. Blender reads them as long as they are shown, and leaves it to us to keep them."""
    last: Items = []

    @functools.wraps(items)
    def keep(operator: Any, context: Any) -> Items:
        last[:] = items(operator, context)
        return last

    return keep


def kinds() -> Items:
    """Every kind, for a menu."""
    return [(kind.kind, kind.title, "") for kind in api.kinds()]


def current() -> runtime.Runtime:
    """The running conversation: an operator is there only while it is."""
    running = runtime.running()
    if running is None:
        raise RuntimeError("Movie Director is switched off")
    return running


def details(backend: Backend, of_host: object = None) -> str:
    """One block about a backend for a report, with the end of the log out of the host's diagnostics."""
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
        "log": reading.words(reading.fields(of_host).get("log"), 300),
    }
    return without_home(json.dumps({name: value for name, value in facts.items() if value}, indent=2))


def without_home(text: str) -> str:
    """Paths begin with `~` instead of the user's name."""
    home = os.path.expanduser("~")  # noqa: PTH111
    forms = {home, home.replace("\\", "/"), json.dumps(home)[1:-1]} - {"", "/", "~"}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "~")
    return re.sub(r"(?i)\b(authorization|bearer|api[_-]?key|token)(\"?\s*[:=]?\s*\"?)[^\s\",}]{6,}", r"\1\2…", text)
