# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the host's world: the last snapshot with every change since."""

from __future__ import annotations

from collections import deque

from . import model
from .protocol import Changes, Gone, Snapshot

NOTICES_KEPT = 20


def _looks(one: model.Backend) -> tuple[object, ...]:
    """What a row shows."""
    seen = (one.state, one.detail, one.running, one.pending, one.reason, one.is_default, one.needs_word)
    return (*seen, one.next_try_at is None)


class World:
    """Backends, jobs and notices as of the last update."""

    def __init__(self) -> None:
        self.summary = model.Summary()
        self.backends: dict[str, model.Backend] = {}
        self.jobs: dict[str, model.Job] = {}
        self.notices: deque[model.Notice] = deque(maxlen=NOTICES_KEPT)
        self.seq = 0
        self.is_known = False
        """Whether a snapshot has come yet."""
        self.looks = 0
        """Grows with what panels show, but for the response times."""
        self.latencies = 0
        """Grows with those."""

    def replace(self, snapshot: Snapshot) -> list[model.Job]:
        """Everything is as the snapshot says. Gives the jobs that have ended since the world was last known."""
        before = {identity for identity, job in self.jobs.items() if not job.is_open}
        over = [job for job in snapshot.jobs.values() if not job.is_open and job.id not in before]
        ended = over if self.is_known else []
        self.summary, self.backends, self.jobs = snapshot.summary, snapshot.backends, snapshot.jobs
        self.notices = deque(snapshot.notices, maxlen=NOTICES_KEPT)
        self.seq = snapshot.seq
        self.is_known = True
        self.looks += 1
        return ended

    def apply(self, update: Changes) -> bool:
        """Takes changes over; `False` when some were missed, so that a snapshot is needed."""
        self._show(self.summary != update.summary)
        self.summary = update.summary
        is_whole = not update.changes or (update.is_whole and update.first == self.seq + 1)
        if update.changes:
            self.seq = update.last
        for change in update.changes:
            value = change.value
            if isinstance(value, model.Backend):
                self._replace_backend(value)
            elif isinstance(value, model.Job):
                self._show(value != self.jobs.get(value.id))
                self.jobs[value.id] = value
            elif isinstance(value, model.Notice):
                self.notices.append(value)
            elif isinstance(value, Gone):
                self._show(True)
                (self.backends if value.what == "backend" else self.jobs).pop(value.id, None)
        return is_whole

    def add_job(self, job: model.Job) -> None:
        """A job that was accepted, unless an update has told of it already."""
        self._show(job.id not in self.jobs)
        self.jobs.setdefault(job.id, job)

    def _replace_backend(self, now: model.Backend) -> None:
        before = self.backends.get(now.id)
        self.backends[now.id] = now
        self._show(before is None or _looks(before) != _looks(now))
        self.latencies += before is None or before.latency != now.latency

    def _show(self, is_different: bool) -> None:
        self.looks += is_different

    def ordered_backends(self) -> list[model.Backend]:
        """In the order of the host, those that are no service yet at the end."""
        return sorted(self.backends.values(), key=lambda backend: (not backend.is_known, backend.id))
