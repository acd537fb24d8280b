# SPDX-License-Identifier: GPL-3.0-or-later
"""When the panels are drawn anew: only when something visible has changed, and not more than a few times a second."""

from __future__ import annotations

FASTEST = 0.25


class Pace:
    """Time and what is visible come from outside."""

    def __init__(self) -> None:
        self._drawn: tuple[object, ...] | None = None
        self._at = float("-inf")

    def is_due(self, now: float, *visible: object) -> bool:
        """Whether to draw, as `visible` is no longer what it was; that counts as done."""
        if visible == self._drawn or now - self._at < FASTEST:
            return False
        self._drawn, self._at = visible, now
        return True
