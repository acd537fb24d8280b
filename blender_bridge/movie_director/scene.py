# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in the .blend file, and when it is read and written."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent
from bpy.props import CollectionProperty, PointerProperty, StringProperty

from . import api, project, runtime
from .project_link import Project


class MDD_PG_endpoint(bpy.types.PropertyGroup):
    kind: StringProperty(name="Service")
    url: StringProperty(name="Address")


class MDD_PG_project(bpy.types.PropertyGroup):
    endpoints: CollectionProperty(type=MDD_PG_endpoint)
    remembered: StringProperty(name="Last Known States", options={"HIDDEN"})


CLASSES = (MDD_PG_endpoint, MDD_PG_project)


def own_scenes() -> list[bpy.types.Scene]:
    """The scenes of this file; those of linked libraries say nothing about it."""
    return [scene for scene in bpy.data.scenes if scene.library is None]


def read() -> Project:
    """The project that is open."""
    running = runtime.running()
    pairs = [(one.kind, one.url) for scene in own_scenes() for one in scene.movie_director.endpoints[:64]]
    texts = [scene.movie_director.remembered for scene in own_scenes()]
    remembered = next((known for text in texts if (known := project.recall(text))), ())
    identity = project.identity(bpy.data.filepath, running.unsaved if running else "")
    return Project(identity, project.choices(pairs), remembered)


def choose(choice: project.Choice) -> None:
    """Adds an address to the open project. Called by operators only, so that it can be undone."""
    endpoint = bpy.context.scene.movie_director.endpoints.add()
    endpoint.kind, endpoint.url = choice.kind, choice.url
    edited()


def unchoose(choice: project.Choice) -> None:
    """Takes an address out of the open project."""
    for scene in own_scenes():
        endpoints = scene.movie_director.endpoints
        for at in reversed(range(len(endpoints))):
            if project.choices([(endpoints[at].kind, endpoints[at].url)]) == (choice,):
                endpoints.remove(at)
    edited()


def loaded() -> None:
    """Another file is open."""
    if running := runtime.running():
        running.link.loaded(read())
        running.said.clear()
        running.tried.clear()
        running.revision += 1


def edited() -> None:
    """The addresses may be others."""
    if running := runtime.running():
        running.link.edited(read())
        running.revision += 1


@persistent
def on_load_post(*_: object) -> None:
    loaded()


@persistent
def on_save_pre(*_: object) -> None:
    session = api.current()
    if session is None or not session.world.is_known:
        return
    text = project.remember(session.world.ordered_backends())
    for scene in own_scenes():
        # An unchanged file stays unchanged.
        if scene.movie_director.remembered != text:
            scene.movie_director.remembered = text


@persistent
def on_save_post(*_: object) -> None:
    if running := runtime.running():
        running.link.saved(read())
        running.revision += 1


@persistent
def on_undo(*_: object) -> None:
    edited()


HANDLERS = (
    ("load_post", on_load_post),
    ("save_pre", on_save_pre),
    ("save_post", on_save_post),
    ("undo_post", on_undo),
    ("redo_post", on_undo),
)


def register() -> None:
    bpy.types.Scene.movie_director = PointerProperty(type=MDD_PG_project)
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if handler in handlers:
            handlers.remove(handler)
    del bpy.types.Scene.movie_director
