# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and settings, which the host keeps: what the preferences and the panel change is changed there."""

from __future__ import annotations

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
    other = director.session.Session(director.runtime._prepare(), "other", "0")
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
