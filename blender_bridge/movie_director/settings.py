# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's settings as a form: what kind of field each one is, and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import words
from .model import Configuration, Json, Kind, Setting
from .reading import fields, listed
from .text import printable

TITLES = {
    "health.interval_ms": "Health Interval",
    "discovery.enabled": "Find Services",
    "discovery.interfaces": "Interfaces to Listen at",
    "discovery.lan": "Look in the Network",
    "discovery.mdns": "Listen to Announcements",
    "discovery.sockets": "Look at Open Ports",
    "idle_minutes": "Leave When Idle",
    "plugins": "Plugins Folders",
    "jobs.keep_count": "Keep Jobs at Most",
    "jobs.keep_days": "Keep Jobs for",
}
UNITS = {"_ms": "ms", "_seconds": "s", "_minutes": "min", "_days": "days"}
# Whoever starts the host has said it; a click here would change nothing.
FIXED = frozenset({"environment", "flag"})


@dataclass(frozen=True)
class Field:
    """One row of the form."""

    key: str
    title: str
    form: str
    """`boolean`, `integer`, `number`, `choice`, `text` or `list`."""
    value: Any
    origin: str = "default"
    source: str = ""
    about: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether something wins over what is set here."""
        return self.origin in FIXED

    @property
    def shown(self) -> str:
        """The value in words."""
        if self.secret:
            return "set" if self.value else "not set"
        if isinstance(self.value, bool):
            return "on" if self.value else "off"
        if isinstance(self.value, list):
            return ", ".join(str(item) for item in self.value) or "none"
        if self.value is None or self.value == "":
            return "–"
        unit = next((unit for ending, unit in UNITS.items() if self.key.endswith(ending)), "")
        return printable(f"{self.value} {unit}".strip(), 300)

    @property
    def told_by(self) -> str:
        """Where the value comes from."""
        where = words.ORIGINS.get(self.origin, self.origin)
        return f"{where}: {self.source}" if self.source and self.origin != "default" else where


def of_host(configuration: Configuration) -> list[Field]:
    """Values of the host itself."""
    kept = (one for one in configuration.values if not one.key.startswith(("backends.", "drivers.")))
    return [_field(setting, {}) for setting in kept]


def of_kind(configuration: Configuration, kind: Kind) -> list[Field]:
    """Values of one driver: what its schema declares, with what is set."""
    prefix = f"drivers.{kind.kind}."
    declared = fields(kind.settings.get("properties"))
    known = {one.key: one for one in configuration.values if one.key.startswith(prefix)}
    rows = []
    for name, schema in declared.items():
        shape = fields(schema)
        setting = known.pop(prefix + name, Setting(prefix + name, shape.get("default")))
        rows.append(_field(setting, shape))
    return rows + [_field(setting, {}) for setting in known.values()]


def address_of(configuration: Configuration, kind: str) -> Field | None:
    """The address that is set for a kind."""
    setting = configuration.get(f"backends.{kind}.url")
    return _field(setting, {"type": "string"}) if setting is not None else None


def find(configuration: Configuration, kinds: Iterable[Kind], key: str) -> Field | None:
    """The row with this key."""
    rows = of_host(configuration) + [row for kind in kinds for row in of_kind(configuration, kind)]
    rows += [row for kind in kinds if (row := address_of(configuration, kind.kind)) is not None]
    return next((row for row in rows if row.key == key), None)


def typed(field: Field, text: str) -> Any:
    """What was typed into a text field, as the host takes it."""
    if field.form == "list":
        return [part.strip() for part in text.split(";") if part.strip()]
    return text.strip() or None


def _field(setting: Setting, schema: Json) -> Field:
    choices = tuple(item for item in listed(schema.get("enum")) if isinstance(item, str))
    name = setting.key.rpartition(".")[2]
    title = TITLES.get(setting.key) or printable(schema.get("title"), 100) or name.replace("_", " ").title()
    return Field(
        key=setting.key,
        title=title,
        form="choice" if choices else _form(schema.get("type"), setting.value),
        value=setting.value,
        origin=setting.origin,
        source=setting.source,
        about=printable(schema.get("description")),
        least=_bound(schema, "minimum"),
        most=_bound(schema, "maximum"),
        choices=choices,
        secret=setting.secret,
    )


def _bound(schema: Json, name: str) -> float | None:
    value = schema.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _form(declared: Any, value: Any) -> str:
    if declared in ("boolean", "integer", "number"):
        return str(declared)
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "list" if declared == "array" or isinstance(value, list) else "text"
