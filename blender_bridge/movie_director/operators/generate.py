# SPDX-License-Identifier: GPL-3.0-or-later
"""A first generation: a payload from a file or a text block, handed to one service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import api, payload
from ..payload import PayloadError
from .base import Connected, Items, current, kept


@kept
def _operations(self: Any, _context: object) -> Items:
    backend = api.backend(self.backend)
    declared = next((kind.operations for kind in api.kinds() if backend and kind.kind == backend.kind), ())
    return [(name, title, "") for name, title in declared] or [("auto", "Default", "What it does first")]


class MDD_OT_generate(Connected, bpy.types.Operator):
    """Give this service something to do: a workflow, a prompt or a chat, as JSON in the terms of the service"""

    bl_idname = "mdd.generate"
    bl_label = "Generate"

    backend: StringProperty(options={"SKIP_SAVE", "HIDDEN"})
    operation: EnumProperty(name="Operation", items=_operations, options={"SKIP_SAVE"})
    source: EnumProperty(
        name="Payload",
        items=[("FILE", "File", "A JSON file"), ("TEXT", "Text Block", "A text of this .blend file")],
        default="FILE",
    )
    filepath: StringProperty(name="File", subtype="FILE_PATH")
    text: StringProperty(name="Text Block")
    attachment: StringProperty(
        name="Attachment",
        subtype="FILE_PATH",
        description="A picture, sound or video that the payload mentions as mdd-file:NAME",
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=420)

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "operation")
        layout.prop(self, "source", expand=True)
        if self.source == "FILE":
            layout.prop(self, "filepath")
        else:
            layout.prop_search(self, "text", bpy.data, "texts", icon="TEXT")
        layout.prop(self, "attachment")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        backend = api.backend(self.backend)
        if backend is None or not backend.is_known:
            self.report({"ERROR"}, "This service is gone")
            return {"CANCELLED"}
        try:
            content, files = self._payload()
        except PayloadError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        running = current()

        def answered(submission: api.Submission) -> None:
            refusal = submission.refusal
            # A job that was accepted is there to be seen.
            running.say(backend.id, refusal.message if refusal else "")

        operation = None if self.operation in ("", "auto") else self.operation
        api.submit(content, backend=backend.id, operation=operation, files=files, then=answered)
        return {"FINISHED"}

    def _payload(self) -> tuple[Any, dict[str, str]]:
        chosen = Path(bpy.path.abspath(self.attachment)) if self.attachment else None
        if self.source == "TEXT":
            block = bpy.data.texts.get(self.text)
            if block is None:
                raise PayloadError("Choose a text block")
            content = payload.parse(block.as_string(), block.name)
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else None
        else:
            if not self.filepath:
                raise PayloadError("Choose a file")
            file = Path(bpy.path.abspath(self.filepath))
            content, folder = payload.read(file), file.parent
        return content, payload.attached(content, folder, chosen)


class MDD_OT_generate_example(Connected, bpy.types.Operator):
    """Put a small example for this kind of service into a text block, to be sent as it is or changed first"""

    bl_idname = "mdd.generate_example"
    bl_label = "Generate from an Example"

    backend: StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, _context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        block = self._write()
        if block is None:
            return {"CANCELLED"}
        bpy.ops.mdd.generate("INVOKE_DEFAULT", backend=self.backend, source="TEXT", text=block.name)
        return {"FINISHED"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return {"CANCELLED"} if self._write() is None else {"FINISHED"}

    def _write(self) -> bpy.types.Text | None:
        backend = api.backend(self.backend)
        content = payload.example(backend.kind) if backend is not None else ""
        if not content:
            self.report({"ERROR"}, "There is no example for this service")
            return None
        block = bpy.data.texts.new(f"{backend.kind} example")
        block.write(content)
        return block


CLASSES = (MDD_OT_generate, MDD_OT_generate_example)
