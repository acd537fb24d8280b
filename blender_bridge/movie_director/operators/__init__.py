# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user can do, by a click each."""

from . import generate, host, job, project, secret, service, setting

CLASSES = (
    *host.CLASSES,
    *service.CLASSES,
    *job.CLASSES,
    *generate.CLASSES,
    *project.CLASSES,
    *setting.CLASSES,
    *secret.CLASSES,
)
