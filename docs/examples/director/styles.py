# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles: what can be chosen from, as the services themselves tell, with where to ask for it."""

from __future__ import annotations

from typing import Any


def choices(api: Any, makes: str) -> list[tuple[str, str]]:
    """Pairs of a backend's id and the name of a model of it, for everything that makes that now."""
    able = [backend for backend in api.backends() if makes in backend.makes and backend.is_connected]
    return [(backend.id, model) for backend in able for model in backend.models]
