# SPDX-License-Identifier: GPL-3.0-or-later
"""Values out of JSON. Unknown fields are passed over, and what is missing or makes no sense has a quiet default."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .model import (
    Backend,
    Configuration,
    Device,
    Health,
    Job,
    Json,
    Kind,
    Latency,
    Mishap,
    Notice,
    Progress,
    Reason,
    Remedy,
    ResultFile,
    Setting,
    Summary,
    Tried,
    Trouble,
    Uptime,
)
from .text import printable

T = TypeVar("T")


def words(value: Any, limit: int = 100) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(printable(item, limit) for item in listed(value) if isinstance(item, str))


def listed(value: Any) -> list[Any]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def fields(value: Any) -> Json:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def number(value: Any) -> float | None:
    """`value` if it is a number that one can count with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if -1e300 < result < 1e300 else None


def count(value: Any) -> int | None:
    """`value` if it counts something."""
    counted = number(value)
    return None if counted is None or counted < 0 else int(counted)


def every(value: Any, read: Callable[[Json], T | None]) -> tuple[T, ...]:
    """The objects of a list that can be read."""
    read_ones = (read(item) for item in listed(value) if isinstance(item, dict))
    return tuple(item for item in read_ones if item is not None)


def read_reason(value: Any) -> Reason | None:
    """A reason, or none."""
    if not isinstance(value, dict):
        return None
    return Reason(
        code=printable(value.get("code"), 100),
        observation=printable(value.get("observation")),
        meaning=printable(value.get("meaning")),
        remedies=every(value.get("remedies"), _read_remedy),
    )


def _read_remedy(value: Json) -> Remedy | None:
    action, label = printable(value.get("action"), 100), printable(value.get("label"), 500)
    return Remedy(action, label, printable(value.get("argument"))) if action and label else None


def read_latency(value: Any) -> Latency | None:
    """Response times, or none."""
    known = fields(value)
    last, p50, p95 = (number(known.get(name)) for name in ("last", "p50", "p95"))
    if last is None:
        return None
    return Latency(last, last if p50 is None else p50, last if p95 is None else p95, number(known.get("p99")))


def read_uptime(value: Any) -> Uptime | None:
    """Shares of time, or none."""
    if not isinstance(value, dict):
        return None
    return Uptime(*(number(value.get(name)) for name in ("session", "hour", "day")))


def read_mishap(value: Json) -> Mishap | None:
    """One error of the past."""
    observation = printable(value.get("observation"))
    return Mishap(printable(value.get("at"), 40), printable(value.get("code"), 100), observation)


def _read_device(value: Json) -> Device | None:
    name = printable(value.get("name"), 200)
    return Device(name, count(value.get("memory_total")), count(value.get("memory_free")))


def read_backend(value: Any) -> Backend | None:
    """A backend; none without an id."""
    known = fields(value)
    identity = known.get("id")
    if not isinstance(identity, str) or not identity:
        return None
    queue, process = fields(known.get("queue")), fields(known.get("process"))
    next_try = number(known.get("next_try_ms"))
    return Backend(
        id=identity,
        kind=printable(known.get("kind"), 64),
        title=printable(known.get("title"), 100) or printable(known.get("kind"), 64),
        state=printable(known.get("state"), 32),
        detail=printable(known.get("detail"), 32),
        endpoint=printable(known.get("endpoint"), 300),
        origin=printable(known.get("origin"), 32),
        since=printable(known.get("since"), 40),
        reason=read_reason(known.get("reason")),
        attempt=count(known.get("attempt")) or 0,
        next_try_at=None if next_try is None else time.monotonic() + next_try / 1000,
        version=printable(known.get("version"), 60),
        flavour=printable(known.get("flavour"), 60),
        running=count(queue.get("running")),
        pending=count(queue.get("pending")),
        latency=read_latency(known.get("latency_ms")),
        devices=every(known.get("devices"), _read_device),
        models=tuple(printable(fields(model).get("name"), 200) for model in listed(known.get("models"))),
        makes=words(known.get("makes")),
        icon=printable(known.get("icon"), 64),
        attribution=printable(known.get("attribution"), 300),
        is_default=known.get("is_default") is True,
        projects=words(known.get("projects")),
        needs_word=known.get("needs_word") is True,
        uptime=read_uptime(known.get("uptime")),
        reconnects=count(known.get("reconnects")),
        mishaps=every(known.get("last_errors"), read_mishap),
        process=count(process.get("pid")),
    )


def _read_result(value: Json) -> ResultFile | None:
    path = value.get("path")
    if not isinstance(path, str) or not path:
        return None
    return ResultFile(path, printable(value.get("role"), 60), count(value.get("bytes")) or 0)


def _read_progress(value: Any) -> Progress | None:
    known = fields(value)
    step, total = number(known.get("step")), number(known.get("total"))
    return None if step is None else Progress(step, total or 0.0, printable(known.get("detail"), 200))


def read_job(value: Any) -> Job | None:
    """A job; none without an id."""
    known = fields(value)
    identity = known.get("id")
    if not isinstance(identity, str) or not identity:
        return None
    text, folder, preview, backend = (_text(known.get(name)) for name in ("text", "folder", "preview", "backend"))
    return Job(
        id=identity,
        kind=printable(known.get("kind"), 64),
        state=printable(known.get("state"), 32),
        operation=printable(known.get("operation"), 100),
        backend=backend,
        reason=read_reason(known.get("reason")),
        created=printable(known.get("created"), 40),
        since=printable(known.get("since"), 40),
        progress=_read_progress(known.get("progress")),
        queue_place=count(known.get("queue_place")),
        text=text,
        preview=preview,
        previews=count(known.get("previews")) or 0,
        results=every(known.get("results"), _read_result),
        folder=folder,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def read_notice(value: Any) -> Notice | None:
    """A message; none without a text."""
    known = fields(value)
    text = printable(known.get("text"))
    if not text:
        return None
    severity = printable(known.get("severity"), 32) or "info"
    return Notice(printable(known.get("at"), 40), text, _text(known.get("backend")), severity)


def read_summary(value: Any) -> Summary:
    """The word and the sentence."""
    known = fields(value)
    return Summary(printable(known.get("severity"), 32) or "attention", printable(known.get("sentence")))


def read_kinds(value: Any) -> tuple[Kind, ...]:
    """The answer to `drivers.describe`."""
    return every(fields(value).get("kinds"), _read_kind)


def _read_kind(value: Json) -> Kind | None:
    kind = printable(value.get("kind"), 64)
    if not kind:
        return None
    ports = (count(port) for port in listed(value.get("default_ports")))
    return Kind(
        kind=kind,
        title=printable(value.get("title"), 100) or kind,
        icon=printable(value.get("icon"), 64),
        makes=words(value.get("makes")),
        default_ports=tuple(port for port in ports if port),
        start_hint=printable(value.get("start_hint")),
        operations=tuple(_operations(value.get("operations"))),
        settings=fields(value.get("settings")),
        secrets=tuple(_names(value.get("secrets"))),
        attribution=printable(value.get("attribution"), 300),
    )


def _operations(value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for name, declared in value.items():
            yield name, printable(fields(declared).get("title"), 100) or name
    for item in listed(value):
        if isinstance(item, str):
            yield item, item
        elif isinstance(item, dict) and isinstance(item.get("name"), str):
            yield item["name"], printable(item.get("title"), 100) or item["name"]


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        yield from (printable(name, 64) for name in value)
    yield from words(value, 64)


def read_searched(value: Any) -> tuple[str, ...]:
    """The folders in which the host looks for drivers, out of the answer to `drivers.list`."""
    return tuple(_text(one.get("folder")) for one in map(fields, listed(fields(value).get("searched"))))


def read_configuration(value: Any) -> Configuration:
    """The answer to `config.show`."""
    known = fields(value)
    return Configuration(
        file=printable(known.get("file")),
        values=every(known.get("values"), _read_setting),
        problems=every(known.get("problems"), _read_trouble),
    )


def _read_setting(value: Json) -> Setting | None:
    key = printable(value.get("key"), 200)
    if not key:
        return None
    origin, source = printable(value.get("origin"), 32), printable(value.get("source"))
    return Setting(key, value.get("value"), origin or "default", source, value.get("secret") is True)


def _read_trouble(value: Json) -> Trouble | None:
    return Trouble(
        key=printable(value.get("key"), 200),
        source=printable(value.get("source")),
        observation=printable(value.get("observation")),
        remedy=printable(value.get("remedy")),
    )


def read_tried(url: str, value: Any) -> Tried:
    """The answer to `backends.test`."""
    known = fields(value)
    return Tried(
        url=url,
        ok=known.get("ok") is True,
        kind=printable(known.get("kind"), 64),
        title=printable(known.get("title"), 100),
        version=printable(known.get("version"), 60),
        flavour=printable(known.get("flavour"), 60),
        latency_ms=number(known.get("latency_ms")),
        reason=read_reason(known.get("reason")),
    )


def read_health(value: Any) -> Health:
    """The answer to `backends.health`."""
    known = fields(value)
    seconds = listed(fields(known.get("series")).get("seconds"))
    points = [point for one in seconds if (point := _point(one)) is not None]
    points.sort(key=lambda point: -point[0])
    return Health(
        uptime=read_uptime(known.get("uptime")),
        latency=read_latency(known.get("latency_ms")),
        reconnects=count(known.get("reconnects")),
        mishaps=every(known.get("errors"), read_mishap),
        latencies=tuple(latency for _, latency in points),
    )


def _point(value: Any) -> tuple[float, float | None] | None:
    """Age and response time; no time while it was down, and nothing at all of a second in which nobody asked."""
    age, latency, up = (number(part) for part in [*listed(value)[:3], None, None, None][:3])
    if age is None or (latency is None and (up is None or up >= 1)):
        return None
    return age, latency
