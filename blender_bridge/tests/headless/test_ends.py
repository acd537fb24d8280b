# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when Blender, the bridge or the host is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import bpy
from stage import kinds
from waiting import until

VICTIM = """
import sys, time
sys.path[:0] = {path!r}
import bpy, addon_utils
addon_utils.enable("movie_director", default_set=True)
from movie_director import api, runtime
while True:
    runtime.tick()
    if api.link().is_open:
        print("open", flush=True)
        break
    time.sleep(0.01)
while True:
    runtime.tick()
    time.sleep(0.01)
"""


def blender(program: str) -> list[str]:
    """A Blender of its own that runs a script."""
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "-b", "--factory-startup", "--python-expr", program]
    return [sys.executable, "-c", program]


def test_a_killed_blender_takes_its_bridge_along_and_leaves_the_host(stage, source):
    program = VICTIM.format(path=[str(source.parent)])
    victim = subprocess.Popen(blender(program), stdout=subprocess.PIPE, text=True)
    until(lambda: victim.stdout.readline().strip() == "open", 60.0)
    host = stage.processes("serve")
    assert len(host) == 1 and len(stage.processes("bridge")) == 1
    ends: dict[str, float] = {}

    def both_are_gone() -> bool:
        # The system takes Blender's memory apart before it closes Blender's pipes.
        if victim.poll() is not None:
            ends.setdefault("Blender", (time.monotonic() - killed) * 1000)
        if stage.is_over(bridge):
            ends.setdefault("its bridge", (time.monotonic() - killed) * 1000)
        return len(ends) == 2

    bridge = stage.processes("bridge")[0]
    killed = time.monotonic()
    victim.kill()
    until(both_are_gone)
    print("\nafter the kill: " + ", ".join(f"{name} was gone after {took:.0f} ms" for name, took in ends.items()))
    assert stage.processes("bridge") == []
    victim.stdout.close()
    assert stage.processes("serve") == host, "it leaves after its idle time"


def test_a_killed_bridge_is_started_again_and_finds_the_same_host(stage, switch_on):
    service = stage.service(kinds()[0])
    director = switch_on()
    director.backend(service.kind)
    host, bridge = director.api.link().host, director.api.current().bridge_process
    os.kill(bridge, signal.SIGKILL)
    killed = time.monotonic()
    director.until(lambda: not director.api.link().is_open)
    director.until(lambda: director.api.link().is_open)
    print(f"\nthe connection was back {(time.monotonic() - killed) * 1000:.0f} ms after the bridge was killed")
    assert director.api.link().host == host
    director.backend(service.kind)


def test_a_killed_host_is_started_again_with_all_it_shows(stage, switch_on):
    service = stage.service(kinds()[0])
    director = switch_on()
    director.backend(service.kind)
    host, bridge = director.api.link().host, director.api.current().bridge_process
    os.kill(host, signal.SIGKILL)
    killed = time.monotonic()
    director.until(lambda: director.api.link().host != host and director.api.link().is_open)
    director.backend(service.kind)
    print(f"\nall was shown again {(time.monotonic() - killed) * 1000:.0f} ms after the host was killed")
    assert director.api.current().bridge_process == bridge


def test_a_host_that_stands_still_is_noticed_and_replaced_by_a_click(stage, switch_on):
    service = stage.service(kinds()[0])
    director = switch_on()
    director.backend(service.kind)
    host = director.api.link().host
    director.until(lambda: not director.api.current()._asked)
    os.kill(host, signal.SIGSTOP)
    stopped = time.monotonic()
    director.until(lambda: director.api.link().state == "silent")
    print(f"\nit was noticed {time.monotonic() - stopped:.1f} s after the host was stopped")
    assert bpy.ops.mdd.start_again() == {"FINISHED"}
    director.until(lambda: director.api.link().is_open and director.api.link().host != host)
    director.backend(service.kind)


def test_an_end_of_blender_in_any_way_leaves_no_process(stage, source):
    program = VICTIM.partition("while True:\n    runtime.tick()\n    time.sleep")[0]
    for end in (
        "sys.exit(0)",
        "raise SystemExit(3)",
        "addon_utils.disable('movie_director')",
        "import os; os._exit(0)",
    ):
        script = program.format(path=[str(source.parent)]) + end + "\n"
        subprocess.run(blender(script), stdout=subprocess.DEVNULL, timeout=120, check=False)
        until(lambda: stage.processes("bridge") == [])
        if "_exit" not in end:
            until(lambda: stage.processes("serve") == [])
    assert Path(stage.state).exists()
