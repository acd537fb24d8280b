# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation with the host: who it is, what it knows, what was asked of it.

Everything here runs in the thread that calls `pump`, which never waits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import model, protocol, reading
from .bridge import Bridge, Down, Event, Launch, Up
from .heartbeat import Heartbeat
from .protocol import Answer, Changes, HostAgain, Noise, Refusal, Snapshot
from .text import printable
from .world import World

log = logging.getLogger("movie_director")

# The most time that a call of `pump` takes, in seconds.
BUDGET = 0.001
# Requests that are open longer have no answer.
LONGEST_WAIT = 120.0

Then = Callable[[Any, Refusal | None], None]


@dataclass(frozen=True, slots=True)
class Link:
    """How the connection to the host stands."""

    state: str
    """`off`, `starting`, `open`, `silent`, `again` or `failed`."""
    reason: str = ""
    again_at: float | None = None
    host: int | None = None
    version: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the host answers."""
        return self.state == "open"


@dataclass(slots=True)
class _Asked:
    method: str
    at: float
    then: Then | None


class Session:
    """One connection to the host, from start to close."""

    def __init__(self, prepare: Callable[[], Launch], client: str, version: str) -> None:
        self.world = World()
        self.link = Link("off")
        self.kinds: tuple[model.Kind, ...] = ()
        self.configuration: model.Configuration | None = None
        self.project = ""
        """The project that is open here: those of other Blenders are theirs."""
        self.at_the_end: list[tuple[str, Any]] = []
        """What is said to the host before the connection is closed."""
        self.on_open: list[Callable[[], None]] = []
        """Called whenever there is a host that knows nothing of us yet."""
        self.on_news: list[Callable[[object], None]] = []
        """Called with what is new: a `Snapshot`, `Changes`, a `Notice` or a `Link`. After a snapshot each `Job`
        follows that has ended meanwhile."""
        self.revision = 0
        """Grows with whatever could be seen."""
        self.slowest_pump = 0.0
        self.noise = 0
        self._bridge = Bridge(prepare)
        self._hello: dict[str, Any] = {"protocol": protocol.VERSION, "client": client, "version": version}
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._unknown: set[str] = set()
        self._heartbeat = Heartbeat()
        self._resynchronising = False

    def go_online(self, online: bool) -> bool:
        """Whether Blender's switch allows to talk to other machines: the host listens to none while it does not. False
        when that was known."""
        if self._hello.get("online", True) == online:
            return False
        self._hello["online"] = online
        # Without a host it is part of the first greeting.
        self.ask("hello", self._hello)
        return True

    def start(self) -> None:
        """Starts the bridge in the background."""
        self._set_link(Link("starting"))
        self._bridge.start()

    def close(self) -> None:
        """Ends the connection; the host goes too unless somebody else or a job still needs it."""
        last = b""
        for method, params in [*self.at_the_end, ("host.dismiss", None)] if self.link.is_open else ():
            self._number += 1
            last += protocol.request(self._number, method, params)
        self._bridge.close(last or None)
        self._fail_all(Refusal(protocol.HOST_LOST, "the connection was closed"))
        self._set_link(Link("off"))

    def start_again(self) -> None:
        """Tries again at once, whatever happened before."""
        self._bridge.start_again()
        self._set_link(Link("starting"))

    @property
    def bridge_process(self) -> int | None:
        """The process id of the bridge."""
        return self._bridge.process

    @property
    def waiting(self) -> int:
        """Updates and answers that have come and were not looked at yet."""
        return len(self._bridge.incoming)

    @property
    def last_words(self) -> tuple[str, ...]:
        """The end of the bridge's log."""
        return self._bridge.last_words

    def knows(self, method: str) -> bool:
        """Whether this host may have that method: an older one does not."""
        return method not in self._unknown

    def ask(self, method: str, params: Any = None, then: Then | None = None) -> None:
        """Sends a request; `then` gets its result or its refusal in a later `pump`."""
        self._number += 1
        number = self._number
        try:
            line = protocol.request(number, method, params)
        except (TypeError, ValueError) as error:
            self._finish(_Asked(method, 0.0, then), None, Refusal(0, f"it cannot be sent: {error}"))
            return
        if not self._bridge.send(line):
            self._finish(_Asked(method, 0.0, then), None, Refusal(protocol.HOST_LOST, "mdd-host is not connected"))
            return
        self._asked[number] = _Asked(method, time.monotonic(), then)

    def pump(self, budget: float = BUDGET) -> None:
        """Takes in what has come, for `budget` seconds at the most; the rest stays for the next call."""
        began = time.perf_counter()
        until = began + budget
        incoming = self._bridge.incoming
        while (event := incoming.take()) is not None:
            self._take(event)
            if time.perf_counter() >= until:
                break
        else:
            self._look_at_the_clock(time.monotonic())
        self.slowest_pump = max(self.slowest_pump, time.perf_counter() - began)

    def _take(self, event: Event) -> None:
        if isinstance(event, Changes):
            if not self.world.apply(event):
                self._resynchronise()
            self._tell(event)
        elif isinstance(event, Answer):
            asked = self._asked.pop(event.id, None)
            if asked is not None:
                self._finish(asked, event.result, event.refusal)
        elif isinstance(event, Snapshot):
            ended = self.world.replace(event)
            self._tell(event)
            for job in ended:
                self._tell(job)
        elif isinstance(event, Up):
            self._greet()
        elif isinstance(event, Down):
            self._lost(event)
        elif isinstance(event, HostAgain):
            self.world.notices.append(event.notice)
            self._tell(event.notice)
            self._greet()
        elif isinstance(event, Noise):
            self.noise += 1
            log.debug("a line that means nothing: %s", event.line)

    def _greet(self) -> None:
        """There is a host that does not know us, or it may be another than before."""
        self._unknown.clear()
        self._heartbeat.forget()
        self.ask("hello", self._hello, self._greeted)
        self.ask("subscribe")
        self.ask("drivers.describe", None, self._described)
        self.ask("config.show", None, self.configured)

    def _greeted(self, result: Any, refusal: Refusal | None) -> None:
        if refusal is not None:
            if refusal.code != protocol.HOST_LOST:
                self._set_link(Link("failed", refusal.message))
            return
        known = reading.fields(result)
        version = printable(known.get("version"), 60)
        self._set_link(Link("open", host=reading.count(known.get("pid")), version=version))
        for call in list(self.on_open):
            safely(call)

    def _described(self, result: Any, refusal: Refusal | None) -> None:
        if refusal is None:
            self.kinds = reading.read_kinds(result)
            self.revision += 1

    def configured(self, result: Any, refusal: Refusal | None) -> None:
        """Takes an answer of `config.show` or `config.set`."""
        if refusal is None:
            self.configuration = reading.read_configuration(result)
            self.revision += 1

    def _lost(self, down: Down) -> None:
        self._fail_all(Refusal(protocol.HOST_LOST, "the connection to mdd-host broke before it answered"))
        if down.again_in is None:
            self._set_link(Link("failed", down.reason))
        else:
            self._set_link(Link("again", down.reason, time.monotonic() + down.again_in))

    def _fail_all(self, refusal: Refusal) -> None:
        asked, self._asked = self._asked, {}
        for request in asked.values():
            self._finish(request, None, refusal)

    def _finish(self, asked: _Asked, result: Any, refusal: Refusal | None) -> None:
        if refusal is not None and refusal.is_unknown_method:
            self._unknown.add(asked.method)
            self.revision += 1
        then = asked.then
        if then is not None:
            safely(lambda: then(result, refusal))

    def _resynchronise(self) -> None:
        if self._resynchronising:
            return
        self._resynchronising = True
        self.ask("snapshot", None, self._resynchronised)

    def _resynchronised(self, result: Any, refusal: Refusal | None) -> None:
        self._resynchronising = False
        if refusal is None:
            self._take(protocol.read_snapshot(result))

    def _look_at_the_clock(self, now: float) -> None:
        if self.link.state not in ("open", "silent"):
            return
        heard = self._bridge.heard
        is_busy = any(asked.method != "ping" for asked in self._asked.values())
        if self._heartbeat.stands_still(now, heard, is_busy=is_busy):
            if self.link.is_open:
                host, version = self.link.host, self.link.version
                self._set_link(Link("silent", "mdd-host runs and does not answer", None, host, version))
        elif self.link.state == "silent":
            self._set_link(Link("open", host=self.link.host, version=self.link.version))
        if self._heartbeat.is_due(now, heard):
            self._heartbeat.asked(now)
            self.ask("ping")
        for number in [number for number, asked in self._asked.items() if now - asked.at > LONGEST_WAIT]:
            self._finish(self._asked.pop(number), None, Refusal(protocol.NO_ANSWER, "mdd-host gave no answer"))

    def _set_link(self, link: Link) -> None:
        self.link = link
        self._tell(link)

    def _tell(self, news: object) -> None:
        self.revision += 1
        for call in list(self.on_news):
            safely(partial(call, news))


def safely(call: Callable[[], None]) -> None:
    """Calls a part that may fail without taking the others with it."""
    try:
        call()
    except Exception:
        log.exception("a part of Movie Director failed on news of the host")
