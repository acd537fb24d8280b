# SPDX-License-Identifier: GPL-3.0-or-later
"""Every panel, drawn on a recording layout: with nothing, as usual, and at its worst."""

from __future__ import annotations

import importlib
import json
import os
import signal

import bpy
import pytest
from conftest import ADDON
from layout import ICONS, draw, draw_preferences
from stage import kinds

HOSTILE = "A\u202ebc\x00\r\nd\u2028e \x1b[31m" + "word " * 300 + "W" * 900


def draw_all(director, width=300):
    return {panel.__name__: draw(panel, width) for panel in director.panels.CLASSES}


def snapshot(director, backends, jobs=(), notices=()):
    """Shows the panels what a host could say."""
    update = {
        "update": "snapshot",
        "seq": 1,
        "summary": {"severity": "problem", "sentence": HOSTILE},
        "backends": backends,
        "jobs": list(jobs),
        "notices": list(notices),
    }
    line = json.dumps({"jsonrpc": "2.0", "method": "update", "params": update}).encode()
    session = director.api.current()
    session._take(director.protocol.read(line))
    return session


def backend(number=0, **fields):
    return {
        "id": f"lamp@127.0.0.1:{number}",
        "kind": "lamp",
        "title": "Lamp",
        "endpoint": f"http://127.0.0.1:{number}",
        "origin": "default-port",
        "state": "connected",
        "detail": "ready",
        "since": "2026-11-22T22:06:59Z",
        "attempt": 0,
        "makes": ["image", "voice", "sound"],
        "icon": "LIGHT",
    } | fields


REASON = {
    "code": HOSTILE,
    "observation": HOSTILE,
    "meaning": HOSTILE,
    "remedies": [
        {"action": action, "label": HOSTILE, "argument": HOSTILE}
        for action in (
            "retry",
            "set-url",
            "set-key",
            "start-hint",
            "open-docs",
            "accept",
            "change-setting",
            "unheard-of",
        )
    ],
}


def test_with_a_host_that_does_not_come(stage, switch_on):
    stage.set("MDD_HOST_PROGRAM", str(stage.home / "nothing-here"))
    director = switch_on()
    director.until(lambda: director.api.link().state in ("again", "failed"))
    main = draw_all(director)["MDD_PT_main"]
    assert any("could not be started" in text for text in main.texts), main.texts
    assert "mdd.start_again" in main.buttons
    draw_preferences(ADDON)


def test_with_nothing_on_this_machine(director):
    director.until(lambda: director.api.current().world.is_known)
    hint = {"action": "start-hint", "label": "Start it", "argument": "lamp --on"}
    reason = {"code": "not-running", "observation": "nothing there", "meaning": "", "remedies": [hint]}
    snapshot(director, [backend(endpoint=None, origin="missing", state="disconnected", reason=reason)])
    services = draw_all(director)["MDD_PT_services"]
    assert {"mdd.refresh", "mdd.copy_text"} <= set(services.buttons)
    assert services.alerts == []
    told = " ".join(services.texts)
    assert "Lamp" in told and "lamp --on" in told and "Images, voices and sound" in told
    for kind in director.api.kinds():
        assert kind.title in told and kind.start_hint in told


@pytest.mark.parametrize("width", [180, 300, 1000])
def test_as_usual(stage, switch_on, width):
    for kind in kinds():
        stage.service(kind)
    director = switch_on()
    for kind in kinds():
        director.backend(kind)
    drawn = draw_all(director, width)
    services = drawn["MDD_PT_services"]
    for one in director.api.backends():
        assert one.title in services.texts
    assert sum(text.startswith("Connected") for text in services.texts) == len(kinds())
    assert services.alerts == []
    assert drawn["MDD_PT_main"].texts[0] == "Ready"
    draw_preferences(ADDON)


def test_what_does_not_work_says_why_and_what_helps(stage, switch_on):
    service = stage.service(kinds()[0])
    director = switch_on()
    director.backend(service.kind)
    service.kill()
    lost = director.backend(service.kind, "disconnected")
    services = draw_all(director)["MDD_PT_services"]
    assert any(text.startswith("Disconnected") for text in services.alerts)
    assert lost.reason.observation in " ".join(services.texts)
    assert services.buttons.count("mdd.remedy") >= 2


def test_what_is_copied_of_a_service_ends_with_the_last_lines_of_the_log(stage, switch_on):
    service = stage.service(kinds()[0])
    director = switch_on()
    found = director.backend(service.kind)
    answers = []
    director.runtime.running().session.ask("diagnostics", None, lambda *answer: answers.append(answer))
    report, refusal = director.until(lambda: answers)[0]
    assert refusal is None
    details = importlib.import_module(f"{ADDON}.operators.base").details
    copied = json.loads(details(found, report))
    assert 1 <= len(copied["log"]) <= 20
    assert copied["endpoint"] == service.url
    assert "log" not in json.loads(details(found))
    assert bpy.ops.mdd.copy_details(backend=found.id) == {"FINISHED"}


def test_a_click_copies_how_a_stopped_service_goes_on(stage, switch_on):
    service = stage.service(kinds()[0])
    director = switch_on()
    director.backend(service.kind)
    os.kill(service.process.pid, signal.SIGSTOP)

    def stopped():
        found = next(one for one in director.api.backends() if one.kind == service.kind)
        return found if found.detail == "suspended" else None

    one = director.until(stopped)
    index, remedy = next(
        (at, remedy) for at, remedy in enumerate(one.reason.remedies) if remedy.action == "continue-process"
    )
    assert str(service.process.pid) in remedy.argument
    assert remedy.label in [
        arguments.get("text") for name, arguments in draw_all(director)["MDD_PT_services"].drawn if name == "operator"
    ]
    assert bpy.ops.mdd.remedy(backend=one.id, index=index) == {"FINISHED"}
    assert director.runtime.running().said[one.id] == f"Copied: {remedy.argument}"
    os.kill(service.process.pid, signal.SIGCONT)
    director.backend(service.kind)


@pytest.mark.parametrize("width", [180, 300])
def test_at_its_worst(director, width):
    director.until(lambda: director.api.current().world.is_known)
    states = [("disconnected", "waiting"), ("connecting", "identify"), ("connected", "degraded"), ("new", "newer")]
    many = [
        backend(
            number,
            title=HOSTILE,
            state=states[number % 4][0],
            detail=states[number % 4][1],
            reason=REASON,
            next_try_ms=2**60,
            queue={"running": 10**9, "pending": 10**9},
            version=HOSTILE,
            icon=HOSTILE,
            makes=[HOSTILE] * 5,
            attribution=HOSTILE,
            devices=[{"name": HOSTILE, "memory_free": 1, "memory_total": 10**15}],
            latency_ms={"last": 1e12, "p50": 0, "p95": 1e-9},
            last_errors=[{"at": HOSTILE, "code": HOSTILE, "observation": HOSTILE}] * 10,
            uptime={"session": 0.99999, "hour": None, "day": 2},
        )
        for number in range(100)
    ]
    jobs = [
        {"id": f"job-{n}", "kind": HOSTILE, "state": state, "reason": REASON, "text": HOSTILE, "folder": HOSTILE}
        | {"progress": {"step": 7, "total": 3, "detail": HOSTILE}, "results": [{"path": HOSTILE, "role": HOSTILE}]}
        for n, state in enumerate(["queued", "running", "done", "failed", "lost", "unknown", "held", "new"] * 4)
    ]
    notices = [{"at": HOSTILE, "backend": None, "text": HOSTILE}] * 30
    snapshot(director, many, jobs, notices)
    director.runtime.running().expanded = {one["id"] for one in many}
    drawn = draw_all(director, width)
    assert len(drawn["MDD_PT_services"].drawn) > 100
    draw_preferences(ADDON)


def test_every_icon_exists(director):
    named = [*director.looks.JOB_ICONS.values(), *director.looks.REMEDY_ICONS.values()]
    named += [director.looks.RED, director.looks.YELLOW, director.looks.GREEN, director.looks.GREY]
    for icon in named:
        assert director.looks.icon(icon) in ICONS
        assert director.looks.icon(icon) != "BLANK1", f"{icon} is not in Blender {bpy.app.version_string}"


def test_nothing_is_called_wrong_that_only_waits_for_a_word(director):
    director.until(lambda: director.api.current().world.is_known)
    waits = backend(state="disconnected", detail="refused", needs_word=True, reason=REASON | {"observation": "Found"})
    snapshot(director, [waits])
    assert draw_all(director)["MDD_PT_services"].alerts == []
