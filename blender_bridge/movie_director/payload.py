# SPDX-License-Identifier: GPL-3.0-or-later
"""Payloads of jobs from files and text blocks, with the files that they mention."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

MENTION = "mdd-file:"
EXAMPLES = Path(__file__).parent / "examples"
LONGEST = 4 << 20


class PayloadError(Exception):
    """What is wrong with it, in a sentence for people."""


def parse(text: str, name: str) -> Any:
    """The payload that `text` is; `name` says where it comes from."""
    if not text.strip():
        raise PayloadError(f"{name} is empty")
    if len(text) > LONGEST:
        raise PayloadError(f"{name} is larger than 4 MB")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise PayloadError(f"{name} is no JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"{name} is no JSON that can be sent: {error}") from error


@cache
def example(kind: str) -> str:
    """A small payload for a kind; empty for a kind that came without one."""
    file = next((file for file in EXAMPLES.glob("*.json") if file.stem == kind), None)
    return file.read_text(encoding="utf-8") if file is not None else ""


def read(file: Path) -> Any:
    """The payload in a file."""
    try:
        if file.stat().st_size > LONGEST:
            raise PayloadError(f"{file.name} is larger than 4 MB")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PayloadError(f"{file.name or 'The file'} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PayloadError(f"{file.name} is no text in UTF-8") from error
    return parse(text, file.name)


def attached(payload: Any, folder: Path | None, chosen: Path | None) -> dict[str, str]:
    """The files that a payload mentions: beside it in `folder`, or the one that was `chosen` for what is not there."""
    found: dict[str, str] = {}
    missing: list[str] = []
    for name in dict.fromkeys(_mentions(payload)):
        beside = folder / name if folder is not None and Path(name).name == name else None
        if beside is not None and beside.is_file():
            found[name] = str(beside)
        else:
            missing.append(name)
    if missing and chosen is not None and chosen.is_file():
        found[missing.pop(0)] = str(chosen)
    if missing:
        where = f" in {folder.name}" if folder is not None else ""
        raise PayloadError(f"It mentions the file {missing[0]}, which is not there{where}: choose it as the attachment")
    return found


def _mentions(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(MENTION):
            yield value[len(MENTION) :]
    elif isinstance(value, dict):
        for item in value.values():
            yield from _mentions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _mentions(item)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
