# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a bridge that ends is started again."""

from __future__ import annotations

from collections import deque

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
# More ends than that within the time are no accidents any more.
MOST = 6
WITHIN = 60.0


class Restarts:
    """A budget of restarts; time comes from outside."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=MOST)

    def ended(self, now: float) -> float | None:
        """Counts an end and tells how long to wait before the next start; `None`: not again by itself."""
        self._ends.append(now)
        if len(self._ends) == MOST and now - self._ends[0] <= WITHIN:
            return None
        recent = sum(1 for end in self._ends if now - end <= WITHIN)
        return min(LONGEST_PAUSE, FIRST_PAUSE * float(2 ** (recent - 1)))

    def forgive(self) -> None:
        """The user has asked to try again."""
        self._ends.clear()
