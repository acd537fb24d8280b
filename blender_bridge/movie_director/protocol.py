# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the host's protocol, and what they mean: JSON-RPC 2.0, one object on each line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import model, reading
from .text import printable

VERSION = 1
LONGEST_LINE = 8 << 20

METHOD_NOT_FOUND = -32601
HOST_LOST = -32006
NO_ANSWER = -1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not fulfilled."""

    code: int
    message: str
    name: str = ""
    """The stable name that some refusals have."""

    @property
    def is_unknown_method(self) -> bool:
        """Whether this host is too old for it."""
        return self.code == METHOD_NOT_FOUND


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: either of the two."""

    id: int
    result: Any = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    seq: int
    summary: model.Summary
    backends: dict[str, model.Backend]
    jobs: dict[str, model.Job]
    notices: tuple[model.Notice, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is new or different; `value` is the id of what is gone, and `None` of what cannot be read."""

    seq: int
    value: model.Backend | model.Job | model.Notice | Gone | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The id of a backend or of a job that is no longer kept."""

    what: str
    id: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed since the last update."""

    summary: model.Summary
    changes: tuple[Change, ...]
    first: int
    last: int
    """The numbers of the first and the last change; of several changes of one thing the earlier may be left out."""
    is_whole: bool
    """Whether every number between them was told."""


@dataclass(frozen=True, slots=True)
class HostAgain:
    """The bridge lost the host and has another one, which knows nothing yet of this conversation."""

    notice: model.Notice


@dataclass(frozen=True, slots=True)
class Noise:
    """A line that means nothing."""

    line: str


Incoming = Answer | Snapshot | Changes | HostAgain | Noise


def request(number: int, method: str, params: Any = None) -> bytes:
    """The line of a request."""
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    if params is not None:
        message["params"] = params
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read(line: bytes) -> Incoming:
    """What a line says."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return _noise(line)
    if not isinstance(message, dict):
        return _noise(line)
    method, number = message.get("method"), message.get("id")
    if method is None and isinstance(number, int) and not isinstance(number, bool):
        return Answer(number, message.get("result"), _refusal(message.get("error")))
    params = reading.fields(message.get("params"))
    if method == "update":
        update = params.get("update")
        if update == "snapshot":
            return _snapshot(params)
        if update == "changes":
            return _changes(params)
    if method == "notice" and (notice := reading.read_notice(params)):
        return HostAgain(notice)
    return _noise(line)


def read_snapshot(value: Any) -> Snapshot:
    """The answer to `snapshot`."""
    return _snapshot(reading.fields(value))


def _noise(line: bytes) -> Noise:
    return Noise(printable(line[:400].decode("utf-8", "replace"), 200))


def _refusal(value: Any) -> Refusal | None:
    if value is None:
        return None
    known = reading.fields(value)
    code = reading.number(known.get("code"))
    name = printable(reading.fields(known.get("data")).get("code"), 100)
    return Refusal(0 if code is None else int(code), printable(known.get("message")) or "no reason was given", name)


def _snapshot(params: model.Json) -> Snapshot:
    backends = reading.every(params.get("backends"), reading.read_backend)
    jobs = reading.every(params.get("jobs"), reading.read_job)
    return Snapshot(
        seq=reading.count(params.get("seq")) or 0,
        summary=reading.read_summary(params.get("summary")),
        backends={backend.id: backend for backend in backends},
        jobs={job.id: job for job in jobs},
        notices=reading.every(params.get("notices"), reading.read_notice),
    )


def _changes(params: model.Json) -> Changes:
    changes = reading.every(params.get("changes"), _change)
    numbers = [change.seq for change in changes] or [0]
    first, last = numbers[0], numbers[-1]
    is_whole = numbers == list(range(first, last + 1)) and bool(changes)
    return Changes(reading.read_summary(params.get("summary")), changes, first, last, is_whole)


def _change(value: model.Json) -> Change:
    seq, what, changed = reading.count(value.get("seq")) or 0, value.get("what"), value.get("value")
    if what == "backend":
        return Change(seq, reading.read_backend(changed))
    if what == "job":
        return Change(seq, reading.read_job(changed))
    if what == "notice":
        return Change(seq, reading.read_notice(changed))
    if what in ("backend-removed", "job-removed") and isinstance(changed, str):
        return Change(seq, Gone("backend" if what == "backend-removed" else "job", changed))
    return Change(seq, None)
