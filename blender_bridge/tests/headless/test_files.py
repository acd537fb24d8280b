# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in .blend files: over saves, loads, undo, libraries, and from strangers."""

from __future__ import annotations

import bpy
from hostile import URLS


def endpoints():
    return [(one.kind, one.url) for one in bpy.context.scene.movie_director.endpoints]


def add(director, kind, url):
    director.scene.choose(director.project.Choice(kind, url))


def test_addresses_and_states_are_saved_and_shown_again(stage, switch_on, tmp_path):
    from stage import kinds

    service = stage.service(kinds()[0])
    director = switch_on()
    known = director.backend(service.kind)
    add(director, "lamp", "127.0.0.1:9")
    file = str(tmp_path / "film.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert endpoints() == []
    bpy.ops.wm.open_mainfile(filepath=file)
    assert endpoints() == [("lamp", "127.0.0.1:9")]
    project = director.runtime.running().link.project
    assert [(one.title, one.state) for one in project.remembered] == [(known.title, "connected")]
    assert project.identity == director.project.identity(file, "")


def test_a_file_shows_what_it_remembers_before_the_host_tells(stage, switch_on, tmp_path):
    from layout import draw
    from stage import kinds

    service = stage.service(kinds()[0])
    director = switch_on()
    title = director.backend(service.kind).title
    file = str(tmp_path / "film.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    director.off()
    stage.set("MDD_HOST_PROGRAM", str(stage.home / "nothing-here"))
    director = switch_on()
    bpy.ops.wm.open_mainfile(filepath=file)
    drawn = draw(director.panels.services.MDD_PT_services)
    assert title in drawn.texts and any("remembered" in text for text in drawn.texts), drawn.texts


def test_undo_takes_an_address_back_and_no_state(director):
    director.until(lambda: director.api.current().world.is_known)
    bpy.ops.ed.undo_push(message="before")
    add(director, "lamp", "127.0.0.1:9")
    bpy.ops.ed.undo_push(message="added")
    bpy.ops.ed.undo()
    assert endpoints() == []
    assert director.runtime.running().link.project.choices == ()
    assert director.api.current().world.is_known
    bpy.ops.ed.redo()
    assert len(director.runtime.running().link.project.choices) == 1


def test_a_copy_that_is_saved_elsewhere_changes_nothing_of_the_project(director, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    before = director.runtime.running().link.project.identity
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copy.blend"), copy=True)
    assert director.runtime.running().link.project.identity == before
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"))
    assert director.runtime.running().link.project.identity != before


def test_a_linked_library_says_nothing_about_the_project(director, tmp_path):
    add(director, "lamp", "127.0.0.1:9")
    bpy.context.scene.name = "Stranger"
    library = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(library, link=True) as (there, here):
        here.scenes = there.scenes
    assert any(scene.library for scene in bpy.data.scenes)
    assert director.scene.read().choices == ()


def test_files_of_strangers_are_read_without_error_and_believed_in_nothing(director, tmp_path):
    director.until(lambda: director.api.link().is_open)
    link = director.runtime.running().link
    # A stranger's Blender writes what it likes.
    bpy.app.handlers.save_pre.remove(director.scene.on_save_pre)
    told = []
    ask = director.api.current().ask
    director.api.current().ask = lambda method, *rest: (told.append((method, *rest)), ask(method, *rest))[1]
    for number, url in enumerate(URLS):
        project = bpy.context.scene.movie_director
        for kind in ("lamp", "../../etc", "L\u202eamp", "x" * 500):
            one = project.endpoints.add()
            one.kind, one.url = kind, url
        project.remembered = ['{"backends": [{"id": "a"}]}', "[" * 10_000, "x" * 100_000][number % 3]
        file = str(tmp_path / f"hostile{number}.blend")
        bpy.ops.wm.save_as_mainfile(filepath=file)
        bpy.ops.wm.read_homefile(use_empty=True)
        told.clear()
        bpy.ops.wm.open_mainfile(filepath=file)
        director.runtime.tick()
        assert link.project.remembered == ()
        # While Blender is offline the host is not even told of other machines.
        for method, *params in told:
            elsewhere = method == "project.open" and not director.runtime.is_online()
            assert not elsewhere or params[0]["backends"] == [], params
    assert len(URLS) >= 25


def test_nothing_is_lost_when_the_add_on_is_off(director, tmp_path):
    add(director, "lamp", "127.0.0.1:9")
    file = str(tmp_path / "film.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    director.off()
    bpy.ops.wm.open_mainfile(filepath=file)
    bpy.ops.wm.save_as_mainfile(filepath=file)
    director.__init__()
    bpy.ops.wm.open_mainfile(filepath=file)
    assert endpoints() == [("lamp", "127.0.0.1:9")]


def test_an_address_elsewhere_waits_for_the_switch(director, monkeypatch):
    director.until(lambda: director.api.link().is_open)
    monkeypatch.setattr(director.runtime, "is_online", lambda: False)
    link = director.runtime.running().link
    monkeypatch.setattr(link, "_may_leave", lambda: False)
    add(director, "lamp", "192.0.2.7:8000")
    add(director, "lamp", "127.0.0.1:9")
    assert [choice.url for choice in link.held_back] == ["192.0.2.7:8000"]
    assert director.operators.service.wrong_with("192.0.2.7:8000")
    assert not director.operators.service.wrong_with("127.0.0.1:9")
