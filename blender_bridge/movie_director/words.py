# SPDX-License-Identifier: GPL-3.0-or-later
"""States and numbers in words for people. What is shown by a colour is always said by a word too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timezone

from .model import Backend, Job

STATES = {
    "connected": "Connected",
    "connecting": "Connecting",
    "disconnected": "Disconnected",
    "disabled": "Disabled",
}
DETAILS = {
    "ready": "",
    "busy": "busy",
    "degraded": "a part is missing",
    "unresponsive": "no answer just now",
    "suspended": "its process is stopped",
    "dial": "opening a connection",
    "identify": "asking what it is",
    "check": "waiting for its first answer",
    "watch": "opening live updates",
    "waiting": "",
    "refused": "needs you",
    "off": "",
}
JOB_STATES = {
    "held": "Held",
    "queued": "Waiting",
    "submitting": "Sending",
    "running": "Running",
    "fetching": "Fetching Results",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "lost": "Lost",
    "unknown": "Unknown",
}
ORIGINS = {
    "default": "built in",
    "file": "settings file",
    "project": "this project",
    "environment": "environment",
    "flag": "command line",
    "default-port": "found at a usual port",
    "socket": "found on this machine",
    "mdns": "found in the network",
    "missing": "not found",
}


def state(backend: Backend, now: float) -> str:
    """The state in words, with its detail: `Disconnected, next try in 4 s`."""
    if not backend.is_known and backend.state == "disconnected":
        return "Not running"
    word = STATES.get(backend.state, backend.state.capitalize())
    detail = _detail(backend, now)
    return f"{word}, {detail}" if detail else word


def _detail(backend: Backend, now: float) -> str:
    if backend.detail == "busy":
        return queue(backend) or "busy"
    if backend.detail == "waiting" and backend.next_try_at is not None:
        left = seconds_left(backend.next_try_at, now)
        return f"next try in {duration(left)}" if left > 0 else "trying now"
    return DETAILS.get(backend.detail, backend.detail)


def queue(backend: Backend) -> str:
    """What it has to do: `1 running, 2 waiting`."""
    if backend.running is None:
        return ""
    parts = [f"{backend.running} running"] + ([f"{backend.pending} waiting"] if backend.pending else [])
    return ", ".join(parts)


def seconds_left(until: float, now: float) -> int:
    """Whole seconds, counted as a clock does."""
    return max(0, math.ceil(until - now))


def duration(seconds: float) -> str:
    """`8 s`, `3 min`, `2 h`, `5 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


def ago(moment: str, now: datetime | None = None) -> str:
    """How long a moment of the host's is past: `3 min ago`; empty when it cannot be read."""
    try:
        at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    except ValueError:
        return ""
    if at.tzinfo is None:
        return ""
    passed = ((now or datetime.now(timezone.utc)) - at).total_seconds()
    return f"{duration(max(passed, 0.0))} ago"


def makes(words: Iterable[str]) -> str:
    """`Images, video and sound`."""
    plural = {"image": "images", "voice": "voices"}
    named = [plural.get(word, word) for word in words]
    if not named:
        return ""
    text = named[0] if len(named) == 1 else ", ".join(named[:-1]) + " and " + named[-1]
    return text[0].upper() + text[1:]


def milliseconds(value: float | None) -> str:
    """`1.8 ms`, `240 ms`, `3.1 s`."""
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def percent(share: float | None) -> str:
    """`99.5 %`; never 100 for what was not always so."""
    if share is None:
        return "–"
    tenths = math.floor(share * 1000 + 1e-9)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


def size(count: float) -> str:
    """`1.2 GB`, in thousands."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("the last unit takes all")


def job(job: Job) -> str:
    """Where a job stands: `Running, 3 of 20: KSampler`."""
    word = JOB_STATES.get(job.state, job.state.capitalize())
    if job.state == "running" and job.progress is not None:
        progress = job.progress
        steps = f"{progress.step:g} of {progress.total:g}" if progress.total > 0 else ""
        return ", ".join(part for part in (word, steps, progress.detail) if part)
    if job.is_open and job.queue_place is not None:
        return f"{word}, {job.queue_place} before it" if job.queue_place else f"{word}, next in line"
    return word


def wrap(text: str, width: float, measure: Callable[[str], float], most: int = 12) -> list[str]:
    """Lines no wider than `width`, of at most `most`; the last one ends with `…` when there is more."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for part in _fitting(word, width, measure):
            candidate = f"{line} {part}" if line else part
            if line and measure(candidate) > width:
                lines.append(line)
                line = part
            else:
                line = candidate
    if line:
        lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1] + " …"]
    return lines


def _fitting(word: str, width: float, measure: Callable[[str], float]) -> Iterable[str]:
    """The word, or its parts where it alone is too wide."""
    while len(word) > 1 and measure(word) > width:
        kept = max(1, int(len(word) * width / measure(word)))
        while kept > 1 and measure(word[:kept]) > width:
            kept -= 1
        yield word[:kept]
        word = word[kept:]
    yield word


_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Iterable[float | None], width: int = 20) -> str:
    """The last `width` values as a row of blocks; a gap where there was no answer."""
    kept = list(values)[-width:]
    known = [value for value in kept if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    # A tenth of the value is no hill.
    spread = max(high - low, high * 0.1, 1e-9)
    return "".join("·" if value is None else _BLOCKS[min(7, int((value - low) / spread * 7.999))] for value in kept)
