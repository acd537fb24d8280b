# SPDX-License-Identifier: GPL-3.0-or-later
"""The package as users install, update and uninstall it, in a real Blender, with the programs that it brings along."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

HOME = Path(tempfile.mkdtemp(prefix="mdd-package-"))
os.environ["BLENDER_USER_RESOURCES"] = str(HOME / "blender")
os.environ["HOME"] = str(HOME)

import bpy  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from stage import Stage, kinds  # noqa: E402
from versions import newer, older  # noqa: E402
from waiting import until  # noqa: E402

import package  # noqa: E402

PACKAGE = Path(os.environ["MDD_TEST_PACKAGE"])
PAYLOADS = Path(os.environ["MDD_TEST_PAYLOADS"])
MODULE = "bl_ext.user_default.movie_director"


@pytest.fixture
def stage():
    with Stage(HOME) as stage:
        os.environ.pop("MDD_HOST_PROGRAM")
        stage.set("MDD_HOST_OPTIONS", "--no-discovery")
        yield stage
        uninstall()


def install(file: Path) -> None:
    bpy.ops.extensions.package_install_files(filepath=str(file), repo="user_default", enable_on_install=True)
    assert MODULE in bpy.context.preferences.addons


def uninstall() -> None:
    repos = bpy.context.preferences.extensions.repos
    index = next(number for number, repo in enumerate(repos) if repo.module == "user_default")
    bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id="movie_director")


def part(name: str):
    return importlib.import_module(f"{MODULE}.{name}")


def opened():
    until(lambda: part("api").link().is_open, 60.0, between=part("runtime").tick)
    return part("api").link()


def copies() -> list[Path]:
    """Of the host, where extensions keep files. One may go while this looks, which `os.walk` forgives."""
    found = (Path(folder) / "mdd-host" for folder, _, files in os.walk(HOME) if "mdd-host" in files)
    return sorted(path for path in found if ".user" in path.parts)


def test_it_is_installed_updated_and_uninstalled(stage, tmp_path):
    service = stage.service(kinds()[0])
    install(PACKAGE)
    first = opened()
    assert len(copies()) == 1 and os.access(copies()[0], os.X_OK)
    until(lambda: any(one.is_connected for one in part("api").backends()), between=part("runtime").tick)
    before = copies()[0].parent.name

    install(newer(PACKAGE, tmp_path / "newer.zip"))
    assert part("version").VERSION == "0.1.1"
    opened()
    until(lambda: [copy.parent.name == before for copy in copies()] == [False], between=part("runtime").tick)
    until(lambda: any(one.is_connected for one in part("api").backends()), between=part("runtime").tick)
    assert part("api").backends()[0].kind == service.kind
    assert len(stage.processes("serve")) == 1 and first.version

    uninstall()
    assert stage.processes("bridge") == []
    until(lambda: stage.processes("serve") == [])
    assert copies() == [] and not any(HOME.glob("**/user_default/movie_director"))


def test_an_older_host_with_an_open_job_finishes_it_and_hands_over(stage, tmp_path):
    def ticked(wanted, within=60.0):
        return until(wanted, within, between=part("runtime").tick)

    service = stage.service(kinds()[0])
    install(older(PACKAGE, tmp_path / "older.zip"))
    assert opened().version == "0.0.9"
    ticked(lambda: any(one.is_connected for one in part("api").backends()))
    old_host, port = part("api").link().host, service.port
    # It waits for a service that is away.
    service.kill()
    payload = json.loads((PAYLOADS / f"{service.kind}.json").read_text(encoding="utf-8"))
    job = part("api").submit(payload, kind=service.kind)
    ticked(lambda: job.state == "accepted")

    install(PACKAGE)
    assert part("version").VERSION == "0.1.0"
    link = opened()
    assert (link.version, link.host) == ("0.0.9", old_host), "it is used until its job is done"
    assert ticked(lambda: part("api").job(job.id)).is_open
    service.start(port)
    ticked(lambda: part("api").link().version == "0.1.0" and part("api").link().is_open)
    done = ticked(lambda: part("api").job(job.id))
    assert done.state == "done" and all(Path(result.path).is_file() for result in done.results), done
    until(lambda: len(stage.processes("serve")) == 1)
    until(lambda: len(copies()) == 1, between=part("runtime").tick)
    assert len(service.tell("ledger")["jobs"]) == 1


def test_a_package_has_what_its_platform_needs_and_nothing_else():
    with zipfile.ZipFile(PACKAGE) as opened_package:
        names = opened_package.namelist()
        programs = [name for name in names if name.startswith("bin/")]
        assert {"__init__.py", "blender_manifest.toml", "LICENSE", "bin/mdd-host"} <= set(names)
        assert len([name for name in programs if name.startswith("bin/plugins/")]) >= len(kinds())
        for name in names:
            content = opened_package.read(name)
            is_program = content[:4] == b"\x7fELF"
            assert is_program == (name in programs), name
            assert b"bl_info" not in content or is_program


def test_foreign_programs_are_refused(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "driver.so").write_bytes(b"\x7fELF" + b"\0" * 14 + (62).to_bytes(2, "little"))
    for content, found in (
        (b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0\x64\x86", "windows-x64"),
        (b"#!/bin/sh", "no platform"),
    ):
        (tmp_path / "bin" / "mdd-host").write_bytes(content)
        with pytest.raises(package.PackageError, match=found):
            package.package("linux-x64", tmp_path, tmp_path / "out")


def test_the_same_sources_make_the_same_package(tmp_path):
    installation = tmp_path / "installation"
    with zipfile.ZipFile(PACKAGE) as packed:
        assert any(name.startswith("examples/") for name in packed.namelist())
        for name in packed.namelist():
            if name.startswith("bin/"):
                inside = name.removeprefix("bin/")
                file = installation / (inside if inside.startswith("plugins/") else f"bin/{inside}")
                file.parent.mkdir(parents=True, exist_ok=True)
                # The beginning tells the platform; all of it would only be packed for longer.
                file.write_bytes(packed.read(name)[:65536])
    made = [package.package("linux-x64", installation, tmp_path / name) for name in ("one", "two")]
    for one, two in zip(*made, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name


def test_one_index_has_every_platform(tmp_path):
    for platform in ("linux-x64", "windows-x64"):
        with zipfile.ZipFile(tmp_path / f"movie_director-0.1.0-{platform}.zip", "w") as made:
            manifest = (package.HERE / package.NAME / "blender_manifest.toml").read_text()
            made.writestr("blender_manifest.toml", manifest.replace("platforms = []", f'platforms = ["{platform}"]'))
    index = json.loads(package.write_index(tmp_path).read_text())
    assert [entry["platforms"] for entry in index["data"]] == [["linux-x64"], ["windows-x64"]]


def test_a_program_that_was_copied_runs(stage):  # noqa: ARG001
    install(PACKAGE)
    opened()
    said = subprocess.run([copies()[0], "--version"], capture_output=True, text=True, check=True)
    assert "mdd-host" in said.stdout
