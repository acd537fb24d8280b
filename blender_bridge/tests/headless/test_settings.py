# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and settings, which the host keeps: what the preferences and the panel change is changed there."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import bpy
import pytest
from conftest import ADDON
from layout import draw, draw_preferences
from stage import Service, kinds


@pytest.fixture
def service(stage):
    """A service that the host does not know of."""
    service = Service(kinds()[0])
    stage.services.append(service)
    return service


@pytest.fixture
def director(switch_on):
    director = switch_on()
    director.until(lambda: director.api.current().configuration and director.api.kinds())
    return director


def setting(director, key):
    return director.api.current().configuration.get(key)


def test_a_setting_is_changed_at_the_host_and_back(director):
    before = setting(director, "health.interval_ms")
    assert before.origin == "default"
    assert bpy.ops.mdd.setting(key="health.interval_ms", integer=2000) == {"FINISHED"}
    director.until(lambda: setting(director, "health.interval_ms").value == 2000)
    assert setting(director, "health.interval_ms").origin == "file"
    assert any("2000 ms" in text and "settings file" in text for text in draw_preferences(ADDON).texts)
    assert bpy.ops.mdd.setting_reset(key="health.interval_ms") == {"FINISHED"}
    director.until(lambda: setting(director, "health.interval_ms") == before)


def test_a_setting_of_a_driver_is_drawn_from_its_schema_and_changed(director):
    kind, field = next(
        (kind, field)
        for kind in director.api.kinds()
        for field in director.settings.of_kind(director.api.current().configuration, kind)
        if field.form == "boolean"
    )
    assert field.title in draw_preferences(ADDON).texts
    assert bpy.ops.mdd.setting(key=field.key, boolean=not field.value) == {"FINISHED"}
    director.until(lambda: setting(director, field.key).value == (not field.value))
    assert kind.kind in field.key


def test_a_value_that_the_host_refuses_is_said_in_place(director):
    assert bpy.ops.mdd.setting(key="health.interval_ms", integer=-5) == {"FINISHED"}
    said = director.until(lambda: director.runtime.running().said.get("health.interval_ms"))
    assert said in " ".join(draw_preferences(ADDON).texts)
    assert setting(director, "health.interval_ms").origin == "default"


def test_an_address_is_tested_without_being_kept(director, service):
    assert bpy.ops.mdd.test(about="field", kind="", url=service.url) == {"FINISHED"}
    tried = director.until(lambda: director.runtime.running().tried.get("field"))
    assert tried.ok and tried.kind == service.kind
    service.kill()
    assert bpy.ops.mdd.test(about="dead", kind="", url=service.url) == {"FINISHED"}
    tried = director.until(lambda: director.runtime.running().tried.get("dead"))
    assert not tried.ok and tried.reason.observation
    assert not any(one.is_known for one in director.api.backends())


def test_an_address_that_is_typed_into_the_panel_is_asked_and_kept(director, service):
    bpy.context.window_manager.movie_director_address = service.url.removeprefix("http://")
    assert bpy.ops.mdd.look_at() == {"FINISHED"}
    assert director.backend(service.kind).origin == "file"
    texts = draw(director.panels.services.MDD_PT_services).texts
    assert any("answers in" in text for text in texts), texts


def test_a_service_is_disabled_enabled_and_made_the_default(director, service):
    bpy.context.window_manager.movie_director_address = service.url
    bpy.ops.mdd.look_at()
    known = director.backend(service.kind)
    bpy.ops.mdd.choice(method="backends.disable", backend=known.id)
    director.backend(service.kind, "disabled")
    director.runtime.running().expanded.add(known.id)
    drawn = draw(director.panels.services.MDD_PT_services)
    assert "Disabled" in drawn.texts and drawn.alerts == []
    bpy.ops.mdd.choice(method="backends.enable", backend=known.id)
    director.backend(service.kind)
    bpy.ops.mdd.choice(method="backends.default", backend=known.id)
    director.until(lambda: director.api.backend(known.id).is_default)
    bpy.ops.mdd.choice(method="backends.remove", backend=known.id)
    director.until(lambda: not any(one.is_known for one in director.api.backends()))


def test_the_history_of_a_service_is_shown(director, service):
    bpy.context.window_manager.movie_director_address = service.url
    bpy.ops.mdd.look_at()
    known = director.backend(service.kind)

    def history():
        draw(director.panels.health.MDD_PT_health)
        return director.runtime.running().health.get(known.id)

    health = director.until(history)
    assert health.uptime is not None and health.latencies
    texts = draw(director.panels.health.MDD_PT_health).texts
    assert "Response" in texts and any("%" in text for text in texts)


def test_two_blenders_see_their_own_project_and_what_is_for_all(stage, director, service):
    """The other Blender is a session of its own, as its process would have it."""
    here, there = director.project.Choice(service.kind, service.url), Service(service.kind)
    stage.services.append(there)
    director.scene.choose(here)
    other = director.session.Session(director.runtime._prepare(director.runtime.user_folder(), print), "other", "0")
    link = director.project_link.ProjectLink(other, lambda: True)
    other.start()
    try:
        link.loaded(director.project_link.Project("file-other", (director.project.Choice(service.kind, there.url),)))

        def both():
            other.pump()
            return len([one for one in other.world.backends.values() if one.is_connected]) == 2

        director.until(both)
        director.until(lambda: len(director.api.current().world.backends) == 2)
        assert [one.endpoint for one in director.api.backends() if one.is_known] == [service.url]
    finally:
        other.close()
    director.until(lambda: len(director.api.current().world.backends) == 1)


CANARY = "sk-canary-of-the-keyring"


@pytest.fixture
def keyring(stage):
    """The program that reads the keyring, with one entry in it."""
    folder = stage.home / "keyring"
    folder.mkdir(exist_ok=True)
    program = folder / "secret-tool"
    wanted = "lookup service film username me"
    program.write_text(f'#!/bin/sh\n[ "$*" = "{wanted}" ] && printf %s {CANARY}\n', encoding="utf-8")
    program.chmod(0o755)
    stage.set("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def locked(stage, switch_on):
    """A service that wants a key, and the extension."""

    def start(by_variable=False, **environment):
        first = switch_on()
        kind = first.until(lambda: next((kind for kind in first.api.kinds() if "key" in kind.secrets), None))
        first.off()
        stage.end_host()
        if by_variable:
            environment[f"MDD_{kind.kind}_{kind.secrets[0]}".upper().replace("-", "_")] = CANARY
        stage.service(kind.kind, "--key", CANARY, **environment)
        director = switch_on()
        director.until(lambda: director.api.current().configuration and director.api.kinds())
        return director, kind

    return start


def waits_for_its_key(director, kind):
    lost = director.backend(kind.kind, "disconnected")
    assert lost.reason.remedies[0].action == "set-key", lost
    return f"backends.{kind.kind}.{kind.secrets[0]}"


def preferences_say(director, *wanted):
    def said():
        texts = " ".join(draw_preferences(ADDON).texts)
        return texts if all(one in texts for one in wanted) else None

    return director.until(said)


@pytest.mark.skipif(sys.platform != "linux", reason="the keyring of the test stands in for that of Linux")
@pytest.mark.usefixtures("keyring")
def test_a_key_comes_from_the_keyring_by_reference(stage, locked, tmp_path):
    director, kind = locked()
    key = waits_for_its_key(director, kind)
    preferences_say(director, "not set", f"MDD_{kind.kind}_{kind.secrets[0]}".upper())
    assert bpy.ops.mdd.secret(key=key, place="keyring", service="film", user="nobody") == {"FINISHED"}
    preferences_say(director, "in the keyring film/nobody", "nothing under film/nobody", "secret-tool store")
    assert bpy.ops.mdd.secret(key=key, place="keyring", service="film", user="me") == {"FINISHED"}
    director.backend(kind.kind)
    said = preferences_say(director, "in the keyring film/me, named by the settings file")
    assert "nobody" not in said
    file = tmp_path / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file), compress=False)
    kept = [
        file,
        *(one for one in [*stage.home.rglob("state/**/*"), *stage.home.rglob("config/**/*")] if one.is_file()),
    ]
    assert len(kept) > 2 and not [one for one in kept if CANARY.encode() in one.read_bytes()]
    assert CANARY not in said and CANARY not in repr(director.api.current().configuration)
    assert bpy.ops.mdd.secret(key=key, place="none") == {"FINISHED"}
    waits_for_its_key(director, kind)


def test_a_key_comes_from_a_variable_by_reference(locked):
    director, kind = locked(STUDIO_KEY=CANARY)
    key = waits_for_its_key(director, kind)
    bpy.ops.mdd.secret(key=key, place="env", variable="NOT_THERE")
    preferences_say(director, "the variable NOT_THERE is not set")
    bpy.ops.mdd.secret(key=key, place="env", variable="STUDIO_KEY")
    director.backend(kind.kind)
    preferences_say(director, "in the environment variable STUDIO_KEY, named by the settings file")
    bpy.ops.mdd.secret(key=key, place="env", variable="A=B")
    said = director.until(lambda: director.runtime.running().said.get(key))
    assert "env:NAME" in said
    director.backend(kind.kind)


def test_a_key_of_the_environment_wins_and_is_not_asked_for(locked):
    director, kind = locked(by_variable=True)
    director.backend(kind.kind)
    drawn = draw_preferences(ADDON)
    name = f"MDD_{kind.kind}_{kind.secrets[0]}".upper().replace("-", "_")
    assert any(f"set by the environment {name}" in text for text in drawn.texts), drawn.texts
    assert not [value for name, value in drawn.drawn if name == "key" and value == f"backends.{kind.kind}.key"]


def test_a_service_that_was_found_elsewhere_is_used_by_a_click(stage, service, switch_on):
    file = stage.home / "config" / "mdd-host" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[backends.{service.kind}]\nurl = "http://127.0.0.1:9"\n', encoding="utf-8")
    director = switch_on()
    lost = director.backend(service.kind, "disconnected")
    director.until(lambda: director.api.current().configuration)
    # As discovery puts it first; what it finds depends on the machine.
    found = director.model.Remedy("use-found-endpoint", "Use the one that was found", service.url)
    world = director.api.current().world
    world.backends[lost.id] = replace(lost, reason=replace(lost.reason, remedies=(found,)))
    drawn = draw(director.panels.services.MDD_PT_services)
    assert "mdd.remedy" in drawn.buttons, drawn.texts
    assert bpy.ops.mdd.remedy(backend=lost.id, index=0) == {"FINISHED"}
    assert director.backend(service.kind).endpoint == service.url
    assert service.url in file.read_text(encoding="utf-8")
