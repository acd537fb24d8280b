# SPDX-License-Identifier: GPL-3.0-or-later
"""From switching on to switching off, in a real Blender."""

from __future__ import annotations

import threading
import time

import bpy
import pytest
from conftest import ADDON
from stage import kinds, real_services


def test_every_service_is_connected_within_five_seconds(stage, switch_on):
    real = real_services()
    for kind in set(kinds()) - set(real):
        stage.service(kind)
    for kind, url in real.items():
        stage.name(kind, url)
    took = []
    # With a host of its own each time, and each time in time.
    for _ in range(3):
        began = time.monotonic()
        director = switch_on()
        connected = director.until(lambda director=director: all_connected(director, len({*kinds(), *real})))
        took.append(time.monotonic() - began)
        assert {one.kind for one in connected} == {*kinds(), *real}
        director.off()
        stage.end_host()
    told = ", ".join(f"{time_taken:.2f}" for time_taken in took)
    print(f"\n{len(connected)} services connected {told} s after the add-on was switched on")
    assert max(took) <= 5.0, took


def all_connected(director, count):
    known = [one for one in director.api.backends() if one.is_known]
    return known if len(known) == count and all(one.is_connected for one in known) else None


@pytest.mark.parametrize("kind", kinds())
def test_a_service_is_lost_with_a_reason_and_comes_back(stage, switch_on, kind):
    service = stage.service(kind)
    director = switch_on()
    director.backend(kind)
    port = service.port
    service.kill()
    lost = director.backend(kind, "disconnected")
    # Where the host sees processes it knows more than that the port is closed.
    assert lost.reason.code in ("process-exited", "connection-refused")
    assert any(remedy.action == "retry" for remedy in lost.reason.remedies)
    service.start(port)
    director.backend(kind)


def test_nothing_is_left_when_it_is_switched_off(stage, director):
    director.until(lambda: director.api.link().is_open)
    host = director.api.link().host
    assert stage.processes("serve") == [host] and len(stage.processes("bridge")) == 1
    runtime, scene_module = director.runtime, director.scene
    director.off()
    assert stage.processes("bridge") == []
    director.until(lambda: stage.processes("serve") == [])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("movie-director")]
    assert not bpy.app.timers.is_registered(runtime.tick)
    assert not [name for name in dir(bpy.types) if name.startswith("MDD_")]
    assert not hasattr(bpy.types.Scene, ADDON) and not hasattr(bpy.types.WindowManager, "movie_director_address")
    for name, handler in scene_module.HANDLERS:
        assert handler not in getattr(bpy.app.handlers, name)


def test_a_file_that_is_opened_changes_nothing_of_the_conversation(director, tmp_path):
    director.until(lambda: director.api.link().is_open)
    bridge = director.api.current().bridge_process
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    assert bpy.app.timers.is_registered(director.runtime.tick)
    assert director.api.current().bridge_process == bridge


def test_factory_settings_end_it(stage, director):
    director.until(lambda: director.api.link().is_open)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert stage.processes("bridge") == []
    director.until(lambda: stage.processes("serve") == [])


def test_it_can_be_switched_off_and_on_again_many_times(stage, switch_on):
    for _ in range(5):
        director = switch_on()
        director.until(lambda director=director: director.api.link().is_open)
        director.off()
    assert stage.processes("bridge") == []
