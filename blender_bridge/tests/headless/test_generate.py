# SPDX-License-Identifier: GPL-3.0-or-later
"""A first generation on each kind: the dialog's payload from a file and from a text block, and what comes of it."""

from __future__ import annotations

import json
import os
import types
import wave
from pathlib import Path

import bpy
import pytest
from layout import Layout, draw
from stage import kinds, real_services

PAYLOADS = Path(os.environ["MDD_TEST_PAYLOADS"])
# The beginning of a file with a film in it.
FILM = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


@pytest.fixture(params=kinds())
def kind(request):
    return request.param


@pytest.fixture
def shot(tmp_path, kind):
    """The payload of the book for this kind, with the files that it mentions beside it."""
    file = tmp_path / "payload.json"
    file.write_text((PAYLOADS / f"{kind}.json").read_text(encoding="utf-8"), encoding="utf-8")
    return file


def media_of(director, file: Path, folder: Path) -> list[Path]:
    """Makes the files that a payload mentions."""
    made = []
    for name in director.payload._mentions(json.loads(file.read_text(encoding="utf-8"))):
        made.append(folder / name)
        if name.endswith(".wav"):
            with wave.open(str(made[-1]), "wb") as sound:
                sound.setparams((1, 2, 16000, 0, "NONE", ""))
                sound.writeframes(bytes(16000))
        else:
            made[-1].write_bytes(FILM)
    return made


def the_job(director):
    """The job that the dialog has given away, once it is over."""

    def over():
        jobs = director.api.jobs()
        return next((job for job in jobs if not job.is_open), None)

    return director.until(over, 60.0)


def assert_made(director, job):
    assert job.state == "done", (job, director.runtime.running().said)
    drawn = draw(director.panels.jobs.MDD_PT_jobs)
    if job.text:
        assert any(text and text in job.text for text in drawn.texts), drawn.texts
    else:
        assert job.results and all(Path(result.path).stat().st_size for result in job.results)
        assert "mdd.open_folder" in drawn.buttons and any("1 file" in text for text in drawn.texts), drawn.texts


def test_from_a_file(stage, switch_on, kind, shot, opened):
    stage.service(kind)
    director = switch_on()
    backend = director.backend(kind)
    media_of(director, shot, shot.parent)
    assert bpy.ops.mdd.generate(backend=backend.id, source="FILE", filepath=str(shot)) == {"FINISHED"}
    job = the_job(director)
    assert_made(director, job)
    assert bpy.ops.mdd.open_folder(job=job.id) == {"FINISHED"}
    folder = director.until(opened)
    assert Path(folder).is_dir() and Path(folder).is_relative_to(job.folder)


@pytest.mark.parametrize("real", sorted(real_services()))
def test_from_a_file_with_a_real_service(stage, switch_on, tmp_path, real):
    stage.name(real, real_services()[real])
    director = switch_on()
    backend = director.backend(real)
    file = PAYLOADS / f"{real}.json"
    copy = tmp_path / file.name
    copy.write_bytes(file.read_bytes())
    media_of(director, copy, tmp_path)
    bpy.ops.mdd.generate(backend=backend.id, source="FILE", filepath=str(copy))
    assert_made(director, the_job(director))


def test_from_a_text_block(stage, switch_on, kind, shot, tmp_path, monkeypatch):
    stage.service(kind)
    director = switch_on()
    # Packages have them there; these are the sources.
    monkeypatch.setattr(director.payload, "EXAMPLES", PAYLOADS)
    director.payload.example.cache_clear()
    backend = director.backend(kind)
    before = set(bpy.data.texts)
    director.runtime.running().expanded = {backend.id}
    assert "mdd.generate_example" in draw(director.panels.services.MDD_PT_services).buttons
    assert bpy.ops.mdd.generate_example(backend=backend.id) == {"FINISHED"}
    (block,) = set(bpy.data.texts) - before
    assert json.loads(block.as_string()) == json.loads(shot.read_text(encoding="utf-8"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    attachments = [str(file) for file in media_of(director, shot, elsewhere)]
    assert dialog(director, backend, "TEXT") == ["operation", "source", "text", "attachment"]
    if attachments:
        with pytest.raises(RuntimeError, match="choose it as the attachment"):
            bpy.ops.mdd.generate(backend=backend.id, source="TEXT", text=block.name)
    attachment = attachments[0] if attachments else ""
    bpy.ops.mdd.generate(backend=backend.id, source="TEXT", text=block.name, attachment=attachment)
    assert_made(director, the_job(director))


def dialog(director, backend, source):
    """The fields that it shows."""
    layout = Layout()
    shape = bpy.ops.mdd.generate.get_rna_type()
    fake = types.SimpleNamespace(layout=layout, source=source, backend=backend.id, bl_rna=shape)
    director.operators.generate.MDD_OT_generate.draw(fake, bpy.context)
    return [arguments["property"] for name, arguments in layout.drawn if name in ("prop", "prop_search")]


def test_what_cannot_be_read_is_said_in_the_dialog(stage, switch_on, tmp_path):
    service = stage.service(kinds()[0])
    director = switch_on()
    backend = director.backend(service.kind)
    file = tmp_path / "payload.json"
    for content, said in [("", "is empty"), ("{", "is no JSON: line 1"), ("[NaN]", "is no JSON that can be sent")]:
        file.write_text(content, encoding="utf-8")
        with pytest.raises(RuntimeError, match=said):
            bpy.ops.mdd.generate(backend=backend.id, source="FILE", filepath=str(file))
    for arguments, said in [
        ({"source": "FILE", "filepath": ""}, "Choose a file"),
        ({"source": "FILE", "filepath": str(tmp_path / "none")}, "cannot be read"),
        ({"source": "TEXT", "text": "none"}, "Choose a text block"),
    ]:
        with pytest.raises(RuntimeError, match=said):
            bpy.ops.mdd.generate(backend=backend.id, **arguments)
    with pytest.raises(RuntimeError, match="This service is gone"):
        bpy.ops.mdd.generate(backend="none@127.0.0.1:1", source="FILE", filepath=str(file))
    assert director.api.jobs() == []


def test_what_the_host_refuses_is_said_at_the_service(stage, switch_on, kind, tmp_path):
    stage.service(kind)
    director = switch_on()
    backend = director.backend(kind)
    file = tmp_path / "payload.json"
    file.write_text("7", encoding="utf-8")
    bpy.ops.mdd.generate(backend=backend.id, source="FILE", filepath=str(file))
    said = director.until(lambda: director.runtime.running().said.get(backend.id))
    texts = " ".join(draw(director.panels.services.MDD_PT_services).texts)
    assert said in texts
    assert director.api.jobs() == []


def test_a_job_that_waits_says_why_and_what_helps(stage, switch_on, kind, shot):
    service = stage.service(kind)
    director = switch_on()
    backend = director.backend(kind)
    media_of(director, shot, shot.parent)
    service.kill()
    director.backend(kind, "disconnected")
    bpy.ops.mdd.generate(backend=backend.id, source="FILE", filepath=str(shot))
    job = director.until(lambda: next((job for job in director.api.jobs() if job.reason), None))
    drawn = draw(director.panels.jobs.MDD_PT_jobs)
    assert job.is_open and job.reason.observation in " ".join(drawn.texts)
    assert "mdd.remedy" in drawn.buttons, drawn.texts
    assert bpy.ops.mdd.job(method="jobs.cancel", job=job.id) == {"FINISHED"}
    assert the_job(director).state == "cancelled"


@pytest.fixture
def opened(stage):
    """What was shown to the user by the desktop's own program."""
    folder = stage.home / "desktop"
    folder.mkdir(exist_ok=True)
    noted = folder / "opened"
    noted.unlink(missing_ok=True)
    program = folder / "xdg-open"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {noted}.new && mv {noted}.new {noted}\n', encoding="utf-8")
    program.chmod(0o755)
    stage.set("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return lambda: noted.exists() and noted.read_text(encoding="utf-8")
