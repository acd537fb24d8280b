# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine on which no service runs."""

from inside import crop_of_sidebar, module, open_sidebar, photograph, until


def play():
    api = module("api")
    yield from open_sidebar(300)
    yield from until(lambda: api.link().is_open and api.current().world.is_known)
    yield from photograph("empty", crop_of_sidebar())
