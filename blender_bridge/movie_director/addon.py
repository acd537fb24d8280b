# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that Blender must know while the extension is on, in the order in which it is made."""

from __future__ import annotations

import bpy

from . import operators, panels, preferences, runtime, scene

CLASSES = (*scene.CLASSES, *preferences.CLASSES, *operators.CLASSES, *panels.CLASSES)


def register() -> None:
    for made in CLASSES:
        bpy.utils.register_class(made)
    scene.register()
    bpy.types.WindowManager.movie_director_address = bpy.props.StringProperty(
        name="Address", description="Of a service, such as 127.0.0.1:8000, or a port alone"
    )
    runtime.start()
    # While Blender starts there is no file yet; its load follows.
    if hasattr(bpy.data, "scenes"):
        scene.loaded()


def unregister() -> None:
    runtime.stop()
    scene.unregister()
    del bpy.types.WindowManager.movie_director_address
    for made in reversed(CLASSES):
        bpy.utils.unregister_class(made)
