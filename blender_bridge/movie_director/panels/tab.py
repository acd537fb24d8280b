# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the panels are."""

from __future__ import annotations


class InTab:
    """A panel of the Director tab."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Director"


class BelowMain(InTab):
    """A part of the main panel."""

    bl_parent_id = "MDD_PT_main"
