# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a secret is kept. The dialog asks for the name of the place, never for the secret."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import api, secret
from .base import Connected
from .setting import change


class MDD_OT_secret(Connected, bpy.types.Operator):
    """Say where this key is kept: in an environment variable or in the keyring of the system"""

    bl_idname = "mdd.secret"
    bl_label = "Where the Key Is Kept"
    bl_options = {"INTERNAL"}

    key: StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    place: EnumProperty(
        name="Kept In",
        items=[
            ("keyring", "Keyring", "The keyring of the operating system, which asks you to unlock it"),
            ("env", "Environment", "A variable of the environment in which mdd-host is started"),
            ("none", "Nowhere", "Take the reference out of the settings"),
        ],
        options={"SKIP_SAVE"},
    )
    variable: StringProperty(name="Variable", description="Its name, not its value", options={"SKIP_SAVE"})
    service: StringProperty(name="Service", description="As the keyring calls it", options={"SKIP_SAVE"})
    user: StringProperty(name="User", description="As the keyring calls it", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        session = api.current()
        setting = session.configuration.get(self.key) if session and session.configuration else None
        known = setting.value if setting is not None and isinstance(setting.value, str) else ""
        self.variable, self.service, self.user = secret.parts(known)
        self.place = "env" if self.variable else "keyring"
        return context.window_manager.invoke_props_dialog(self, width=420)

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "place", expand=True)
        for name in {"env": ("variable",), "keyring": ("service", "user")}.get(self.place, ()):
            layout.prop(self, name)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        change(self.key, secret.reference(self.place, self.variable, self.service, self.user))
        return {"FINISHED"}


CLASSES = (MDD_OT_secret,)
