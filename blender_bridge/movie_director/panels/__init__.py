# SPDX-License-Identifier: GPL-3.0-or-later
"""The Director tab of the sidebar."""

from . import health, jobs, main, project, services

# Sub-panels stand in the order of their registration.
CLASSES = (*main.CLASSES, *services.CLASSES, *jobs.CLASSES, *project.CLASSES, *health.CLASSES)
