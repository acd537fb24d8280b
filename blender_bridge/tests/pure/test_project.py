# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file may say, and what is believed of it."""

from __future__ import annotations

import json

import pytest
from hostile import URLS

from movie_director import address, project
from movie_director.model import Backend
from movie_director.project import Choice


@pytest.mark.parametrize(
    "url", ["8188", "127.0.0.1:8188", "http://localhost:1/x", "https://[::1]:8188", "http://127.9.9.9"]
)
def test_this_machine(url):
    assert address.is_here(url)


@pytest.mark.parametrize("url", URLS)
def test_an_address_that_plays_tricks_never_counts_as_this_machine(url):
    assert not address.is_here(url)


def test_the_host_writes_addresses_in_another_form():
    assert address.is_same("192.0.2.7:8000", "http://192.0.2.7:8000/") and address.is_same(
        "8188", "http://127.0.0.1:8188"
    )
    assert not address.is_same("192.0.2.7:8000", "http://192.0.2.8:8000")


def test_what_cannot_be_meant_is_dropped():
    pairs = [("lamp", url) for url in URLS] + [
        (5, "8188"),
        ("lamp", None),
        ("../x", "8188"),
        ("lamp", "8188"),
        ("LAMP ", " 8188"),
    ]
    known = project.choices(pairs)
    assert Choice("lamp", "8188") in known and len(known) <= project.MOST
    assert all(len(choice.url) <= address.LONGEST and choice.kind == "lamp" for choice in known)
    assert len(project.choices([("lamp", str(port)) for port in range(1, 1000)])) == project.MOST


def test_a_file_is_known_by_its_place_and_not_by_what_it_says(tmp_path):
    first, second = tmp_path / "a.blend", tmp_path / "b.blend"
    assert project.identity(str(first), "x") == project.identity(str(tmp_path / "." / "a.blend"), "y")
    assert project.identity(str(first), "x") != project.identity(str(second), "x")
    assert project.identity("", "x") != project.identity("", "y")


def test_states_are_remembered_without_secrets_and_recalled():
    known = Backend(
        "a", "lamp", "Lamp", "connected", "ready", endpoint="http://x", version="secret", models=("secret",)
    )
    text = project.remember([known, Backend("b", "none", "None", "disconnected", "waiting")])
    assert "secret" not in text
    assert [one.title for one in project.recall(text)] == ["Lamp"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        "",
        "x",
        "[]",
        "{",
        "[" * 50000,
        "x" * 10**6,
        '{"backends": 5}',
        '{"backends": [5, {}, {"id": 5}]}',
        json.dumps({"backends": [{"id": "a", "title": "A", "state": "running rm"}]}),
    ],
)
def test_what_cannot_be_believed_is_forgotten(text):
    assert project.recall(text) == ()


def test_a_file_cannot_flood_the_panel():
    many = [{"id": str(n), "title": "T\u202e" * 10, "state": "connected", "makes": [{}] * 30} for n in range(500)]
    recalled = project.recall(json.dumps({"backends": many})[: project.LONGEST_MEMORY])
    assert recalled == ()
    recalled = project.recall(json.dumps({"backends": many[:150]}))
    assert len(recalled) == 4 * project.MOST and "\u202e" not in recalled[0].title
