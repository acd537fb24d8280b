# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that know nothing of Blender, in any Python from 3.10 on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from scripted import Scripted  # noqa: E402


@pytest.fixture
def host(tmp_path):
    """A program that plays the bridge."""
    scripted = Scripted(tmp_path)
    yield scripted
    scripted.close()
