# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of strangers, in a network of their own: whatever would leave the machine is seen there and goes nowhere."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import hostile
from stage import kinds
from test_ends import blender

ELSEWHERE = "192.0.2.7"
PORTS = (80, 8188)

PROGRAM = """
import json, os, socket, subprocess, sys, threading, time
sys.path[:0] = {path!r}
for words in (["link", "set", "lo", "up"], ["addr", "add", "{elsewhere}/32", "dev", "lo"]):
    subprocess.run(["ip", *words], check=True)
came = []
def listen(port):
    server = socket.create_server(("{elsewhere}", port))
    while True:
        connection, _ = server.accept()
        came.append(port)
        connection.close()
for port in {ports!r}:
    threading.Thread(target=listen, args=(port,), daemon=True).start()

import bpy, addon_utils
from pathlib import Path
folder = Path({folder!r})
files = []
addon_utils.enable("movie_director", default_set=True)
from movie_director import api, runtime, scene
# The worst case: the user has allowed Blender to go online.
runtime.is_online = lambda: True
running = runtime.running()
running.link._may_leave = lambda: True

def tick(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        runtime.tick()
        time.sleep(0.005)

def wait(wanted):
    deadline = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < deadline
        tick(0.02)

bpy.app.handlers.save_pre.remove(scene.on_save_pre)
for number, url in enumerate({urls!r}):
    bpy.ops.wm.read_homefile(use_empty=True)
    one = bpy.context.scene.movie_director.endpoints.add()
    one.kind, one.url = {kind!r}, url
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / f"hostile{{number}}.blend"))
wait(lambda: api.link().is_open)
wait(lambda: not api.current()._asked)
questions = []
for number, url in enumerate({urls!r}):
    bpy.ops.wm.open_mainfile(filepath=str(folder / f"hostile{{number}}.blend"))
    wait(lambda: not any(asked.method != "ping" for asked in api.current()._asked.values()))
    tick(0.2)
    questions.append([one.url for one in running.link.pending])
tick(1.0)
before = list(came)
bpy.ops.wm.open_mainfile(filepath=str(folder / "hostile0.blend"))
supported = running.link.is_possible
if supported:
    wait(lambda: running.link.pending)
    running.link.accept(running.link.pending[0])
    wait(lambda: came)
print("TOLD " + json.dumps(dict(came=before, supported=supported, questions=questions, after=bool(came))), flush=True)
addon_utils.disable("movie_director", default_set=True)
"""


def test_nothing_is_sent_to_an_address_of_a_file_before_the_user_agrees(stage, source, tmp_path):
    program = PROGRAM.format(
        path=[str(source.parent)],
        elsewhere=ELSEWHERE,
        ports=PORTS,
        folder=str(tmp_path),
        urls=[url for url in hostile.URLS if len(url) < 100_000],
        kind=kinds()[0],
    )
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    script = Path(tmp_path / "program.py")
    script.write_text(program, encoding="utf-8")
    run = f"exec(compile(open({str(script)!r}, encoding='utf-8').read(), 'program', 'exec'))"
    done = subprocess.run([*alone, *blender(run)], capture_output=True, text=True, timeout=400, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("TOLD ")), "")
    assert line, done.stdout[-3000:] + done.stderr[-3000:]
    told = json.loads(line.removeprefix("TOLD "))
    assert told["came"] == [], told
    assert len(told["questions"]) >= 25
    if told["supported"]:
        # The plain address is asked about once, and only then connected to.
        assert len(told["questions"][0]) == 1 and ELSEWHERE in told["questions"][0][0]
        assert told["after"]
    else:
        assert not any(told["questions"])
    stage.end_host()
