# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a scene in a real Blender with a window: an X server of its own, a root folder with Blender in it, the package
as users install it, and simulated services.

    rehearse.py --root ROOT --package ZIP --out FOLDER SCENE

The scene is in order when Blender ends with 0, has printed no traceback, and every picture shows something.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

from stage import Service, Stage, kinds  # noqa: E402
from versions import newer  # noqa: E402

WIDTH, HEIGHT = 1280, 860
# Where the folder of the scene is inside of the root: a name that pictures may show.
STAGE = Path("/tmp/stage")
# From the start of Blender with cold shaders to its end.
PATIENCE = 300.0


class Rehearsal:
    """One scene."""

    def __init__(self, root: Path, package: Path, scene: str, out: Path) -> None:
        self.root, self.package, self.scene = root, package, scene
        self.work = out
        # Compiled shaders, kept from run to run.
        self.cache = Path(os.environ.get("MDD_TEST_CACHE", out / "cache")).resolve()
        shutil.rmtree(self.work, ignore_errors=True)
        (self.work / "pictures").mkdir(parents=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        for file in ("inside.py", "flood.py"):
            shutil.copy(HERE / file, self.work)
        (self.work / "flood.py").chmod(0o755)
        shutil.copy(HERE / "scenes" / f"{scene}.py", self.work)
        shutil.copy(package, self.work / "extension.zip")
        if scene == "services":
            newer(package, self.work / "newer.zip")

    def play(self, stage: Stage, services: dict[str, Service], payload: Path | None) -> dict:
        """Installs the extension, plays the scene, and tells what came of it."""
        display, server = _start_x()
        try:
            environment = self._environment(display, stage, services, payload)
            self._install(environment)
            scene = [STAGE / "inside.py", "--", STAGE / f"{self.scene}.py"]
            window = ["-p", "0", "0", str(WIDTH), str(HEIGHT)]
            options = ["-noaudio", "--python-exit-code", "3", *window, "--python", *scene]
            code, said = self._run(["blender", *options], environment, _Service(stage, services))
        finally:
            server.terminate()
            server.wait()
        return self._judge(code, said)

    def _environment(
        self, display: str, stage: Stage, services: dict[str, Service], payload: Path | None
    ) -> dict[str, str]:
        home = STAGE / "home"
        kept = {
            name: value for name, value in os.environ.items() if name in ("LANG", "PATH") or name.startswith("MDD_")
        }
        environment = kept | {
            "DISPLAY": display,
            "HOME": str(home),
            "BLENDER_USER_RESOURCES": str(home / "blender"),
            "XDG_CACHE_HOME": "/tmp/shaders",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": "/tmp",
            "MDD_WORK": str(STAGE),
            "MDD_KINDS": " ".join(services),
            "MDD_STATE_DIR": str(stage.state),
            # What a studio could call the variable of a key.
            "STUDIO_KEY": "sk-of-the-studio",
        }
        if payload is not None:
            shutil.copy(payload, self.work / "payload.json")
            environment["MDD_PAYLOAD"] = str(STAGE / "payload.json")
        if self.scene == "stall":
            environment["MDD_HOST_PROGRAM"] = str(STAGE / "flood.py")
        else:
            # The one that comes with the package.
            environment.pop("MDD_HOST_PROGRAM", None)
            environment["MDD_HOST_OPTIONS"] = "--no-discovery"
        return environment

    def _install(self, environment: dict[str, str]) -> None:
        command = ["blender", "--command", "extension", "install-file", "-r", "user_default", "--enable"]
        done = subprocess.run(
            self._entered([*command, STAGE / "extension.zip"]),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        # Blender ends with 0 whatever happens.
        if "STATUS Installed" not in said and "STATUS Reinstalled" not in said:
            raise SystemExit(f"the extension could not be installed:\n{said}")

    def _entered(self, command: list[object]) -> list[str]:
        mounts = [f"{self.work}:{STAGE}", f"{self.cache}:/tmp/shaders"]
        enter = ["sh", HERE.parent / "enter.sh", self.root, *mounts, "--", "env", "-C", STAGE]
        return [str(word) for word in [*enter, *command]]

    def _run(self, command: list[object], environment: dict[str, str], service: _Service) -> tuple[int, str]:
        process = subprocess.Popen(
            self._entered(command),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        watch = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("@"):
                service.do(line[1:].strip())
        code = process.wait()
        watch.cancel()
        return code, "".join(said)

    def _judge(self, code: int, said: str) -> dict:
        result = self.work / "result.json"
        told = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
        if code != 0 or "Traceback" in said or "error" in told:
            sys.stderr.write(said[-8000:])
            raise SystemExit(f"the scene {self.scene} failed (code {code}): {told.get('error', '')}")
        told["pictures"] = []
        for picture in sorted((self.work / "pictures").iterdir()):
            if colours(picture) < 32:
                raise SystemExit(f"{picture.name} shows nothing")
            told["pictures"].append(picture.name)
        return told


class _Service:
    """What a scene can ask for."""

    def __init__(self, stage: Stage, services: dict[str, Service]) -> None:
        self._stage, self._services = stage, services
        self._ports: dict[str, int] = {}

    def do(self, command: str) -> None:
        verb, _, rest = command.partition(" ")
        kind, _, words = rest.partition(" ")
        if verb == "kill":
            self._ports[kind] = self._services[kind].port
            self._services[kind].kill()
        elif verb == "start":
            self._services[kind].start(self._ports[kind])
        elif verb == "tell":
            self._services[kind].tell(words)
        elif verb == "stop-host":
            for pid in self._stage.processes("serve"):
                os.kill(pid, signal.SIGSTOP)
        else:
            raise SystemExit(f"a scene asks for {command!r}")


def _start_x() -> tuple[str, subprocess.Popen]:
    """An X server that chooses its own number."""
    reader, writer = os.pipe()
    screen = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24", "+extension", "GLX", "-noreset", "-nolisten", "tcp"]
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), *screen],
        pass_fds=(writer,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as told:
        number = told.readline().strip()
    if not number:
        raise SystemExit("Xvfb does not start")
    return f":{number}", server


def colours(picture: Path) -> int:
    """How many different pixels a sample of a picture has: a black one has one."""
    data = picture.read_bytes()
    position, packed = 8, b""
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if kind == b"IDAT":
            packed += data[position + 8 : position + 8 + length]
        position += 12 + length
    raw = zlib.decompress(packed)
    return len({raw[at : at + 3] for at in range(0, len(raw), 211)})


def main() -> None:
    """Reads the command line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--root", type=Path, required=True, help="a root folder with Blender in it")
    arguments.add_argument("--package", type=Path, required=True, help="the extension for this platform")
    arguments.add_argument("--out", type=Path, required=True, help="an empty folder, for pictures and results")
    arguments.add_argument("--payload", type=Path, help="a job for the first service")
    arguments.add_argument("--first", default="", help="the kind that the scene works with")
    arguments.add_argument("scene")
    chosen = arguments.parse_args()
    rehearsal = Rehearsal(chosen.root, chosen.package, chosen.scene, chosen.out.resolve())
    with Stage(STAGE) as stage:
        services = {}
        if chosen.scene == "services":
            for kind in sorted(kinds(), key=lambda kind: kind != chosen.first):
                services[kind] = stage.service(kind)
        print(json.dumps(rehearsal.play(stage, services, chosen.payload), indent=2))


if __name__ == "__main__":
    main()
