# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .blend file says about services: addresses chosen for the project, and how things stood when it was saved.

A file may come from a stranger. It can name kinds and addresses and nothing else, and what is not plausible is dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import address
from .model import Backend, Json
from .reading import every, fields
from .text import printable

# More than any film needs, and few enough that a file cannot flood the panel.
MOST = 16
LONGEST_MEMORY = 64_000
_KIND = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, order=True)
class Choice:
    """An address that was chosen for the project."""

    kind: str
    url: str


@dataclass(frozen=True)
class Remembered:
    """A backend as it was when the file was saved."""

    id: str
    kind: str
    title: str
    state: str
    detail: str
    endpoint: str
    icon: str = ""
    makes: tuple[str, ...] = ()


def choices(pairs: Iterable[tuple[Any, Any]]) -> tuple[Choice, ...]:
    """Those pairs of kind and address that can be meant, each once."""
    found: list[Choice] = []
    for kind, url in pairs:
        if isinstance(kind, str) and isinstance(url, str) and len(url) <= address.LONGEST:
            choice = Choice(kind.strip().lower(), url.strip())
            if _KIND.fullmatch(choice.kind) and address.is_plausible(choice.url) and choice not in found:
                found.append(choice)
        if len(found) == MOST:
            break
    return tuple(found)


def identity(path: str, unsaved: str) -> str:
    """The name under which the host knows the project: of the file's place, or of this session while it has none.

    It is not kept in the file: a copy from a stranger must not pass for a file of the user's.
    """
    if not path:
        return f"unsaved-{unsaved}"
    place = os.path.normcase(os.path.realpath(path))
    return "file-" + hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def remember(backends: Iterable[Backend]) -> str:
    """How things stand, for the file. No reasons, models or processes: they may tell of the user's machine."""
    known = [
        {
            "id": backend.id,
            "kind": backend.kind,
            "title": backend.title,
            "state": backend.state,
            "detail": backend.detail,
            "endpoint": backend.endpoint,
            "icon": backend.icon,
            "makes": list(backend.makes),
        }
        for backend in backends
        if backend.is_known
    ]
    text = json.dumps({"version": 1, "backends": known[: 4 * MOST]}, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= LONGEST_MEMORY else ""


def recall(text: Any) -> tuple[Remembered, ...]:
    """What `remember` has kept, as far as it can be believed."""
    if not isinstance(text, str) or not text or len(text) > LONGEST_MEMORY:
        return ()
    try:
        known = fields(json.loads(text))
    except (ValueError, RecursionError):
        return ()
    return every(known.get("backends"), _recall_one)[: 4 * MOST]


def _recall_one(value: Json) -> Remembered | None:
    identity, title = printable(value.get("id"), 300), printable(value.get("title"), 100)
    state = printable(value.get("state"), 32)
    if not identity or not title or state not in ("connected", "connecting", "disconnected", "disabled"):
        return None
    return Remembered(
        id=identity,
        kind=printable(value.get("kind"), 64),
        title=title,
        state=state,
        detail=printable(value.get("detail"), 32),
        endpoint=printable(value.get("endpoint"), 300),
        icon=printable(value.get("icon"), 64),
        makes=tuple(printable(made, 40) for made in value.get("makes") or () if isinstance(made, str))[:8]
        if isinstance(value.get("makes"), list)
        else (),
    )
