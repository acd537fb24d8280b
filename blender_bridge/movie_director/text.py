# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of strangers, made safe for a label: short, on one line, and without marks that reorder or hide it."""

from __future__ import annotations

import unicodedata
from typing import Any

# More than any sentence of ours, and little enough for a label.
LONGEST = 2000
# Control characters, formatting such as right-to-left marks, lone surrogates, private use, line separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(value: Any, limit: int = LONGEST) -> str:
    """The text of `value` if it is one, on one line of at most `limit` characters."""
    if not isinstance(value, str):
        return ""
    text = value[: limit + 1]
    if not (text.isascii() and text.isprintable()):
        text = "".join(_shown(character) for character in text)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def lines(value: Any, limit: int = 20_000) -> tuple[str, ...]:
    """The lines of a longer text, each made safe."""
    if not isinstance(value, str):
        return ()
    return tuple(printable(line) for line in value[:limit].splitlines())


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _HIDDEN else character
