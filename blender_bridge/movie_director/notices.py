# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages reach the status bar: one at a time, for a moment, and never a shower."""

from __future__ import annotations

from .model import Notice

SHOWN_FOR = 6.0


class StatusText:
    """What the status bar says now. Time comes from outside."""

    def __init__(self) -> None:
        self._until = 0.0
        self._count = 0
        self.text: str | None = None

    def take(self, notice: Notice, now: float) -> None:
        """A new message. While one is shown, those that follow are only counted."""
        if self.text is not None and now < self._until:
            self._count += 1
            self.text = f"{notice.text} (and {self._count} more in the Director tab)"
            return
        self._count = 0
        self._until = now + SHOWN_FOR
        self.text = notice.text

    def tick(self, now: float) -> str | None:
        """What is to be shown."""
        if self.text is not None and now >= self._until:
            self.text = None
        return self.text
