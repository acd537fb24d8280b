# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in the place of the bridge that does what its script says, and a session with it."""

from __future__ import annotations

import sys
from pathlib import Path

from waiting import until

from movie_director.bridge import Launch, clean_environment
from movie_director.session import Session

PRELUDE = """
import json, os, sys, time

def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
    sys.stdout.flush()

def update(**params):
    say(method="update", params=params)

SUMMARY = {"severity": "ok", "sentence": "Fine."}
HELLO = {"protocol": 1, "version": "9.9.9", "pid": os.getpid(), "started": "now"}

def backend(number=1, **fields):
    return {"id": f"lamp@{number}", "kind": "lamp", "title": "Lamp", "state": "connected", "detail": "ready",
            "endpoint": f"http://127.0.0.1:{number}", "makes": ["light"], "icon": "LIGHT", **fields}

def requests():
    for line in sys.stdin:
        yield json.loads(line)

def serve(answers):
    for request in requests():
        method, number = request["method"], request["id"]
        if method == "hello":
            say(id=number, result=HELLO)
        elif method in answers:
            say(id=number, **answers[method](request.get("params")))
        else:
            say(id=number, error={"code": -32601, "message": "there is no method"})
"""


class Scripted:
    """Sessions with scripted bridges."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sessions: list[Session] = []

    def session(self, script: str) -> Session:
        """Starts a session whose bridge runs the script."""
        program = self.folder / f"bridge{len(self._sessions)}.py"
        program.write_text(PRELUDE + script, encoding="utf-8")
        launch = Launch([sys.executable, "-I", str(program)], str(self.folder), clean_environment())
        session = Session(lambda: launch, "test", "0")
        self._sessions.append(session)
        session.start()
        return session

    def close(self) -> None:
        """Ends them all."""
        for session in self._sessions:
            session.close()


def pumped(session: Session, wanted, within: float = 30.0):
    """Pumps until `wanted` gives something."""
    return until(wanted, within, between=session.pump)
