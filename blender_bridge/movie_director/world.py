# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the host's world: the last snapshot with every change since."""

from __future__ import annotations

from collections import deque

from . import model
from .protocol import Changes, Gone, Snapshot

NOTICES_KEPT = 20


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

    def replace(self, snapshot: Snapshot) -> None:
        """Everything is as the snapshot says."""
        self.summary, self.backends, self.jobs = snapshot.summary, snapshot.backends, snapshot.jobs
        self.notices = deque(snapshot.notices, maxlen=NOTICES_KEPT)
        self.seq = snapshot.seq
        self.is_known = True

    def apply(self, update: Changes) -> bool:
        """Takes changes over; `False` when some were missed, so that a snapshot is needed."""
        self.summary = update.summary
        whole = True
        for change in update.changes:
            whole = whole and change.seq == self.seq + 1
            self.seq = change.seq
            value = change.value
            if isinstance(value, model.Backend):
                self.backends[value.id] = value
            elif isinstance(value, model.Job):
                self.jobs[value.id] = value
            elif isinstance(value, model.Notice):
                self.notices.append(value)
            elif isinstance(value, Gone):
                (self.backends if value.what == "backend" else self.jobs).pop(value.id, None)
        return whole

    def ordered_backends(self) -> list[model.Backend]:
        """In the order of the host, those that are no service yet at the end."""
        return sorted(self.backends.values(), key=lambda backend: (not backend.is_known, backend.id))
