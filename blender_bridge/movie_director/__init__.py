# SPDX-License-Identifier: GPL-3.0-or-later
"""Movie Director in Blender: which AI services work, what helps when one does not, and the jobs that they do.

This module imports nothing of Blender, so that `movie_director.api` can be used and tested without it.
"""

from __future__ import annotations

import sys


def register() -> None:
    """Called by Blender when the extension is switched on."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when it is switched off, updated, uninstalled, or when Blender ends."""
    from . import addon

    addon.unregister()
    # The next register may be that of another version, which older Blenders would mix with this one.
    for name in [name for name in sys.modules if name.startswith(f"{__name__}.")]:
        del sys.modules[name]
        globals().pop(name.rpartition(".")[2], None)
