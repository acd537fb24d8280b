# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rest of Movie Director asks of AI services, without knowing any of them.

    from . import api

    ready = api.capability("image")
    if ready:
        job = api.submit(workflow, kind=ready.backend.kind)

Nothing here waits: answers come with the ticks of Blender's timer. Call it from the main thread only.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import model, protocol, reading
from .model import Backend, Job, Kind, Notice, Reason, Remedy
from .protocol import Refusal
from .session import Link, Session, safely

__all__ = [
    "Backend",
    "Capability",
    "Event",
    "Job",
    "Kind",
    "Link",
    "Notice",
    "Reason",
    "Refusal",
    "Remedy",
    "Submission",
    "backend",
    "backends",
    "cancel",
    "capability",
    "discard",
    "job",
    "jobs",
    "kinds",
    "link",
    "new_id",
    "notices",
    "refresh",
    "resubmit",
    "retry",
    "submit",
    "subscribe",
    "summary",
]

_session: Session | None = None


@dataclass(frozen=True)
class Capability:
    """Whether something can be made now; it is true when it can."""

    makes: str
    backend: Backend | None
    """The one to use: the user's default, else the connected one that has the least to do."""
    reason: str = ""
    """Why not, in a sentence for people."""
    remedies: tuple[Remedy, ...] = ()

    def __bool__(self) -> bool:
        return self.backend is not None


@dataclass
class Submission:
    """A job on its way to the host."""

    id: str
    state: str = "sent"
    """`sent`, `accepted` or `refused`; from `accepted` on `job(id)` tells the rest."""
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Event:
    """Something is new. What is not concerned is `None`."""

    backend: Backend | None = None
    job: Job | None = None
    notice: Notice | None = None
    gone: str | None = None
    """The id of a backend or a job that is no more."""
    link: Link | None = None
    everything: bool = False
    """Look at all of it again: this is the first news, or some were missed. Jobs that have ended meanwhile follow."""


def link() -> Link:
    """How the connection to the host stands."""
    return _session.link if _session else Link("off")


def summary() -> model.Summary:
    """All of it in one word and one sentence."""
    return _session.world.summary if _session else model.Summary()


def backends() -> list[Backend]:
    """Every service, and a row for each kind of which none is known; not those that only other projects name."""
    if _session is None:
        return []
    return [one for one in _session.world.ordered_backends() if not one.projects or _concerns(one, _session.project)]


def _concerns(backend: Backend, project: str) -> bool:
    return backend.origin != "project" or project in backend.projects


def backend(identity: str) -> Backend | None:
    """The one with this id."""
    return _session.world.backends.get(identity) if _session else None


def kinds() -> tuple[Kind, ...]:
    """What the drivers declare; empty with a host that is too old to tell."""
    return _session.kinds if _session else ()


def notices() -> tuple[Notice, ...]:
    """The last messages for people, the newest at the end."""
    return tuple(_session.world.notices) if _session else ()


def capability(makes: str) -> Capability:
    """Whether `makes`, such as "image", "video", "text", "voice" or "sound", can be made now, and by whom."""
    if _session is None or not _session.link.is_open:
        return Capability(makes, None, link().reason or "mdd-host is not connected")
    able = [backend for backend in backends() if makes in backend.makes]
    ready = [backend for backend in able if backend.is_connected]
    if ready:
        return Capability(makes, min(ready, key=_by_preference))
    known = [backend for backend in able if backend.is_known] or able
    if not known:
        return Capability(makes, None, f"No driver makes {makes}")
    first = known[0]
    reason = first.reason
    why = reason.observation if reason else f"it is {first.state}"
    return Capability(makes, None, f"{first.title}: {why}", reason.remedies if reason else ())


def _by_preference(backend: Backend) -> tuple[bool, bool, int, str]:
    busy = (backend.running or 0) + (backend.pending or 0)
    return (not backend.is_default, backend.detail != "ready" and backend.detail != "busy", busy, backend.id)


def submit(
    payload: Any,
    *,
    kind: str | None = None,
    backend: str | None = None,
    operation: str | None = None,
    files: Mapping[str, str | os.PathLike[str]] | None = None,
    job: str | None = None,
    then: Callable[[Submission], None] | None = None,
) -> Submission:
    """Hands a job to the host, which keeps it whatever becomes of Blender.

    `payload` is in the terms of the service, for which either a `kind` or the id of a `backend` is named. It
    mentions a file of `files` as the string `mdd-file:NAME`. The same id as `job` again is the same job. `then` is
    called once the job was accepted or refused.
    """
    if (kind is None) == (backend is None):
        raise ValueError("a job is either for a kind or for a backend")
    submission = Submission(job or new_id())
    params: dict[str, Any] = {"id": submission.id, "payload": payload, "operation": operation}
    params |= {"kind": kind} if backend is None else {"backend": backend}
    sources = (files or {}).items()
    params["files"] = [{"name": name, "path": os.path.abspath(path)} for name, path in sources]  # noqa: PTH100

    def answered(result: Any, refusal: Refusal | None) -> None:
        submission.state, submission.refusal = ("accepted" if refusal is None else "refused"), refusal
        if _session is not None and (accepted := reading.read_job(result)):
            _session.world.add_job(accepted)
        if then is not None:
            then(submission)

    _ask("jobs.submit", params, answered)
    return submission


def new_id() -> str:
    """An id that no other job has."""
    return f"blender-{secrets.token_hex(6)}"


def jobs() -> list[Job]:
    """Every job that is kept, the newest first."""
    known = _session.world.jobs.values() if _session else ()
    return sorted(known, key=lambda job: (job.created, job.id), reverse=True)


def job(identity: str) -> Job | None:
    """The job with this id."""
    return _session.world.jobs.get(identity) if _session else None


def cancel(identity: str, then: Callable[[Refusal | None], None] | None = None) -> None:
    """Asks for the end of a job; the event that it has ended follows."""
    _job_method("jobs.cancel", identity, then)


def retry(identity: str, then: Callable[[Refusal | None], None] | None = None) -> None:
    """Tries at once what waits, and looks again at what is over without being done; nothing is sent twice."""
    _job_method("jobs.retry", identity, then)


def resubmit(identity: str, then: Callable[[Refusal | None], None] | None = None) -> None:
    """Sends a job again that is over and not done."""
    _job_method("jobs.resubmit", identity, then)


def discard(identity: str, then: Callable[[Refusal | None], None] | None = None) -> None:
    """Forgets a job that is over; its results stay."""
    _job_method("jobs.discard", identity, then)


def refresh() -> None:
    """Tries at once whatever waits."""
    _ask("backends.refresh", None, None)


def subscribe(callback: Callable[[Event], None]) -> Callable[[], None]:
    """Calls `callback` with every event from now on; what it returns ends that."""
    _listeners.append(callback)

    def unsubscribe() -> None:
        if callback in _listeners:
            _listeners.remove(callback)

    return unsubscribe


_listeners: list[Callable[[Event], None]] = []


def bind(session: Session | None) -> None:
    """Says which conversation this is about. Only the part that starts and ends it calls this."""
    global _session
    _session = session
    if session is not None:
        session.on_news.append(_pass_on)


def current() -> Session | None:
    """The conversation itself, for the panels of Movie Director."""
    return _session


def _pass_on(news: object) -> None:
    if not _listeners:
        return
    for event in _events(news):
        for listener in _listeners:
            safely(partial(listener, event))


def _events(news: object) -> list[Event]:
    if isinstance(news, protocol.Changes):
        return [event for change in news.changes if (event := _event(change.value))]
    if isinstance(news, protocol.Snapshot):
        return [Event(everything=True)]
    if isinstance(news, Link):
        return [Event(link=news)]
    event = _event(news)
    return [event] if event else []


def _event(value: object) -> Event | None:
    if isinstance(value, Backend):
        return Event(backend=value)
    if isinstance(value, Job):
        return Event(job=value)
    if isinstance(value, Notice):
        return Event(notice=value)
    return Event(gone=value.id) if isinstance(value, protocol.Gone) else None


def _job_method(method: str, identity: str, then: Callable[[Refusal | None], None] | None) -> None:
    def answered(_result: Any, refusal: Refusal | None) -> None:
        if then is not None:
            then(refusal)

    _ask(method, {"job": identity}, answered)


def _ask(method: str, params: Any, then: Callable[[Any, Refusal | None], None] | None) -> None:
    if _session is not None:
        _session.ask(method, params, then)
    elif then is not None:
        then(None, Refusal(protocol.HOST_LOST, "mdd-host is not connected"))
