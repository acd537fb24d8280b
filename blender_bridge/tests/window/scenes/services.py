# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that work, one that goes and comes back, a job, clicks of a real pointer, and every width."""

import json
import os
import types
from pathlib import Path

import bpy
from inside import (
    ADDON,
    RESULT,
    WORK,
    ask,
    click,
    crop_of_sidebar,
    module,
    open_sidebar,
    photograph,
    pointer,
    press,
    resize_sidebar,
    until,
    view3d,
)

KINDS = os.environ["MDD_KINDS"].split()
# Response times of a service that its picture shows.
SAMPLES = 6
NOT_YET = types.SimpleNamespace(share=None)


def play():
    api, runtime = module("api"), module("runtime")
    running = runtime.running()

    def state(kind):
        return next((one.state for one in api.backends() if one.kind == kind and one.is_known), None)

    yield from open_sidebar(320)
    yield from until(lambda: all(state(kind) == "connected" for kind in KINDS))
    yield from photograph("connected")
    yield from photograph("connected-sidebar", crop_of_sidebar())

    # The button in the header asks the host again.
    asked = []
    before = api.current().ask
    api.current().ask = lambda method, *rest: (asked.append(method), before(method, *rest))[1]
    window, _, sidebar = view3d()
    # On a busy machine Blender may not have drawn what is clicked.
    for _ in range(5):
        if "backends.refresh" not in asked:
            yield from click(sidebar.x + sidebar.width - 63, window.height - (sidebar.y + sidebar.height) + 15)
    assert "backends.refresh" in asked, asked
    RESULT["clicked"] = "backends.refresh"

    first = next(one for one in api.backends() if one.kind == KINDS[0])
    yield from until(lambda: api.backend(first.id).devices)
    bpy.ops.mdd.details(about=first.id)
    yield from photograph("details", crop_of_sidebar())
    bpy.ops.mdd.details(about=first.id)

    yield from generate(api, first)

    assert running.link.is_possible
    yield from undo(running, state)
    yield from show_question(running, state)
    yield from until(lambda: all(len(running.sparks.get(one.id, ())) > SAMPLES for one in api.backends()))
    yield from only(module("panels.health").MDD_PT_health, "health")

    ask(f"kill {KINDS[0]}")
    yield from until(lambda: state(KINDS[0]) == "disconnected")
    yield from photograph("lost", crop_of_sidebar())
    yield from photograph("lost-window")
    bpy.context.preferences.view.ui_scale = 1.5
    yield 1.0
    yield from photograph("large")
    bpy.context.preferences.view.ui_scale = 1.0
    yield 1.0
    ask(f"start {KINDS[0]}")
    yield from until(lambda: state(KINDS[0]) == "connected")
    yield from resize_sidebar(180)
    yield from photograph("narrow", crop_of_sidebar())
    RESULT["notices"] = [notice.text for notice in api.notices()]

    # The host stands still, and is started again by the user.
    ask("stop-host")
    yield from until(lambda: api.link().state == "silent")
    yield from photograph("silent", crop_of_sidebar())
    bpy.ops.mdd.start_again()
    yield from until(lambda: api.link().is_open and all(state(kind) == "connected" for kind in KINDS))
    yield from photograph("again", crop_of_sidebar())

    yield from show_preferences(api)
    RESULT["slowest_tick_ms"] = running.slowest_tick * 1000
    RESULT["slowest_pump_ms"] = api.current().slowest_pump * 1000
    yield from upgrade(first.id)


def generate(api, backend):
    """The dialog, confirmed with the real keyboard, and the job that comes of it."""
    block = bpy.data.texts.new("shot.json")
    block.write(Path(os.environ["MDD_PAYLOAD"]).read_text())
    window, area, _ = view3d()
    main = next(region for region in area.regions if region.type == "WINDOW")
    # It comes where the pointer is.
    yield from pointer("mousemove", 500, 300)
    with bpy.context.temp_override(window=window, area=area, region=main):
        bpy.ops.mdd.generate("INVOKE_DEFAULT", backend=backend.id, source="TEXT", text=block.name)
    yield from photograph("generate", "460x212+98+240")
    yield from pointer("key", "Return")
    yield from until(api.jobs)
    job = api.jobs()[0]
    yield from until(lambda: ((api.job(job.id).progress or NOT_YET).share or 0) > 0.4)
    yield from photograph("job", crop_of_sidebar())
    yield from until(lambda: api.job(job.id).state == "done")
    yield from photograph("job-done", crop_of_sidebar())


def undo(running, state):
    """Ctrl-Z takes back what was chosen for the project, and nothing of what the host tells."""

    def chosen():
        return [(one.kind, one.url) for one in running.link.project.choices]

    bpy.ops.ed.undo_push(message="before")
    bpy.ops.mdd.project_add("EXEC_DEFAULT", True, kind=KINDS[0], url="127.0.0.1:9")
    yield from until(lambda: len(chosen()) == 1)
    yield from press("ctrl+z")
    yield from until(lambda: not chosen())
    assert not bpy.context.scene.movie_director.endpoints
    assert all(state(kind) == "connected" for kind in KINDS)
    yield from press("ctrl+shift+z")
    yield from until(lambda: len(chosen()) == 1)
    yield from press("ctrl+z")
    yield from until(lambda: not chosen())


def show_question(running, state):
    """What a file of a stranger leads to: nothing while Blender is offline, and then a question."""
    system = bpy.context.preferences.system
    assert not bpy.app.online_access, "it is off at first"
    endpoint = bpy.context.scene.movie_director.endpoints.add()
    endpoint.kind, endpoint.url = KINDS[0], "http://192.0.2.7:8188"
    module("scene").edited()
    assert [one.url for one in running.link.held_back] == [endpoint.url]
    assert all(state(kind) == "connected" for kind in KINDS), "this machine is no other"
    system.use_online_access = True
    yield from until(lambda: running.link.pending)
    assert not running.link.held_back
    yield from only(module("panels.project").MDD_PT_project, "project")
    system.use_online_access = False
    yield from until(lambda: running.link.held_back and not running.link.pending)
    bpy.context.scene.movie_director.endpoints.clear()
    module("scene").edited()


def upgrade(backend):
    """A newer extension is installed while a job runs, which goes on."""
    before = module("api")
    job = before.submit(json.loads(Path(os.environ["MDD_PAYLOAD"]).read_text()), backend=backend)
    yield from until(lambda: before.job(job.id) and before.job(job.id).state == "running")
    bpy.ops.extensions.package_install_files(
        filepath=str(WORK / "newer.zip"), repo="user_default", enable_on_install=True
    )
    assert module("version").VERSION == "0.1.1"
    api = module("api")
    assert api is not before
    yield from until(lambda: api.link().is_open and api.job(job.id))
    yield from until(lambda: api.job(job.id).state == "done")
    yield from until(lambda: sorted(one.kind for one in api.backends() if one.is_connected) == sorted(KINDS))
    view3d()[2].active_panel_category = "Director"
    yield from photograph("upgraded", crop_of_sidebar())


def only(panel, name):
    """A picture of a panel that is closed at first: open, and without the others."""
    others = module("panels").CLASSES
    for other in reversed(others):
        bpy.utils.unregister_class(other)
    kept = {key: value for key, value in vars(panel).items() if key in ("bl_label", "draw", "draw_header")}
    bases = (module("panels.tab").InTab, bpy.types.Panel)
    opened = type(f"MDD_PT_open_{name}", bases, kept | {"bl_idname": f"MDD_PT_open_{name}"})
    bpy.utils.register_class(opened)
    yield 3.0
    view3d()[2].active_panel_category = "Director"
    yield from photograph(name, crop_of_sidebar())
    bpy.utils.unregister_class(opened)
    for other in others:
        bpy.utils.register_class(other)
    yield 1.0
    view3d()[2].active_panel_category = "Director"


def show_preferences(api):
    window, area, _ = view3d()
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Movie Director"
    yield 1.0
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.preferences.addon_expand(module=ADDON)
    area.tag_redraw()
    yield from photograph("preferences")
    # The key of a service that may want one, by the name of a variable.
    session = api.current()
    key = next(f"backends.{one.kind}.key" for one in session.kinds if "key" in one.secrets)
    told = []
    session.ask("config.set", {"key": key, "value": "env:STUDIO_KEY"}, lambda *answer: told.append(answer))
    yield from until(lambda: told)
    assert told[0][1] is None, told
    yield from until(lambda: (setting := session.configuration.get(key)) and setting.value == "env:STUDIO_KEY")
    yield from pointer("mousemove", 600, 600, *(["click", 5, "sleep", 0.02] * 14))
    yield from photograph("keys", f"{area.width}x{area.height}+{area.x}+{window.height - area.y - area.height}")
    area.type = "VIEW_3D"
    yield 1.0
