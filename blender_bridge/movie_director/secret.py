# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the secrets of the services are kept. Their values never come here: the host follows the references."""

from __future__ import annotations

from dataclasses import dataclass

from . import words
from .model import Configuration, Kind
from .settings import FIXED

PLACES = {"env": "environment variable", "keyring": "keyring"}


@dataclass(frozen=True)
class Place:
    """A secret by its name, and where it is kept."""

    key: str
    title: str
    variable: str
    """The variable of ours that names it and wins over everything else."""
    reference: str = ""
    """`env:NAME` or `keyring:SERVICE/USER`, when it is kept elsewhere than it is named."""
    named_by: str = ""
    """Who says so; empty when nobody does."""
    problem: str = ""
    """Why it is not known although it was named."""
    is_fixed: bool = False
    """Whether something wins over what is set here."""

    @property
    def shown(self) -> str:
        """All of it in words."""
        if not self.named_by:
            return f"{self.title}: not set; {self.variable} or a reference names it"
        form, _, name = self.reference.partition(":")
        kept = f"in the {PLACES.get(form, form)} {name}, named by the" if name else "set by the"
        return f"{self.title}: {kept} {self.named_by}"


def places(configuration: Configuration, kind: Kind) -> list[Place]:
    """Every secret that a kind may want."""
    return [_place(configuration, kind.kind, name) for name in kind.secrets]


def _place(configuration: Configuration, kind: str, name: str) -> Place:
    key = f"backends.{kind}.{name}"
    variable = f"MDD_{kind}_{name}".upper().replace("-", "_")
    title = name.replace("_", " ").capitalize()
    setting = configuration.get(key)
    if setting is None or setting.origin == "default":
        return Place(key, title, variable)
    where = words.ORIGINS.get(setting.origin, setting.origin)
    shown = setting.value if isinstance(setting.value, str) else ""
    wrong = next((one for one in configuration.problems if one.key == key), None)
    return Place(
        key,
        title,
        variable,
        reference=shown if shown.partition(":")[0] in PLACES else "",
        named_by=f"{where} {setting.source}".strip(),
        problem=f"{wrong.observation}: {wrong.remedy}" if wrong else "",
        is_fixed=setting.origin in FIXED,
    )


def reference(place: str, variable: str, service: str, user: str) -> str | None:
    """What is written into the settings; `None` takes it out of them."""
    if place == "env":
        return f"env:{variable.strip()}"
    if place == "keyring":
        return f"keyring:{service.strip()}/{user.strip()}"
    return None


def parts(reference: str) -> tuple[str, str, str]:
    """The variable, or the service and the user, that a reference names."""
    form, _, rest = reference.partition(":")
    if form == "keyring":
        service, _, user = rest.partition("/")
        return "", service, user
    return (rest, "", "") if form == "env" else ("", "", "")
