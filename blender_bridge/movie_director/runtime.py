# SPDX-License-Identifier: GPL-3.0-or-later
"""The one conversation of this Blender with the host, and the timer that carries it."""

from __future__ import annotations

import atexit
import logging
import os
import shlex
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import bpy

from . import address, api, model, reading
from .bridge import Launch, clean_environment
from .installation import install, remove_unused
from .notices import StatusText
from .pace import Pace
from .project_link import ProjectLink
from .protocol import Refusal
from .session import Link, Session, Then
from .version import VERSION

log = logging.getLogger("movie_director")

PACKAGE = __package__ or "movie_director"
# Between two looks at what has come.
INTERVAL = 0.1
# Between two questions for what is on the screen and comes without news.
ASKING_INTERVAL = 2.0
# A panel that was drawn so recently is on the screen.
ON_SCREEN = 5.0
SPARK = 60


class Runtime:
    """All that is alive between `start` and `stop`. Panels read it and never change it."""

    def __init__(self) -> None:
        self._copy: Path | None = None
        """The copy of the host that this extension starts."""
        self._folder = user_folder()
        self.session: Session = Session(_prepare(self._folder, self._copied), "movie-director", VERSION)
        self.link = ProjectLink(self.session, is_online)
        self.unsaved = uuid.uuid4().hex[:16]
        self.expanded: set[str] = set()
        self.tried: dict[str, model.Tried] = {}
        """What the last test of an address has found, by the backend's id or by the field that it stands in."""
        self.said: dict[str, str] = {}
        """What came of the last click, by the backend's or the job's id."""
        self.health: dict[str, model.Health] = {}
        self.sparks: dict[str, list[float | None]] = {}
        self.health_drawn = float("-inf")
        self.revision = 0
        self.slowest_tick = 0.0
        self.settings_drawn = float("-inf")
        self._health_asked = float("-inf")
        self._settings_asked = float("-inf")
        self._status = StatusText()
        self._status_shown: str | None = None
        self._pace = Pace()
        self._seen: tuple[int, int] = (-1, -1)
        self._signature: tuple[object, ...] = ()
        self._looks = -1
        self._counts = False
        self.session.go_online(is_online())
        self._skip_notices = True
        self.session.on_news.append(self._news)
        self.session.on_open.append(lambda: self.session.ask("drivers.list", None, self._tidy))

    def tick(self) -> float:
        """Called by Blender's timer; an exception would end the timer."""
        began = time.perf_counter()
        try:
            self._tick()
        except Exception:
            log.exception("a tick of Movie Director failed")
        self.slowest_tick = max(self.slowest_tick, time.perf_counter() - began)
        return INTERVAL

    def _tick(self) -> None:
        now = time.monotonic()
        self.session.pump()
        if self.session.go_online(is_online()):
            self.link.refresh()
        if now - self.health_drawn < ON_SCREEN and now - self._health_asked >= ASKING_INTERVAL:
            self._health_asked = now
            self._ask_health()
        if now - self.settings_drawn < ON_SCREEN and now - self._settings_asked >= ASKING_INTERVAL:
            self._settings_asked = now
            self.session.ask("config.show", None, self._configured)
        if bpy.app.background:
            return
        self._show_status(now)
        revisions = (self.session.revision, self.revision)
        if revisions != self._seen:
            self._seen = revisions
            self._signature = self._visible(now)
        counts = int(now) if self._signature and self._signature[0] else 0
        if self._pace.is_due(now, self._signature, counts):
            redraw()

    def _visible(self, now: float) -> tuple[object, ...]:
        """What can be seen, in a form that is cheap to compare. The first part: whether something counts down."""
        world, link = self.session.world, self.session.link
        if world.looks != self._looks:
            self._looks = world.looks
            self._counts = any(one.next_try_at is not None for one in world.backends.values())
        latencies = world.latencies if now - self.health_drawn < ON_SCREEN else 0
        return (self._counts or link.again_at is not None, world.looks, latencies, link, self.revision)

    def _news(self, news: object) -> None:
        if isinstance(news, Link):
            self._skip_notices = not news.is_open
            return
        changes = getattr(news, "changes", ())
        for change in changes:
            value = change.value
            if isinstance(value, model.Backend):
                self._remember_latency(value)
            elif isinstance(value, model.Notice):
                self._status.take(value, time.monotonic())
        if isinstance(news, model.Notice):
            self._status.take(news, time.monotonic())

    def _remember_latency(self, backend: model.Backend) -> None:
        kept = self.sparks.setdefault(backend.id, [])
        latest = backend.latency.last if backend.latency and backend.is_connected else None
        if not kept or kept[-1] != latest:
            kept.append(latest)
            del kept[:-SPARK]

    def _ask_health(self) -> None:
        if not self.session.link.is_open or not self.session.knows("backends.health"):
            return
        for backend in self.session.world.backends.values():
            if backend.is_known:
                self.session.ask("backends.health", {"backend": backend.id}, self._health_answer(backend.id))

    def _health_answer(self, backend: str) -> Then:
        def answered(result: object, refusal: Refusal | None) -> None:
            if refusal is None:
                self.health[backend] = reading.read_health(result)
                self.revision += 1

        return answered

    def _configured(self, result: object, refusal: Refusal | None) -> None:
        before = self.session.configuration
        self.session.configured(result, refusal)
        if self.session.configuration != before:
            self.revision += 1

    def _copied(self, copy: Path) -> None:
        self._copy = copy

    def _tidy(self, result: object, refusal: Refusal | None) -> None:
        """Removes copies that neither this extension nor the host uses: an older one may still have jobs."""
        folder, copy = self._folder, self._copy
        if refusal is None and copy is not None:
            used = reading.read_searched(result)
            work = threading.Thread(target=remove_unused, args=(folder, copy, used), name="movie-director-tidy")
            work.start()

    def _show_status(self, now: float) -> None:
        text = self._status.tick(now)
        if text == self._status_shown or not preferences_allow("show_notices"):
            return
        self._status_shown = text
        for window in bpy.context.window_manager.windows:
            window.workspace.status_text_set(text)

    def say(self, about: str, text: str) -> None:
        """Shows what came of a click, beside what was clicked."""
        self.said[about] = text
        self.revision += 1

    def answered(self, about: str, done: str = "") -> Then:
        """A callback that shows a refusal, or what was done."""

        def answer(_result: object, refusal: Refusal | None) -> None:
            self.say(about, refusal.message if refusal else done)

        return answer

    def close(self) -> None:
        """Ends the conversation."""
        if self._status_shown is not None and not bpy.app.background:
            for window in bpy.context.window_manager.windows:
                window.workspace.status_text_set(None)
        self.session.close()


_running: Runtime | None = None


def running() -> Runtime | None:
    """The running one, if the add-on is on."""
    return _running


def start() -> None:
    """Begins the conversation."""
    global _running
    if _running is not None:
        return
    _running = Runtime()
    api.bind(_running.session)
    atexit.register(stop)
    bpy.app.timers.register(tick, first_interval=INTERVAL, persistent=True)
    _running.session.start()


def stop() -> None:
    """Ends it; may be called twice, as Blender's end and the add-on's come in either order."""
    global _running
    runtime, _running = _running, None
    atexit.unregister(stop)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    api.bind(None)
    if runtime is not None:
        runtime.close()


def tick() -> float | None:
    """The timer's callback."""
    return _running.tick() if _running is not None else None


def redraw() -> None:
    """Draws the sidebars and the preferences anew, wherever they are open."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
            elif area.type == "PREFERENCES":
                area.tag_redraw()


def is_online() -> bool:
    """Whether Blender's switch allows to talk to other machines; before 4.2 there was none."""
    return bool(getattr(bpy.app, "online_access", True))


def may_ask(url: str) -> bool:
    """Whether an address may be asked: this machine always, others only while Blender is online."""
    return is_online() or address.is_here(url)


def preferences_allow(name: str) -> bool:
    """A switch of the add-on's preferences."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return bool(getattr(addon.preferences, name, True)) if addon is not None else True


def user_folder() -> Path:
    """The folder of this add-on that an update leaves alone."""
    if PACKAGE.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(PACKAGE, path="host", create=True))
    return Path(bpy.utils.user_resource("DATAFILES", path="movie_director/host", create=True))


def _prepare(folder: Path, copied: Callable[[Path], None]) -> Callable[[], Launch]:
    """What to start, worked out in the bridge's thread from what is asked of Blender here."""
    bundle = Path(__file__).parent / "bin"
    environment = clean_environment()
    # For those who develop the host: another program, and options for it.
    program = environment.get("MDD_HOST_PROGRAM")
    options = shlex.split(environment.get("MDD_HOST_OPTIONS", ""))

    def prepare() -> Launch:
        if program:
            return Launch([program, "bridge", *options], os.fspath(folder), environment)
        copy = install(bundle, folder)
        copied(copy.host.parent)
        command = [os.fspath(copy.host), "bridge", "--plugins", os.fspath(copy.plugins), *options]
        return Launch(command, os.fspath(folder), environment)

    return prepare
