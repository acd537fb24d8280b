# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host tells, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

OPEN_JOBS = frozenset({"held", "queued", "submitting", "running", "fetching"})


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that helps, drawn as a button."""

    action: str
    label: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is not simply fine."""

    code: str
    observation: str
    meaning: str = ""
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """Response times in milliseconds."""

    last: float
    p50: float
    p95: float
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A processor of a backend; memory in bytes."""

    name: str
    memory_total: int | None = None
    memory_free: int | None = None


@dataclass(frozen=True, slots=True)
class Mishap:
    """One entry of a backend's history of errors."""

    at: str
    code: str
    observation: str


@dataclass(frozen=True, slots=True)
class Uptime:
    """Shares of time, from 0 to 1."""

    session: float | None = None
    hour: float | None = None
    day: float | None = None


@dataclass(frozen=True, slots=True)
class Backend:
    """One service at one address, or a kind of which no service is known."""

    id: str
    kind: str
    title: str
    state: str
    detail: str
    endpoint: str = ""
    origin: str = ""
    since: str = ""
    reason: Reason | None = None
    attempt: int = 0
    next_try_at: float | None = None
    """On this machine's monotonic clock."""
    version: str = ""
    flavour: str = ""
    running: int | None = None
    pending: int | None = None
    latency: Latency | None = None
    devices: tuple[Device, ...] = ()
    models: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    icon: str = ""
    attribution: str = ""
    is_default: bool = False
    projects: tuple[str, ...] = ()
    needs_word: bool = False
    uptime: Uptime | None = None
    reconnects: int | None = None
    mishaps: tuple[Mishap, ...] = ()
    process: int | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it can be used."""
        return self.state == "connected"

    @property
    def is_known(self) -> bool:
        """Whether there is a service at all, and not only a driver for one."""
        return bool(self.endpoint)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A result in the folder of a job."""

    path: str
    role: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; `total` is 0 when nobody knows."""

    step: float
    total: float
    detail: str = ""

    @property
    def share(self) -> float | None:
        """From 0 to 1."""
        return min(max(self.step / self.total, 0.0), 1.0) if self.total > 0 else None


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work."""

    id: str
    kind: str
    state: str
    operation: str = ""
    backend: str = ""
    reason: Reason | None = None
    created: str = ""
    since: str = ""
    progress: Progress | None = None
    queue_place: int | None = None
    text: str = ""
    preview: str = ""
    previews: int = 0
    results: tuple[ResultFile, ...] = ()
    folder: str = ""

    @property
    def is_open(self) -> bool:
        """Whether something still happens by itself, or waits for the user's word."""
        return self.state in OPEN_JOBS


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for people."""

    at: str
    text: str
    backend: str = ""
    severity: str = "info"


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it in one word and one sentence."""

    severity: str = "attention"
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a driver declares about the services that it drives."""

    kind: str
    title: str
    icon: str = ""
    makes: tuple[str, ...] = ()
    default_ports: tuple[int, ...] = ()
    start_hint: str = ""
    operations: tuple[tuple[str, str], ...] = ()
    """Name and title."""
    settings: Json = field(default_factory=dict)
    """JSON Schema of an object."""
    secrets: tuple[str, ...] = ()
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the host with where it comes from."""

    key: str
    value: Any
    origin: str = "default"
    source: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in the configuration that cannot be used."""

    key: str
    source: str
    observation: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """All values of the host."""

    file: str = ""
    values: tuple[Setting, ...] = ()
    problems: tuple[Trouble, ...] = ()

    def get(self, key: str) -> Setting | None:
        """The value with that key."""
        return next((setting for setting in self.values if setting.key == key), None)


@dataclass(frozen=True, slots=True)
class Tried:
    """What `backends.test` found at an address."""

    url: str
    ok: bool
    kind: str = ""
    title: str = ""
    version: str = ""
    flavour: str = ""
    latency_ms: float | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The history of one backend."""

    uptime: Uptime | None = None
    latency: Latency | None = None
    reconnects: int | None = None
    mishaps: tuple[Mishap, ...] = ()
    latencies: tuple[float | None, ...] = ()
    """Second by second, the oldest first."""
