# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the book for the other parts of Movie Director, with the real host and simulated services.

They name kinds, as the parts of Movie Director do that know what they ask for; the extension itself names none.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import zlib
from pathlib import Path

import pytest
from stage import kinds

EXAMPLES = Path(os.environ["MDD_TEST_EXAMPLES"]) / "director"


def example(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def director(stage, switch_on):
    for kind in kinds():
        stage.service(kind)
    director = switch_on()
    for kind in kinds():
        director.backend(kind)
    director.until(lambda: all(one.models or "text" not in one.makes for one in director.api.backends()))
    return director


def kind_with(director, operation):
    """The kind that declares an operation."""
    return next(kind.kind for kind in director.api.kinds() if operation in dict(kind.operations))


def finished(director, submission):
    job = director.until(lambda: (job := director.api.job(submission.id)) and not job.is_open and job)
    assert job.state == "done", (job, submission)
    return job


def picture(folder: Path) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    file = folder / "reference.png"
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes([n * 30, 0, 0]) * 8 for n in range(8)))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return file


def test_script_analysis(director):
    scenes = []
    example("script_analysis").analyse(
        director.api, "A street at dawn.", lambda found, why: scenes.append((found, why))
    )
    director.until(lambda: scenes)
    assert scenes[0][0] and scenes[0][1] == ""


def test_script_analysis_without_a_service_says_why(director):
    said = []
    director.off()
    example("script_analysis").analyse(director.api, "x", lambda found, why: said.append((found, why)))
    assert said == [([], "mdd-host is not connected")]


def test_characters(director, tmp_path):
    job = finished(director, example("characters").portray(director.api, picture(tmp_path), "ada"))
    assert [Path(result.path).suffix for result in job.results] == [".png"]


def test_styles(director):
    assert all(model for _, model in example("styles").choices(director.api, "text"))
    assert example("styles").choices(director.api, "text") and example("styles").choices(director.api, "smell") == []


def test_environments(director):
    told = []
    job = finished(director, example("environments").paint(director.api, 64, 32, 255, told.append))
    assert told[-1] == "done" and Path(job.results[0].path).is_file()


def test_node_execution(director):
    workflow = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 3}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "node"}},
    }
    node = example("node_execution").Node(director.api, kind_with(director, "workflow"), workflow)
    assert node.state == "idle"
    node.execute()
    director.until(lambda: node.state == "done")
    assert node.outputs and Path(node.outputs[0]).is_file()


def test_regeneration_queue(stage, director):
    kind = kind_with(director, "workflow")
    service = next(service for service in stage.services if service.kind == kind)
    queue = example("regeneration_queue")
    shots = {
        f"shot-{number}": {
            "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": number}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "take"}},
        }
        for number in range(3)
    }
    port = service.port
    service.kill()
    director.backend(kind, "disconnected")
    queue.regenerate(director.api, shots, kind)
    director.until(lambda: set(queue.regenerate(director.api, shots, kind).values()) == {"queued"})
    service.start(port)
    director.until(lambda: set(queue.regenerate(director.api, shots, kind).values()) == {"done"})
    assert len(service.tell("ledger")["jobs"]) == 3
