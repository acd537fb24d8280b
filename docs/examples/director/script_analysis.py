# SPDX-License-Identifier: GPL-3.0-or-later
"""Script analysis: a language model divides a script into scenes."""

from __future__ import annotations

from typing import Any

QUESTION = "Divide this script into scenes. Answer with one line for each scene."


def analyse(api: Any, script: str, done: Any) -> Any:
    """Asks any model that makes text; `done` gets the scenes, or the reason why there are none."""
    ready = api.capability("text")
    if not ready:
        done([], ready.reason)
        return None
    model = ready.backend.models[0]
    messages = [{"role": "system", "content": QUESTION}, {"role": "user", "content": script}]
    submission = api.submit({"model": model, "messages": messages}, backend=ready.backend.id, then=accepted(done))

    def heard(event: Any) -> None:
        job = event.job
        if job is None or job.id != submission.id or job.is_open:
            return
        unsubscribe()
        done([line for line in job.text.splitlines() if line.strip()], job.reason.observation if job.reason else "")

    unsubscribe = api.subscribe(heard)
    return submission


def accepted(done: Any) -> Any:
    """Passes a refusal on."""
    return lambda submission: done([], submission.refusal.message) if submission.refusal else None
