# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what users install, from an installation that `cargo xtask dist` has laid out.

For one platform: the extension, the add-on for Blender before 4.2, and an archive for the command line. The folder that
they are put into is also a repository of extensions, which Blender reads from any web server.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import tomllib

HERE = Path(__file__).parent
NAME = "movie_director"
# Machine types in the headers of programs and libraries.
ELF = {62: "linux-x64", 183: "linux-arm64"}
PE = {0x8664: "windows-x64", 0xAA64: "windows-arm64"}
MACH_O = {0x01000007: "macos-x64", 0x0100000C: "macos-arm64"}
# Blender knows these; an archive for the command line may be for others.
PLATFORMS = ("linux-x64", "macos-arm64", "macos-x64", "windows-arm64", "windows-x64")
# The same sources make the same archive.
MOMENT = (2026, 1, 1, 0, 0, 0)

BL_INFO = """
# Read by Blender before 4.2, which knows no blender_manifest.toml.
bl_info = {{
    "name": {name!r},
    "author": {maintainer!r},
    "version": {version!r},
    "blender": (3, 4, 1),
    "location": "3D View > Sidebar > Director",
    "description": {tagline!r},
    "category": "System",
}}
"""


class PackageError(Exception):
    """Why no package can be made of it."""


def main() -> None:
    """Reads the command line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--platform", required=True, help="such as linux-x64")
    arguments.add_argument("--installation", type=Path, required=True, help="folder with bin and plugins")
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--strip", action="store_true", help="leave out what is only for debugging")
    chosen = arguments.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            installation = stripped(chosen.installation, Path(folder)) if chosen.strip else chosen.installation
            for made in package(chosen.platform, installation, chosen.out):
                print(made)
    except PackageError as error:
        raise SystemExit(f"error: {error}") from error


def package(platform: str, installation: Path, out: Path) -> list[Path]:
    """Makes all packages of a platform, and the index of all that lie in `out`."""
    manifest = read_manifest()
    version = manifest["version"]
    out.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory() as folder:
        if platform in PLATFORMS:
            extension = stage(Path(folder) / "extension", platform, installation)
            made.append(_zip(extension, "", out / f"{NAME}-{version}-{platform}.zip"))
            addon = stage_addon(Path(folder) / "addon", platform, installation)
            made.append(_zip(addon, NAME, out / f"{NAME}-addon-{version}-{platform}.zip"))
    made.append(_archive(installation, out / f"mdd-host-{version}-{platform}.tar.gz"))
    made.append(write_index(out))
    return made


def stripped(installation: Path, folder: Path) -> Path:
    """A copy of an installation without symbols, which are most of what is built for debugging."""
    for part in ("bin", "plugins"):
        shutil.copytree(installation / part, folder / part)
        for file in (folder / part).iterdir():
            subprocess.run(["strip", "--strip-debug", file], check=True)  # noqa: S603, S607 - files of our own
    shutil.copytree(installation / "share", folder / "share")
    return folder


def read_manifest() -> dict:
    """The manifest as it is in the sources."""
    manifest = tomllib.loads((HERE / NAME / "blender_manifest.toml").read_text(encoding="utf-8"))
    said = {}
    exec((HERE / NAME / "version.py").read_text(encoding="utf-8"), said)  # noqa: S102
    if said["VERSION"] != manifest["version"]:
        raise PackageError(f"version.py says {said['VERSION']}, blender_manifest.toml {manifest['version']}")
    return manifest


def stage(folder: Path, platform: str, installation: Path) -> Path:
    """Lays out the extension for one platform."""
    _stage_sources(folder)
    manifest = (folder / "blender_manifest.toml").read_text(encoding="utf-8")
    named = manifest.replace("platforms = []", f'platforms = ["{platform}"]')
    if named == manifest:
        raise PackageError("the manifest has no empty list of platforms")
    (folder / "blender_manifest.toml").write_text(named, encoding="utf-8")
    _stage_programs(folder, platform, installation)
    return folder


def stage_addon(folder: Path, platform: str, installation: Path) -> Path:
    """Lays out the add-on for Blender before 4.2 for one platform."""
    write_addon(folder)
    _stage_programs(folder, platform, installation)
    return folder


def write_addon(folder: Path) -> Path:
    """The add-on without programs, as tests use it from the sources."""
    _stage_sources(folder)
    (folder / "blender_manifest.toml").unlink()
    manifest = read_manifest()
    numbers = tuple(int(part) for part in manifest["version"].split("."))
    facts = BL_INFO.format(**{**manifest, "version": numbers})
    start = folder / "__init__.py"
    head, found, tail = start.read_text(encoding="utf-8").partition("import sys\n")
    if not found:
        raise PackageError("__init__.py does not begin as it used to")
    start.write_text(head + found + facts + tail, encoding="utf-8")
    return folder


def _stage_sources(folder: Path) -> None:
    shutil.copytree(HERE / NAME, folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "bin"))
    shutil.copyfile(HERE / "LICENSE", folder / "LICENSE")


def _stage_programs(folder: Path, platform: str, installation: Path) -> None:
    if (installation / "share" / "examples").is_dir():
        shutil.copytree(installation / "share" / "examples", folder / "examples")
    end = ".exe" if platform.startswith("windows") else ""
    host = installation / "bin" / f"mdd-host{end}"
    drivers = sorted(file for file in (installation / "plugins").iterdir() if file.is_file())
    if not drivers:
        raise PackageError(f"{installation / 'plugins'} has no drivers")
    plugins = folder / "bin" / "plugins"
    plugins.mkdir(parents=True)
    for file, place in [(host, plugins.parent), *((driver, plugins) for driver in drivers)]:
        found = platform_of(file)
        if found != platform:
            raise PackageError(f"{file.name} is for {found or 'no platform that is known'}, not for {platform}")
        shutil.copyfile(file, place / file.name)


def platform_of(file: Path) -> str:
    """For which platform a program or library was built; empty for anything else."""
    with file.open("rb") as opened:
        head = opened.read(4096)
    if head[:4] == b"\x7fELF":
        return ELF.get(int.from_bytes(head[18:20], "little"), "")
    if head[:4] == b"\xcf\xfa\xed\xfe":
        return MACH_O.get(int.from_bytes(head[4:8], "little"), "")
    if head[:2] == b"MZ":
        at = int.from_bytes(head[60:64], "little")
        if head[at : at + 4] == b"PE\0\0":
            return PE.get(int.from_bytes(head[at + 4 : at + 6], "little"), "")
    return ""


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file, file.relative_to(folder).as_posix()


def _is_program(name: str) -> bool:
    return name.rpartition("/")[2] in ("mdd-host", "mdd-sim")


def _zip(folder: Path, below: str, to: Path) -> Path:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file, name in _files(folder):
            info = zipfile.ZipInfo(f"{below}/{name}" if below else name, MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if _is_program(name) else 0o100644) << 16
            archive.writestr(info, file.read_bytes())
    return to


def _archive(installation: Path, to: Path) -> Path:
    """For the command line, with the simulator to try things out."""
    licences = [HERE.parent / "LICENSE-MIT", HERE.parent / "LICENSE-APACHE"]
    files = [(file, name) for part in ("bin", "plugins", "share") for file, name in _below(installation / part, part)]
    top = to.name.removesuffix(".tar.gz")
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for file, name in files + [(licence, licence.name) for licence in licences]:
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mtime = file.stat().st_size, 1_767_225_600
            info.mode = 0o755 if name.startswith("bin/") else 0o644
            with file.open("rb") as opened:
                archive.addfile(info, opened)
    to.write_bytes(gzip.compress(plain.getvalue(), 6, mtime=0))
    return to


def _below(folder: Path, part: str) -> Iterator[tuple[Path, str]]:
    return ((file, f"{part}/{name}") for file, name in _files(folder))


def write_index(out: Path) -> Path:
    """The list of a static repository: every extension in the folder."""
    entries = [entry for file in sorted(out.glob(f"{NAME}-*.zip")) if (entry := _entry(file))]
    index = {"version": "v1", "blocklist": [], "data": entries}
    place = out / "index.json"
    place.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return place


def _entry(file: Path) -> dict | None:
    with zipfile.ZipFile(file) as archive:
        if "blender_manifest.toml" not in archive.namelist():
            return None
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    content = file.read_bytes()
    kept = {name: value for name, value in manifest.items() if name != "build"}
    return kept | {
        "archive_url": f"./{file.name}",
        "archive_size": len(content),
        "archive_hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
    }


if __name__ == "__main__":
    main()
