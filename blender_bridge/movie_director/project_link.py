# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the host informed of the project that is open, and collects what needs the user's word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import address, model, reading
from .project import Choice, Remembered
from .protocol import Refusal
from .session import Session
from .text import printable


@dataclass(frozen=True)
class Project:
    """A file as far as the host is concerned."""

    identity: str
    choices: tuple[Choice, ...] = ()
    remembered: tuple[Remembered, ...] = ()


@dataclass(frozen=True)
class Pending:
    """An address of the file that is not connected to before the user agrees."""

    kind: str
    url: str
    backend: str


class ProjectLink:
    """The project of this Blender."""

    def __init__(self, session: Session, may_leave_this_machine: Callable[[], bool]) -> None:
        self.project = Project("")
        self.pending: tuple[Pending, ...] = ()
        self.held_back: tuple[Choice, ...] = ()
        """Addresses elsewhere, while Blender is offline."""
        self.problem = ""
        self._session = session
        self._may_leave = may_leave_this_machine
        self._trusted: set[Choice] = set()
        self._told: tuple[str, tuple[Choice, ...]] | None = None
        session.on_open.append(self._open)

    @property
    def is_possible(self) -> bool:
        """Whether this host knows projects at all."""
        return self._session.knows("project.open")

    def loaded(self, project: Project) -> None:
        """Another file was opened: what the user has said of the last one does not count for it."""
        self._trusted.clear()
        self.pending = ()
        self._become(project)

    def saved(self, project: Project) -> None:
        """The same file, perhaps in another place."""
        self._become(project)

    def edited(self, project: Project) -> None:
        """The user has chosen other addresses, or has undone that."""
        self._become(project)

    def trust(self, choice: Choice) -> None:
        """The user has named this address just now."""
        self._trusted.add(choice)

    def accept(self, pending: Pending) -> None:
        """The user agrees to an address of the file."""
        self._trusted.add(Choice(pending.kind, pending.url))
        self._accept(pending)

    def _become(self, project: Project) -> None:
        before, self.project = self.project, project
        self._session.project = project.identity
        if before.identity and before.identity != project.identity and self._told is not None:
            self._session.ask("project.close", {"project": before.identity})
            self._told = None
        self._tell()

    def _open(self) -> None:
        """There is a host that knows nothing of the project."""
        self._told = None
        self._tell()

    def refresh(self) -> None:
        """Blender went online or offline, perhaps."""
        self._tell()

    def _tell(self) -> None:
        project = self.project
        may_leave = self._may_leave()
        told = tuple(choice for choice in project.choices if may_leave or address.is_here(choice.url))
        self.held_back = tuple(choice for choice in project.choices if choice not in told)
        if not project.identity or not self._session.link.is_open or not self.is_possible:
            return
        if self._told == (project.identity, told):
            return
        self._told = (project.identity, told)
        self._session.at_the_end = [("project.close", {"project": project.identity})]
        params = {
            "project": project.identity,
            "backends": [{"kind": choice.kind, "url": choice.url} for choice in told],
            "remembered": [{"id": known.id, "state": known.state} for known in project.remembered],
        }
        self._session.ask("project.open", params, self._opened)

    def _opened(self, result: Any, refusal: Refusal | None) -> None:
        if refusal is not None:
            self.problem = "" if refusal.is_unknown_method else refusal.message
            self._session.revision += 1
            return
        self.problem = ""
        pending = reading.every(reading.fields(result).get("pending"), _read_pending)
        trusted = [one for one in pending if self._is_trusted(one)]
        self.pending = tuple(one for one in pending if one not in trusted)
        for one in trusted:
            self._accept(one)
        self._session.revision += 1

    def _is_trusted(self, pending: Pending) -> bool:
        return any(one.kind == pending.kind and address.is_same(one.url, pending.url) for one in self._trusted)

    def _accept(self, pending: Pending) -> None:
        self.pending = tuple(one for one in self.pending if one != pending)
        params = {"project": self.project.identity, "backend": pending.backend}
        self._session.ask("project.accept", params, self._accepted)

    def _accepted(self, _result: Any, refusal: Refusal | None) -> None:
        self.problem = "" if refusal is None else refusal.message
        self._session.revision += 1


def _read_pending(value: model.Json) -> Pending | None:
    kind, url, backend = (value.get(name) for name in ("kind", "url", "backend"))
    if isinstance(kind, str) and isinstance(url, str) and isinstance(backend, str):
        return Pending(printable(kind, 64), printable(url, 500), backend)
    return None
