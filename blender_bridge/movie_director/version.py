# SPDX-License-Identifier: GPL-3.0-or-later
"""The version, which is that of the host beside it."""

VERSION = "0.1.0"
