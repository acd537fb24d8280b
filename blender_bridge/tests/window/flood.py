#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for mdd-host: a bridge that tells a thousand events a second."""

import json
import sys
import threading
import time

LOCK = threading.Lock()
EVENTS_PER_SECOND = 1000
BACKENDS = 5


def say(**message: object) -> None:
    line = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
    with LOCK:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def backend(number: int, latency: float) -> dict:
    return {
        "id": f"lamp@127.0.0.1:{number}",
        "kind": "lamp",
        "title": f"Lamp {number}",
        "endpoint": f"http://127.0.0.1:{number}",
        "origin": "flag",
        "state": "connected",
        "detail": "ready",
        "since": "2026-01-01T00:00:00Z",
        "attempt": 0,
        "makes": ["light"],
        "icon": "LIGHT",
        "latency_ms": {"last": latency, "p50": 2.0, "p95": 4.0},
    }


def flood() -> None:
    seq = 0
    summary = {"severity": "ok", "sentence": "Everything is ready."}
    whole = {"seq": seq, "summary": summary, "jobs": [], "notices": []}
    backends = [backend(number, 1.0) for number in range(BACKENDS)]
    say(method="update", params={"update": "snapshot", **whole, "backends": backends})
    began = time.monotonic()
    while True:
        # What was not said while this stood still is not made up for.
        began = max(began, time.monotonic() - seq / EVENTS_PER_SECOND - 0.2)
        while seq < (time.monotonic() - began) * EVENTS_PER_SECOND:
            seq += 1
            change = {"seq": seq, "what": "backend", "value": backend(seq % BACKENDS, seq % 97 / 10)}
            say(method="update", params={"update": "changes", "summary": summary, "changes": [change]})
        time.sleep(0.001)


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if request["method"] == "subscribe":
            threading.Thread(target=flood, daemon=True).start()
        hello = {"protocol": 1, "version": "9.9.9", "pid": 1, "started": "now"}
        if request["method"] in ("hello", "subscribe", "ping"):
            say(id=request["id"], result=hello)
        else:
            say(id=request["id"], error={"code": -32601, "message": "there is no such method"})


if __name__ == "__main__":
    main()
