# SPDX-License-Identifier: GPL-3.0-or-later
"""The process `mdd-host bridge` and the threads that wait for it, so that Blender never does.

Threads touch pipes and queues only. What they read waits in a bounded inbox: when nobody takes from it, the pipe fills
and the host keeps the news.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from . import protocol
from .inbox import Inbox
from .restarts import Restarts
from .text import printable

# Changes that wait for Blender, and requests that wait for the host.
INCOMING = 256
OUTGOING = 1024
# How long a blocked thread goes without a look whether it is still wanted.
LOOK = 0.2
# What the bridge may take to end by itself once its input has ended.
GRACE = 1.0


@dataclass(frozen=True)
class Launch:
    """What to start."""

    command: Sequence[str]
    folder: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Up:
    """The bridge has been started."""

    process: int


@dataclass(frozen=True)
class Down:
    """The bridge has ended, or could not be started. `again_in`: seconds until the next start, `None` for never."""

    reason: str
    again_in: float | None


Event = Up | Down | protocol.Incoming


class LaunchError(Exception):
    """The host cannot be started; the text says why, in a sentence for people."""


class Bridge:
    """Keeps one bridge running until it is closed."""

    def __init__(self, prepare: Callable[[], Launch]) -> None:
        """`prepare` is called in a thread before each start, as it may take time."""
        self.incoming: Inbox[Event] = Inbox(INCOMING)
        self.heard = time.monotonic()
        """When the last line came."""
        self._prepare = prepare
        self._restarts = Restarts()
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._outgoing: queue.Queue[bytes | None] = queue.Queue(OUTGOING)
        self._last_words: deque[str] = deque(maxlen=40)
        self._thread = threading.Thread(target=self._supervise, name="movie-director-bridge", daemon=True)

    def start(self) -> None:
        """Starts the bridge, in the background."""
        self._thread.start()

    def send(self, line: bytes) -> bool:
        """Hands a line over without waiting; `False` when there is nobody to take it."""
        with self._lock:
            if self._process is None:
                return False
            try:
                self._outgoing.put_nowait(line)
            except queue.Full:
                return False
            return True

    def start_again(self) -> None:
        """Forgives all that happened and starts at once, ending a bridge that still runs."""
        self._restarts.forgive()
        with self._lock:
            process = self._process
        if process is not None:
            process.kill()
        self._wake.set()

    @property
    def process(self) -> int | None:
        """The process id of the running bridge."""
        with self._lock:
            return self._process.pid if self._process is not None else None

    @property
    def last_words(self) -> tuple[str, ...]:
        """The end of what it wrote to its log."""
        return tuple(self._last_words)

    def close(self, last: bytes | None = None) -> None:
        """Says `last`, ends the bridge and every thread, and may be called twice."""
        self._closing.set()
        self._wake.set()
        with self._lock:
            process = self._process
        if last is not None:
            self.send(last)
        with contextlib.suppress(queue.Full):
            self._outgoing.put(None, timeout=LOOK)
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            # Its reader may wait for room.
            deadline = time.monotonic() + 3 * GRACE
            while self._thread.is_alive() and time.monotonic() < deadline:
                self._make_room()
                self._thread.join(LOOK / 4)

    def _make_room(self) -> None:
        while True:
            if self.incoming.take() is None:
                return

    def _supervise(self) -> None:
        while not self._closing.is_set():
            reason = self._live_once()
            if self._closing.is_set():
                return
            pause = self._restarts.ended(time.monotonic())
            self._wake.clear()
            if self._closing.is_set():
                return
            self._put(Down(reason, pause))
            self._wake.wait(pause)

    def _live_once(self) -> str:
        """One life of the bridge; the reason why it has ended."""
        try:
            launch = self._prepare()
            process = _spawn(launch)
        except LaunchError as error:
            return str(error)
        except PermissionError as error:
            return f"mdd-host could not be started: the system does not let it run ({error.filename})"
        except OSError as error:
            return f"mdd-host could not be started: {error.strerror or error}"
        outgoing: queue.Queue[bytes | None] = queue.Queue(OUTGOING)
        self._last_words.clear()
        with self._lock:
            self._process, self._outgoing = process, outgoing
        if self._closing.is_set():
            # It was closed during the start, and nobody else knows this process.
            outgoing.put(None)
        self.heard = time.monotonic()
        helpers = [
            threading.Thread(target=_write, args=(process.stdin, outgoing), name="movie-director-writer", daemon=True),
            threading.Thread(target=self._listen, args=(process.stderr,), name="movie-director-log", daemon=True),
        ]
        for helper in helpers:
            helper.start()
        self._put(Up(process.pid))
        try:
            self._read(process.stdout)
        finally:
            with self._lock:
                self._process = None
            _end(process)
            _let_go(outgoing)
            for helper in helpers:
                helper.join(GRACE)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        return self._account(process.returncode)

    def _account(self, code: int) -> str:
        said = next((line for line in reversed(self._last_words) if line.strip()), "")
        ended = f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"
        return f"The connection to mdd-host broke: {ended}" + (f", and said: {said}" if said else "")

    def _put(self, event: Event) -> None:
        while not self._closing.is_set():
            if self.incoming.put(event, LOOK):
                return

    def _read(self, pipe: IO[bytes] | None) -> None:
        for line in _lines(pipe):
            self.heard = time.monotonic()
            self._put(protocol.read(line))

    def _listen(self, pipe: IO[bytes] | None) -> None:
        for line in _lines(pipe):
            self._last_words.append(printable(line.decode("utf-8", "replace").rstrip(), 500))


def _lines(pipe: IO[bytes] | None) -> Any:
    """Whole lines; of one that is too long only the fact that it was."""
    too_long = False
    while pipe is not None:
        try:
            line = pipe.readline(protocol.LONGEST_LINE + 1)
        except (OSError, ValueError):
            return
        if not line:
            return
        ends = line.endswith(b"\n")
        if not ends and len(line) > protocol.LONGEST_LINE:
            too_long = True
        elif too_long:
            too_long = not ends
            if ends:
                yield b"(a line that was too long)"
        else:
            yield line


def _write(pipe: IO[bytes] | None, outgoing: queue.Queue[bytes | None]) -> None:
    if pipe is None:
        return
    try:
        while (line := outgoing.get()) is not None:
            pipe.write(line)
            pipe.flush()
    except (OSError, ValueError):
        pass
    finally:
        with contextlib.suppress(OSError):
            # Its end tells the bridge to end.
            pipe.close()


def _let_go(outgoing: queue.Queue[bytes | None]) -> None:
    # The writer of this queue ends, full or not.
    while True:
        try:
            outgoing.put_nowait(None)
        except queue.Full:
            try:
                outgoing.get_nowait()
            except queue.Empty:
                continue
        else:
            return


def _spawn(launch: Launch) -> subprocess.Popen[bytes]:
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        # Ctrl-C in the terminal that started Blender is not meant for it.
        options["start_new_session"] = True
    pipe = subprocess.PIPE
    return subprocess.Popen(
        list(launch.command),
        cwd=launch.folder,
        env=dict(launch.environment),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        **options,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for harder in (None, process.terminate, process.kill):
        if harder is not None:
            harder()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
        return


def clean_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Without what Blender sets for its own Python, which is not ours."""
    return {name: value for name, value in environment.items() if not name.startswith("PYTHON")}
