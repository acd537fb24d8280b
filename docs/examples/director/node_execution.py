# SPDX-License-Identifier: GPL-3.0-or-later
"""Execution of nodes: a node of a graph has a state that follows its job, and can be stopped."""

from __future__ import annotations

from typing import Any


class Node:
    """One node that asks a service for something."""

    def __init__(self, api: Any, kind: str, payload: Any) -> None:
        self._api, self._kind, self._payload = api, kind, payload
        self._submission: Any = None

    def execute(self) -> None:
        """Starts it once; again only after it has ended."""
        if self.state in ("idle", "done", "failed", "cancelled", "refused"):
            self._submission = self._api.submit(self._payload, kind=self._kind)

    def stop(self) -> None:
        """Asks for its end."""
        if self._submission is not None:
            self._api.cancel(self._submission.id)

    @property
    def state(self) -> str:
        """What the node shows."""
        if self._submission is None:
            return "idle"
        job = self._api.job(self._submission.id)
        return job.state if job is not None else self._submission.state

    @property
    def outputs(self) -> list[str]:
        """The files that the next node takes."""
        job = self._api.job(self._submission.id) if self._submission is not None else None
        return [result.path for result in job.results] if job is not None else []
