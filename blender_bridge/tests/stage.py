# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs around a test: simulated services, the host, and an environment that names them."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from waiting import until

BIN = Path(os.environ["MDD_TEST_BIN"])
PLUGINS = Path(os.environ["MDD_TEST_PLUGINS"])
END = ".exe" if sys.platform == "win32" else ""
HOST = BIN / f"mdd-host{END}"


class Service:
    """A simulated service of one kind."""

    def __init__(self, kind: str, *options: str) -> None:
        self.kind = kind
        self._options = options
        self.start()

    def start(self, port: int = 0) -> None:
        """Starts it, at the port of before if that is named."""
        command = [
            BIN / f"mdd-sim{END}",
            simulators()[self.kind],
            "--exit-with-stdin",
            "--port",
            str(port),
            *self._options,
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = json.loads(self.process.stdout.readline())["url"]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def tell(self, command: str) -> dict:
        """Steers it."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def real_services() -> dict[str, str]:
    """Real services that the lane has started, by their kind."""
    return dict(part.split("=", 1) for part in os.environ.get("MDD_TEST_SERVICES", "").split() if part)


def kinds() -> list[str]:
    """Every kind that a driver and a simulator are there for."""
    return sorted(simulators())


@functools.cache
def simulators() -> dict[str, str]:
    """What plays each kind; of a kind with several shapes it is one of them, such as `kind-shape`."""
    said = subprocess.run([HOST, "drivers", "list", "--json", "--plugins", PLUGINS], capture_output=True, check=True)
    known = [driver["kind"] for driver in json.loads(said.stdout)["drivers"] if driver["status"] == "active"]
    helped = subprocess.run([BIN / f"mdd-sim{END}", "--help"], capture_output=True, check=True, text=True).stdout
    played = re.split(r",\s+", re.search(r"possible values: ([^\]]*)\]", helped)[1])
    found = {}
    for kind in known:
        shapes = [name for name in played if name == kind or name.startswith(f"{kind}-")]
        if shapes:
            found[kind] = shapes[0]
    return found


class Stage:
    """Everything that a test has started; it ends with the block."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / "state"
        self.services: list[Service] = []
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> Stage:
        shutil.rmtree(self.state, ignore_errors=True)
        # Where the host keeps its settings: nothing of the user's own, as the tests have a home of their own.
        self.set("XDG_CONFIG_HOME", str(self.home / "config"))
        shutil.rmtree(self.home / "config", ignore_errors=True)
        self.set("MDD_STATE_DIR", str(self.state))
        self.set("MDD_HOST_PROGRAM", str(HOST))
        self.options("--no-discovery")
        return self

    def __exit__(self, *_: object) -> None:
        for service in self.services:
            if service.process.poll() is None:
                service.kill()
        self.end_host()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def set(self, name: str, value: str) -> None:
        """Sets a variable until the end of the test."""
        self._before.setdefault(name, os.environ.get(name))
        os.environ[name] = value

    def options(self, *words: str) -> None:
        """Options of a host that is started from now on."""
        self.set("MDD_HOST_OPTIONS", " ".join(["--plugins", str(PLUGINS), *words]))

    def service(self, kind: str, *options: str, **environment: str) -> Service:
        """Starts a simulated service that the host knows by its environment."""
        service = Service(kind, *options)
        self.services.append(service)
        self.name(kind, service.url)
        for name, value in environment.items():
            self.set(name, value)
        return service

    def name(self, kind: str, url: str) -> None:
        """Says where a service is."""
        self.set(f"MDD_{kind.upper().replace('-', '_')}_URL", url)

    def processes(self, word: str) -> list[int]:
        """Processes of mdd-host that do `word` for this stage."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (words := _words(entry)) and "mdd-host" in words[0] and word in words:
                variables = _read(entry / "environ").split(b"\0")
                if f"MDD_STATE_DIR={self.state}".encode() in variables:
                    found.append(int(entry.name))
        return found

    @staticmethod
    def is_over(pid: int) -> bool:
        """Whether a process has ended, even if nobody has asked for its end yet: then it has no words any more."""
        return not _read(Path(f"/proc/{pid}/cmdline"))

    def end_host(self) -> None:
        """Ends whatever of the host is still there."""
        for pid in self.processes("serve") + self.processes("bridge"):
            _signal(pid, signal.SIGCONT)
            _signal(pid, signal.SIGKILL)
        until(lambda: not self.processes("serve") and not self.processes("bridge"))


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        # It ended by itself.
        return


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _words(entry: Path) -> list[str]:
    # A zombie has none.
    return [word.decode("utf-8", "replace") for word in _read(entry / "cmdline").split(b"\0")]
