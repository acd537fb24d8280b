# SPDX-License-Identifier: GPL-3.0-or-later
"""What has come and was not looked at yet: bounded, and of what changed several times only the newest.

The thread that reads the pipe puts in, so that Blender's own thread finds little to do.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from . import model
from .protocol import Change, Changes

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue for one reader and one writer; updates that follow each other become one."""

    def __init__(self, room: int) -> None:
        """`room`: how many events and changes wait at the most."""
        self._room = room
        self._events: deque[T | _Batch] = deque()
        self._waiting = 0
        self._news = threading.Condition()

    def __len__(self) -> int:
        with self._news:
            return self._waiting

    def put(self, event: T, timeout: float) -> bool:
        """Puts an event in; `False` when there was no room for it in time."""
        with self._news:
            if not self._news.wait_for(lambda: self._waiting < self._room, timeout):
                return False
            if not isinstance(event, Changes):
                self._events.append(event)
                self._waiting += 1
            else:
                last = self._events[-1] if self._events else None
                batch = last if isinstance(last, _Batch) and last.is_followed_by(event) else None
                if batch is None:
                    batch = _Batch(event)
                    self._events.append(batch)
                    self._waiting += 1 + batch.size
                else:
                    self._waiting += batch.add(event)
            self._news.notify_all()
            return True

    def take(self, timeout: float = 0.0) -> T | Changes | None:
        """The oldest event; waits for one if there is none."""
        with self._news:
            if not self._events and (timeout <= 0 or not self._news.wait_for(lambda: self._events, timeout)):
                return None
            event = self._events.popleft()
            taken: T | Changes = event.whole() if isinstance(event, _Batch) else event
            self._waiting -= 1 + event.size if isinstance(event, _Batch) else 1
            self._news.notify_all()
            return taken


class _Batch:
    """Updates that follow each other without a gap. The newest of each thing stays, and every change of a state."""

    def __init__(self, first: Changes) -> None:
        self._first, self._last = first.first, first.last
        self._summary = first.summary
        self._is_whole = first.is_whole
        self._changes: list[Change | None] = []
        self._latest: dict[str, int] = {}
        self.size = 0
        """How many changes it has."""
        for change in first.changes:
            self._append(change)

    def is_followed_by(self, later: Changes) -> bool:
        """Whether nothing is between them; an update without changes tells of the summary alone."""
        return not later.changes or (later.is_whole and self._is_whole and later.first == self._last + 1)

    def add(self, later: Changes) -> int:
        """How many more there are now."""
        before = self.size
        self._summary = later.summary
        if later.changes:
            self._last = later.last
        for change in later.changes:
            self._append(change)
        if len(self._changes) > 2 * self.size + 64:
            self._close_gaps()
        return self.size - before

    def _append(self, change: Change) -> None:
        value = change.value
        if isinstance(value, (model.Backend, model.Job)):
            earlier = self._latest.get(value.id)
            if earlier is not None and _is_no_step(self._changes[earlier], value):
                self._changes[earlier] = None
                self.size -= 1
            self._latest[value.id] = len(self._changes)
        self._changes.append(change)
        self.size += 1

    def _close_gaps(self) -> None:
        self._changes = [change for change in self._changes if change is not None]
        self._latest = {
            change.value.id: place
            for place, change in enumerate(self._changes)
            if change is not None and isinstance(change.value, (model.Backend, model.Job))
        }

    def whole(self) -> Changes:
        changes = tuple(change for change in self._changes if change is not None)
        return Changes(self._summary, changes, self._first, self._last, self._is_whole)


def _is_no_step(earlier: Change | None, later: model.Backend | model.Job) -> bool:
    """Whether nothing is missed without the earlier one: the thing was in the same state."""
    before = earlier.value if earlier is not None else None
    if isinstance(before, model.Backend) and isinstance(later, model.Backend):
        return (before.state, before.detail, before.reason) == (later.state, later.detail, later.reason)
    return isinstance(before, model.Job) and isinstance(later, model.Job) and before.state == later.state
