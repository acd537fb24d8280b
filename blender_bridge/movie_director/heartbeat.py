# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices a host that is there and says nothing any more."""

from __future__ import annotations

# A question each second that must be answered soon: a standstill is seen within three seconds.
INTERVAL = 1.0
PATIENCE = 1.8
# The host answers a client's requests one after another, and some take as long as a slow service.
BUSY_PATIENCE = 30.0


class Heartbeat:
    """When to ask for a sign of life, and when the lack of one means something. Time comes from outside."""

    def __init__(self) -> None:
        self._asked: float | None = None

    def is_due(self, now: float, heard: float) -> bool:
        """Whether nothing was heard for a while and no question is open."""
        if self._asked is not None and heard > self._asked:
            self._asked = None
        return self._asked is None and now - heard >= INTERVAL

    def asked(self, now: float) -> None:
        """A question was sent."""
        self._asked = now

    def stands_still(self, now: float, heard: float, *, is_busy: bool) -> bool:
        """Whether a question has been open for too long. `is_busy`: another request is open as well."""
        if self._asked is None or heard > self._asked:
            return False
        return now - self._asked > (BUSY_PATIENCE if is_busy else PATIENCE)

    def forget(self) -> None:
        """There is another host."""
        self._asked = None
