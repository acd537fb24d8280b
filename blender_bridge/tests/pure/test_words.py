# SPDX-License-Identifier: GPL-3.0-or-later
"""States, numbers and texts as people read them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from movie_director import words
from movie_director.model import Backend, Job, Progress
from movie_director.text import printable


def backend(**fields) -> Backend:
    return Backend(**{"id": "a", "kind": "lamp", "title": "Lamp", "endpoint": "http://x", **fields})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "connected", "detail": "ready"}, "Connected"),
        ({"state": "connected", "detail": "busy", "running": 1, "pending": 2}, "Connected, 1 running, 2 waiting"),
        ({"state": "connected", "detail": "busy"}, "Connected, busy"),
        ({"state": "connecting", "detail": "identify"}, "Connecting, asking what it is"),
        ({"state": "disconnected", "detail": "waiting", "next_try_at": 103.2}, "Disconnected, next try in 4 s"),
        ({"state": "disconnected", "detail": "waiting", "next_try_at": 99.0}, "Disconnected, trying now"),
        ({"state": "disconnected", "detail": "refused"}, "Disconnected, needs you"),
        ({"state": "disconnected", "detail": "waiting", "endpoint": ""}, "Not running"),
        ({"state": "disabled", "detail": "off"}, "Disabled"),
        ({"state": "hovering", "detail": "above"}, "Hovering, above"),
    ],
)
def test_states(fields, said):
    assert words.state(backend(**fields), 100.0) == said


def test_numbers():
    assert [words.duration(seconds) for seconds in (0.5, 59, 61, 7200, 200_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "2 h",
        "2 d",
    ]
    assert [words.percent(share) for share in (1.0, 0.99999, 0.5, None)] == ["100 %", "99.9 %", "50 %", "–"]
    assert [words.size(count) for count in (12, 2_500, 22_161_625_088)] == ["12 bytes", "2.5 kB", "22.2 GB"]
    assert [words.milliseconds(value) for value in (1.84, 240.4, 3100, None)] == ["1.8 ms", "240 ms", "3.1 s", "–"]
    assert words.makes(["image", "video", "sound"]) == "Images, video and sound"
    now = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
    assert words.ago("2026-11-22T11:57:00Z", now) == "3 min ago"
    assert words.ago("long ago", now) == "" and words.ago("2026-11-22T11:57:00", now) == ""


def test_jobs():
    job = Job("j", "lamp", "running", progress=Progress(3, 20, "Sampler"))
    assert words.job(job) == "Running, 3 of 20, Sampler"
    assert words.job(Job("j", "lamp", "queued", queue_place=0)) == "Waiting, next in line"
    assert Progress(7, 3).share == 1.0 and Progress(1, 0).share is None


def test_lines_are_never_wider_than_they_may_be():
    text = "A sentence with " + "W" * 50 + " in it, and more"
    for width in (1, 3, 8, 20, 400):
        lines = words.wrap(text, width, len, most=1000)
        assert all(len(line) <= width for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert len(words.wrap("a " * 100, 2, len, most=3)) == 3


def test_a_sparkline_has_gaps_and_no_hills_where_there_are_none():
    assert words.sparkline([]) == ""
    assert words.sparkline([1.0, None, 1.0]) == "▁·▁"
    assert words.sparkline([10.0, 10.1, 20.0]) == "▁▁█"
    assert len(words.sparkline(range(1000), 30)) == 30


def test_texts_of_strangers_have_nothing_hidden_in_them():
    assert printable("a\u202eb\x00\r\nc\u2028d\ud800") == "a\ufffdb\ufffd  c\ufffdd\ufffd"
    assert printable("x" * 5000, 10) == "x" * 9 + "…"
    assert printable(None) == printable(5) == ""
    assert printable("Zürich, 日本") == "Zürich, 日本"
