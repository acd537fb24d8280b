# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout that records what is drawn on it, and refuses what this Blender would refuse."""

from __future__ import annotations

import types

import bpy

_FUNCTIONS = bpy.types.UILayout.bl_rna.functions
ICONS = frozenset(_FUNCTIONS["label"].parameters["icon"].enum_items.keys())
# What a panel may do with a layout, beside calling its functions.
PROPERTIES = frozenset({"active", "alert", "alignment", "enabled", "scale_x", "scale_y"}) | {
    "use_property_decorate",
    "use_property_split",
}


class Layout:
    """The same for a layout and for every part of it."""

    def __init__(self, drawn: list[tuple[str, dict]] | None = None, **state: object) -> None:
        self.__dict__["drawn"] = [] if drawn is None else drawn
        self.__dict__["state"] = state

    def __setattr__(self, name: str, value: object) -> None:
        assert name in PROPERTIES, f"{name} is no property of a layout"
        self.state[name] = value

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in PROPERTIES:
            return self.state.get(name)
        if name == "progress" and name not in _FUNCTIONS:
            raise AttributeError(name)
        assert name in _FUNCTIONS, f"a layout of Blender {bpy.app.version_string} has no {name}"
        return lambda *positional, **named: self._call(name, positional, named)

    def _call(self, name: str, positional: tuple, named: dict):
        known = [parameter.identifier for parameter in _FUNCTIONS[name].parameters]
        arguments = dict(zip(known, positional, strict=False)) | named
        for argument in named:
            assert argument in known, f"{name} of Blender {bpy.app.version_string} has no {argument}"
        if (icon := arguments.get("icon")) is not None:
            assert icon in ICONS, f"there is no icon {icon} in Blender {bpy.app.version_string}"
        if isinstance(text := arguments.get("text"), str):
            assert text.isprintable(), f"{text!r} has what a label must not show"
            assert len(text) <= 500, f"{text!r} is no label"
        self.drawn.append((name, arguments | {"alert": bool(self.state.get("alert"))}))
        if name == "operator":
            return self._operator(arguments["operator"])
        if name in ("prop", "prop_search"):
            assert arguments["property"] in arguments["data"].bl_rna.properties
        return Layout(self.drawn, **self.state)

    def _operator(self, name: str):
        group, _, function = name.partition(".")
        kind = getattr(getattr(bpy.ops, group), function).get_rna_type()

        class Properties(types.SimpleNamespace):
            def __setattr__(self, attribute: str, value: object) -> None:
                assert attribute in kind.properties, f"{name} has no {attribute}"
                super().__setattr__(attribute, value)
                self.drawn.append((attribute, value))

        properties = Properties.__new__(Properties)
        properties.__dict__["drawn"] = []
        self.drawn[-1][1]["properties"] = properties
        return properties

    @property
    def texts(self) -> list[str]:
        """Everything that can be read."""
        return [arguments["text"] for _, arguments in self.drawn if arguments.get("text")]

    @property
    def alerts(self) -> list[str]:
        """What is said in red."""
        return [arguments["text"] for _, arguments in self.drawn if arguments.get("text") and arguments["alert"]]

    @property
    def buttons(self) -> list[str]:
        """Operators that can be clicked."""
        return [arguments["operator"] for name, arguments in self.drawn if name == "operator"]


def draw(panel: type, width: int = 300) -> Layout:
    """What a panel draws in a sidebar of that width."""
    layout = Layout()
    region = types.SimpleNamespace(width=width)
    context = types.SimpleNamespace(region=region, window_manager=bpy.context.window_manager, scene=bpy.context.scene)
    fake = types.SimpleNamespace(layout=layout)
    if not hasattr(panel, "poll") or panel.poll(context):
        for part in ("draw_header", "draw_header_preset", "draw"):
            if part in panel.__dict__:
                getattr(panel, part)(fake, context)
    return layout


def draw_preferences(addon: str) -> Layout:
    """What the preferences of an add-on draw."""
    layout = Layout()
    preferences = bpy.context.preferences.addons[addon].preferences
    drawn = types.SimpleNamespace(layout=layout, bl_rna=preferences.bl_rna)
    type(preferences).draw(drawn, bpy.context)
    return layout
