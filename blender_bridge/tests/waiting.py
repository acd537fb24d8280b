# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def until(wanted: Callable[[], Any], within: float = 30.0, between: Callable[[], Any] | None = None) -> Any:
    """What `wanted` gives once it gives something."""
    deadline = time.monotonic() + within
    while True:
        if between is not None:
            between()
        if found := wanted():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {wanted}")
        time.sleep(0.002)
