# SPDX-License-Identifier: GPL-3.0-or-later
"""Small parts on their own: restarts, heartbeat, pace, messages, payloads, settings, copies of programs."""

from __future__ import annotations

import os
import stat

import pytest

from movie_director import secret, settings
from movie_director.bridge import LaunchError, clean_environment
from movie_director.heartbeat import BUSY_PATIENCE, INTERVAL, PATIENCE, Heartbeat
from movie_director.installation import HOST, install, remove_unused
from movie_director.model import Notice
from movie_director.notices import SHOWN_FOR, StatusText
from movie_director.pace import FASTEST, Pace
from movie_director.payload import PayloadError, attached, parse, read
from movie_director.reading import read_configuration, read_health, read_kinds
from movie_director.restarts import MOST, WITHIN, Restarts


def test_pauses_grow_until_it_is_given_up():
    restarts = Restarts()
    pauses = [restarts.ended(float(at)) for at in range(MOST)]
    assert pauses[-1] is None and pauses[:-1] == sorted(pauses[:-1]) and pauses[0] == 0.25
    restarts.forgive()
    assert restarts.ended(100.0) == 0.25


def test_rare_ends_are_accidents_for_ever():
    restarts = Restarts()
    assert all(restarts.ended(at * WITHIN) == 0.25 or at > 0 for at in range(100))
    assert all(restarts.ended((100 + at) * WITHIN) is not None for at in range(100))


def test_silence_means_something_only_after_a_question():
    heartbeat = Heartbeat()
    assert not heartbeat.is_due(10.0, heard=9.5) and heartbeat.is_due(10.0, heard=10.0 - INTERVAL)
    assert not heartbeat.stands_still(1e9, heard=0.0, is_busy=False)
    heartbeat.asked(10.0)
    assert not heartbeat.is_due(12.0, heard=9.0)
    late = 10.1 + PATIENCE
    assert heartbeat.stands_still(late, heard=9.0, is_busy=False)
    assert not heartbeat.stands_still(late, heard=9.0, is_busy=True)
    assert heartbeat.stands_still(10.1 + BUSY_PATIENCE, heard=9.0, is_busy=True)
    assert not heartbeat.stands_still(late, heard=10.5, is_busy=False)


def test_it_is_drawn_on_change_and_not_too_often():
    pace = Pace()
    assert pace.is_due(0.0, "a") and not pace.is_due(10.0, "a")
    assert pace.is_due(20.0, "b") and not pace.is_due(20.0 + FASTEST / 2, "c") and pace.is_due(20.0 + FASTEST, "c")


def test_messages_are_no_shower():
    status = StatusText()
    for number in range(50):
        status.take(Notice("now", f"Message {number}"), 0.1 * number / 50)
    assert status.tick(1.0) == "Message 49 (and 49 more in the Director tab)"
    assert status.tick(SHOWN_FOR + 1) is None
    status.take(Notice("now", "Another"), SHOWN_FOR + 2)
    assert status.tick(SHOWN_FOR + 2) == "Another"


def test_payloads_say_where_they_are_wrong(tmp_path):
    assert parse('{"a": [1, 2.5, null]}', "x") == {"a": [1, 2.5, None]}
    for text in ("", "{", "[" * 100_000, "NaN", '{"a": Infinity}', "x" * 5_000_000):
        with pytest.raises(PayloadError, match=r"^x is"):
            parse(text, "x")
    with pytest.raises(PayloadError, match=r"line 2, column 3"):
        parse('{"a": 1,\n  b}', "x")
    with pytest.raises(PayloadError, match="cannot be read"):
        read(tmp_path / "nothing.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PayloadError, match=r"no text in UTF"):
        read(tmp_path / "binary.json")


def test_mentioned_files_lie_beside_the_payload_or_are_chosen(tmp_path):
    (tmp_path / "photo.png").touch()
    (tmp_path / "other.png").touch()
    payload = {"a": ["mdd-file:photo.png"], "b": "mdd-file:voice", "c": "mdd-file:photo.png"}
    found = attached(payload, tmp_path, tmp_path / "other.png")
    assert found == {"photo.png": str(tmp_path / "photo.png"), "voice": str(tmp_path / "other.png")}
    with pytest.raises(PayloadError, match="voice"):
        attached(payload, tmp_path, None)
    with pytest.raises(PayloadError):
        attached(["mdd-file:../photo.png"], tmp_path / "below", None)


def test_settings_become_rows_that_say_where_their_value_comes_from():
    kinds = read_kinds(
        {
            "kinds": [
                {
                    "kind": "lamp",
                    "title": "Lamp",
                    "secrets": ["key"],
                    "settings": {
                        "properties": {
                            "bright": {
                                "type": "integer",
                                "default": 3,
                                "minimum": 1,
                                "maximum": 9,
                                "title": "Brightness",
                            },
                            "color": {"enum": ["red", "green"], "default": "red"},
                        }
                    },
                }
            ]
        }
    )
    configuration = read_configuration(
        {
            "file": "/home/you/x.toml",
            "values": [
                {"key": "health.interval_ms", "value": 5000, "origin": "default", "source": None, "secret": False},
                {"key": "drivers.lamp.bright", "value": 7, "origin": "environment", "source": "MDD_X", "secret": False},
                {
                    "key": "backends.lamp.url",
                    "value": "http://x",
                    "origin": "file",
                    "source": "x.toml:3",
                    "secret": False,
                },
                {"key": "token", "value": "hunter2", "origin": "file", "source": None, "secret": True},
            ],
            "problems": [],
        }
    )
    host = settings.of_host(configuration)
    assert [(row.title, row.shown, row.told_by) for row in host] == [
        ("Health Interval", "5000 ms", "built in"),
        ("Token", "set", "settings file"),
    ]
    bright, color = settings.of_kind(configuration, kinds[0])
    assert bright.is_fixed and bright.told_by == "environment: MDD_X" and (bright.least, bright.most) == (1, 9)
    assert color.form == "choice" and color.value == "red" and not color.is_fixed
    assert settings.find(configuration, kinds, "backends.lamp.url").form == "text"
    assert settings.find(configuration, kinds, "nothing") is None


def test_health_is_read_oldest_first_with_its_gaps():
    health = read_health(
        {
            "series": {"seconds": [[1000, 2.5, 1], [3000, 1.5, 1], [2000, None, 0], [1500, None, 1], "x", [None]]},
            "uptime": {"session": 0.5},
            "errors": [{"at": "t", "code": "c", "observation": "o"}],
        }
    )
    assert health.latencies == (1.5, None, 2.5) and health.uptime.session == 0.5 and health.mishaps[0].code == "c"
    assert read_health(None).latencies == ()


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    (folder / "plugins").mkdir(parents=True)
    (folder / HOST).write_bytes(b"#!/bin/sh\nexit 0\n")
    (folder / "plugins" / "lamp.so").write_bytes(b"\x7fELF")
    (folder / HOST).chmod(0o644)
    return folder


def test_programs_are_copied_once_with_the_right_to_run(bundle, tmp_path):
    first = install(bundle, tmp_path / "user")
    assert os.access(first.host, os.X_OK) and (first.plugins / "lamp.so").read_bytes() == b"\x7fELF"
    assert not stat.S_IMODE(first.host.stat().st_mode) & 0o077
    made = first.host.stat().st_ino
    assert install(bundle, tmp_path / "user").host.stat().st_ino == made


def test_another_version_replaces_and_damage_is_repaired(bundle, tmp_path):
    folder = tmp_path / "user"
    first = install(bundle, folder)
    first.host.write_bytes(b"damaged")
    assert install(bundle, tmp_path / "user").host.read_bytes().startswith(b"#!")
    (bundle / "plugins" / "lamp.so").write_bytes(b"\x7fELF2")
    second = install(bundle, tmp_path / "user")
    assert second.host != first.host
    # An older host may still work with it.
    remove_unused(folder, second.host.parent, [str(first.plugins), "/usr/lib/mdd-host/plugins"])
    assert first.host.exists() and second.host.exists()
    remove_unused(folder, second.host.parent, [str(second.plugins)])
    assert not first.host.exists() and len(list(folder.iterdir())) == 1


def test_what_cannot_be_installed_says_why(bundle, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LaunchError, match="could not be copied"):
        install(bundle, tmp_path / "file")
    (bundle / HOST).unlink()
    with pytest.raises(LaunchError, match="without mdd-host"):
        install(bundle, tmp_path / "user")


def test_the_host_gets_nothing_of_blenders_python():
    assert clean_environment({"PYTHONHOME": "x", "PYTHONPATH": "y", "PATH": "z"}) == {"PATH": "z"}


def test_the_place_of_a_secret_is_said_and_read_back():
    for place, names, text in [
        ("env", ("KEY", "", ""), "env:KEY"),
        ("keyring", ("", "film", "me"), "keyring:film/me"),
    ]:
        assert secret.reference(place, *names) == text and secret.parts(text) == names
    assert secret.reference("none", "KEY", "film", "me") is None and secret.parts("(set)") == ("", "", "")


def test_a_secret_says_who_names_it_and_what_is_wrong():
    kind = read_kinds({"kinds": [{"kind": "lamp-post", "secrets": ["key"]}]})[0]

    def said(problems=(), **value):
        values = [{"key": "backends.lamp-post.key", "secret": True} | value]
        return secret.places(read_configuration({"values": values, "problems": list(problems)}), kind)[0]

    assert said(origin="default").shown == "Key: not set; MDD_LAMP_POST_KEY or a reference names it"
    named = said(value="keyring:film/me", origin="file", source="c.toml:2")
    assert named.shown == "Key: in the keyring film/me, named by the settings file c.toml:2" and not named.problem
    plain = said(value="(set)", origin="environment", source="LAMP_KEY")
    assert plain.shown == "Key: set by the environment LAMP_KEY" and plain.is_fixed
    wrong = {
        "key": "backends.lamp-post.key",
        "source": "c.toml:2",
        "observation": "nothing there",
        "remedy": "store it",
    }
    assert said([wrong], value="keyring:film/me", origin="file").problem == "nothing there: store it"
