# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of services, as far as Blender must understand them: whether one is on this machine.

The host reads addresses in all their forms and decides. What is not plainly this machine counts as elsewhere here.
"""

from __future__ import annotations

import re

LONGEST = 500
_HERE = re.compile(r"(localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|\[::1\])")
_FORM = re.compile(r"(?:(https?)://)?([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(/[!-~]*)?", re.IGNORECASE)
_PORT = re.compile(r"\d{1,5}")


def is_plausible(url: str) -> bool:
    """Whether it looks like an address at all, with nothing hidden in it."""
    if not 0 < len(url) <= LONGEST:
        return False
    if _PORT.fullmatch(url):
        return 0 < int(url) < 65536
    form = _FORM.fullmatch(url)
    return form is not None and (form[3] is None or 0 < int(form[3]) < 65536)


def is_same(one: str, other: str) -> bool:
    """Whether two forms of an address mean the same, as the host writes what a user has typed."""
    return _whole(one) == _whole(other)


def _whole(url: str) -> str:
    if _PORT.fullmatch(url):
        url = f"127.0.0.1:{url}"
    if "://" not in url:
        url = f"http://{url}"
    return url.rstrip("/").lower()


def is_here(url: str) -> bool:
    """Whether it is certainly on this machine."""
    if not is_plausible(url):
        return False
    if _PORT.fullmatch(url):
        return True
    form = _FORM.fullmatch(url)
    if form is None or _HERE.fullmatch(form[2].lower()) is None:
        return False
    return all(int(part) < 256 for part in form[2].split(".")) if form[2][0].isdigit() else True
