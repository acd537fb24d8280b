# SPDX-License-Identifier: GPL-3.0-or-later
"""One service: its details, its remedies, its address."""

from __future__ import annotations

import json

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from .. import address, api, reading, runtime, secret
from ..model import Backend, Reason, Remedy
from ..protocol import Refusal
from ..session import Then
from .base import Asks, AsksForAddress, Connected, Items, current, details, kept, kinds

# Remedies that a click carries out. What others ask for is told as text.
CLICKABLE = frozenset(
    {
        "accept",
        "change-setting",
        "continue-process",
        "copy-details",
        "discard",
        "open-docs",
        "resubmit",
        "retry",
        "set-key",
        "set-url",
        "start-hint",
        "switch-to-polling",
        "use-found-endpoint",
    }
)


def can_click(remedy: Remedy) -> bool:
    """Whether a button can carry it out with this host."""
    session = api.current()
    if remedy.action not in CLICKABLE or session is None:
        return False
    if remedy.action == "open-docs":
        return remedy.argument.startswith(("https://", "http://"))
    if remedy.action in ("change-setting", "switch-to-polling"):
        return "=" in remedy.argument and session.knows("config.set")
    if remedy.action == "accept":
        return session.knows("backends.accept")
    if remedy.action == "continue-process":
        return bool(remedy.argument)
    if remedy.action == "use-found-endpoint":
        return bool(remedy.argument) and session.knows("backends.set")
    return True


class MDD_OT_details(bpy.types.Operator):
    """Show or hide the details"""

    bl_idname = "mdd.details"
    bl_label = "Details"
    bl_options = {"INTERNAL"}

    about: StringProperty(options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        running = current()
        running.expanded ^= {self.about}
        running.revision += 1
        return {"FINISHED"}


class MDD_OT_try(Connected, bpy.types.Operator):
    """Try to connect at once"""

    bl_idname = "mdd.try_now"
    bl_label = "Try Now"

    backend: StringProperty(options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        running = current()
        running.session.ask("backends.try", {"backend": self.backend}, running.answered(self.backend))
        return {"FINISHED"}


class MDD_OT_choice(Asks, Connected, bpy.types.Operator):
    """Change how this service is used"""

    bl_idname = "mdd.choice"
    bl_label = "Change"
    bl_options = {"INTERNAL"}
    subject = "backend"

    method: EnumProperty(
        items=[
            ("backends.enable", "Enable", "Connect to this service again"),
            ("backends.disable", "Disable", "Leave this service alone until it is enabled again"),
            ("backends.default", "Use as Default", "Give it the jobs of its kind"),
            ("backends.remove", "Remove", "Forget this address"),
            ("backends.accept", "Connect", "Connect to this service from now on"),
        ],
        options={"SKIP_SAVE"},
    )
    backend: StringProperty(options={"SKIP_SAVE"})


class MDD_OT_copy_details(bpy.types.Operator):
    """Copy what is known of this service, for a report"""

    bl_idname = "mdd.copy_details"
    bl_label = "Copy Details"

    backend: StringProperty(options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        backend = api.backend(self.backend)
        if backend is None:
            self.report({"WARNING"}, "This service is gone")
            return {"CANCELLED"}
        # At once, for whoever pastes at once, and again with the end of the host's log.
        context.window_manager.clipboard = details(backend)
        self.report({"INFO"}, "Details copied")
        running = current()
        if running.session.link.is_open:
            running.session.ask("diagnostics", None, self._with_log(details(backend), backend))
        return {"FINISHED"}

    @staticmethod
    def _with_log(before: str, backend: Backend) -> Then:
        def answered(result: object, refusal: Refusal | None) -> None:
            window_manager = bpy.context.window_manager
            # Something else may have been copied meanwhile.
            if refusal is None and window_manager.clipboard == before:
                window_manager.clipboard = details(backend, result)

        return answered


class MDD_OT_remedy(bpy.types.Operator):
    """Do what helps"""

    bl_idname = "mdd.remedy"
    bl_label = "Help"
    bl_options = {"INTERNAL"}

    backend: StringProperty(options={"SKIP_SAVE"})
    job: StringProperty(options={"SKIP_SAVE"})
    index: IntProperty(options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        remedy = _remedy(properties.backend, properties.job, properties.index)
        return f"{remedy.label}: {remedy.argument}" if remedy and remedy.argument else remedy.label if remedy else ""

    def execute(self, _context: bpy.types.Context) -> set[str]:
        remedy = _remedy(self.backend, self.job, self.index)
        if remedy is None or not can_click(remedy):
            self.report({"INFO"}, "This has changed meanwhile")
            return {"CANCELLED"}
        return self._act(remedy)

    def _act(self, remedy: Remedy) -> set[str]:
        about, action = self.job or self.backend, remedy.action
        running = current()
        answered = running.answered(about)
        if action in ("retry", "resubmit", "discard"):
            if self.job:
                running.session.ask(f"jobs.{action}", {"job": self.job}, answered)
            else:
                running.session.ask("backends.try", {"backend": self.backend}, answered)
        elif action == "accept":
            running.session.ask("backends.accept", {"backend": self.backend}, answered)
        elif action == "use-found-endpoint":
            self._move(remedy, running)
        elif action == "open-docs":
            bpy.ops.wm.url_open(url=remedy.argument)
        elif action == "copy-details":
            bpy.ops.mdd.copy_details(backend=self.backend)
        elif action in ("change-setting", "switch-to-polling"):
            self._set(remedy, running)
        elif action == "set-url" and _knows_addresses():
            bpy.ops.mdd.set_address("INVOKE_DEFAULT", backend=self.backend)
        elif action == "set-key" and (keys := _secrets_of(self.backend)):
            if remedy.argument in keys:
                bpy.ops.mdd.secret("INVOKE_DEFAULT", key=remedy.argument)
            else:
                bpy.ops.preferences.addon_show(module=runtime.PACKAGE)
        else:
            self._copy(remedy, running, about)
        return {"FINISHED"}

    def _move(self, remedy: Remedy, running: runtime.Runtime) -> None:
        if problem := wrong_with(remedy.argument):
            running.say(self.backend, problem)
            return
        params = {"backend": self.backend, "url": remedy.argument}
        running.session.ask("backends.set", params, running.answered(self.backend, "Kept"))
        running.session.ask("config.show", None, running.session.configured)

    def _set(self, remedy: Remedy, running: runtime.Runtime) -> None:
        backend = api.backend(self.backend)
        if backend is None:
            return
        name, _, text = remedy.argument.partition("=")
        params = {"key": f"drivers.{backend.kind}.{name.strip()}", "value": _value(text.strip())}
        running.session.ask("config.set", params, running.answered(self.backend, "Changed"))

    def _copy(self, remedy: Remedy, running: runtime.Runtime, about: str) -> None:
        text = remedy.argument or remedy.label
        bpy.context.window_manager.clipboard = text
        running.say(about, f"Copied: {text}")


def _secrets_of(identity: str) -> list[str]:
    """The settings of the keys that a service may want, unless something wins over them."""
    backend, session = api.backend(identity), api.current()
    if backend is None or session is None or session.configuration is None:
        return []
    kind = next((one for one in session.kinds if one.kind == backend.kind), None)
    kept = secret.places(session.configuration, kind) if kind is not None else []
    return [place.key for place in kept if not place.is_fixed]


def _remedy(backend: str, job: str, index: int) -> Remedy | None:
    owner = api.job(job) if job else api.backend(backend)
    reason: Reason | None = owner.reason if owner is not None else None
    if reason is None or not 0 <= index < len(reason.remedies):
        return None
    return reason.remedies[index]


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _knows_addresses() -> bool:
    session = api.current()
    return session is not None and session.knows("config.show") and session.configuration is not None


@kept
def _kinds(_self: object, _context: object) -> Items:
    return [("auto", "Find Out", "Ask the address what it is"), *kinds()]


class MDD_OT_set_address(AsksForAddress, bpy.types.Operator):
    """Name the address of a service. It is asked first, and kept if it answers as it should"""

    bl_idname = "mdd.set_address"
    bl_label = "Set Address"

    backend: StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    kind: EnumProperty(name="Service", items=_kinds, options={"SKIP_SAVE"})
    url: StringProperty(name="Address", description="Such as 127.0.0.1:8000, or a port alone", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        backend = api.backend(self.backend)
        if backend is not None:
            self.url = self.url or backend.endpoint
            if any(backend.kind == item[0] for item in _kinds(self, context)):
                self.kind = backend.kind
        return super().invoke(context, event)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        url = self.url.strip()
        if problem := wrong_with(url):
            self.report({"ERROR"}, problem)
            return {"CANCELLED"}
        backend = api.backend(self.backend)
        look_at(url, None if self.kind == "auto" else self.kind, backend, self.backend or "address")
        return {"FINISHED"}


def wrong_with(url: str) -> str:
    """Why an address cannot be asked; nothing when it can."""
    if not address.is_plausible(url):
        return "This is no address: it takes the form 127.0.0.1:8000, or a port alone"
    if not runtime.may_ask(url):
        return "Other machines are asked only with Preferences > System > Allow Online Access"
    return ""


def look_at(url: str, kind: str | None, backend: Backend | None, about: str) -> None:
    """Asks an address what it is, and keeps it when it is what it should be."""
    running = current()

    def tested(result: object, refusal: Refusal | None) -> None:
        if refusal is not None:
            running.say(about, refusal.message)
            return
        found = reading.read_tried(url, result)
        running.tried[about] = found
        running.say(about, "")
        if not found.ok:
            return
        if backend is not None and backend.is_known and backend.kind == (kind or found.kind):
            params, method = {"backend": backend.id, "url": url}, "backends.set"
        else:
            params, method = {"kind": found.kind or kind, "url": url}, "backends.add"
        running.session.ask(method, params, running.answered(about, "Kept"))
        running.session.ask("config.show", None, running.session.configured)

    running.say(about, "Asking …")
    running.session.ask("backends.test", {"kind": kind, "url": url}, tested)


class MDD_OT_look_at(Connected, bpy.types.Operator):
    """Ask the address above what it is, and keep it if a service answers"""

    bl_idname = "mdd.look_at"
    bl_label = "Look There"

    def execute(self, context: bpy.types.Context) -> set[str]:
        url = context.window_manager.movie_director_address.strip()
        if problem := wrong_with(url):
            self.report({"WARNING"}, problem)
            return {"CANCELLED"}
        look_at(url, None, None, "address")
        return {"FINISHED"}


class MDD_OT_test(Connected, bpy.types.Operator):
    """Ask this address, without keeping anything"""

    bl_idname = "mdd.test"
    bl_label = "Test"

    about: StringProperty(options={"SKIP_SAVE"})
    kind: StringProperty(options={"SKIP_SAVE"})
    url: StringProperty(options={"SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        running = current()
        if problem := wrong_with(self.url):
            self.report({"WARNING"}, problem)
            return {"CANCELLED"}
        about, url = self.about, self.url

        def tested(result: object, refusal: Refusal | None) -> None:
            if refusal is None:
                running.tried[about] = reading.read_tried(url, result)
            running.say(about, refusal.message if refusal else "")

        running.say(about, "Asking …")
        running.session.ask("backends.test", {"kind": self.kind or None, "url": url}, tested)
        return {"FINISHED"}


CLASSES = (
    MDD_OT_details,
    MDD_OT_try,
    MDD_OT_choice,
    MDD_OT_copy_details,
    MDD_OT_remedy,
    MDD_OT_set_address,
    MDD_OT_look_at,
    MDD_OT_test,
)
