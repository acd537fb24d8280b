# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures two things that are compared in one run, and are no test: how long an event of a service takes to the main
thread's queue, beside a WebSocket client in Python that is connected to the service itself; and what a tick costs.

    measure.py --kind KIND --websocket ws://…/ws?clientId=measure --trigger http://…/prompt --payload FILE
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from stage import HOST, PLUGINS  # noqa: E402
from waiting import until  # noqa: E402

from movie_director.bridge import Launch, clean_environment  # noqa: E402
from movie_director.protocol import Changes  # noqa: E402
from movie_director.session import Session  # noqa: E402

PAIRS = 60


def main() -> None:
    """Reads the command line, and prints what it has measured."""
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("kind", "url", "websocket", "trigger", "payload"):
        arguments.add_argument(f"--{name}", required=True)
    chosen = arguments.parse_args()
    command = [str(HOST), "bridge", "--plugins", str(PLUGINS), "--no-discovery"]
    command += ["--backend", f"{chosen.kind}={chosen.url}"]
    session = Session(lambda: Launch(command, "/", clean_environment()), "measure", "0")
    session.start()
    until(lambda: any(one.is_connected for one in session.world.backends.values()), 30.0, between=session.pump)
    print(json.dumps({"empty_pump_us": empty_pump(session), "event_us": events(session, chosen)}, indent=2))
    session.close()


def empty_pump(session: Session) -> float:
    """A call with nothing to do."""
    took = []
    for _ in range(5000):
        began = time.perf_counter_ns()
        session.pump()
        took.append(time.perf_counter_ns() - began)
    return sorted(took)[len(took) // 2] / 1000


def events(session: Session, chosen: argparse.Namespace) -> dict:
    """From the request that causes an event to the queue of the main thread, both ways at once."""
    import websocket

    direct: queue.Queue[float] = queue.Queue()
    client = websocket.create_connection(chosen.websocket)

    def listen() -> None:
        while True:
            if isinstance(client.recv(), str):
                direct.put(time.perf_counter())

    threading.Thread(target=listen, daemon=True).start()
    ways: dict[str, list[float]] = {"direct": [], "host": []}
    body = Path(chosen.payload).read_bytes()
    for _ in range(PAIRS):
        settle(session, direct)
        asked = urllib.request.Request(
            chosen.trigger, b'{"prompt":' + body + b"}", {"content-type": "application/json"}
        )
        threading.Thread(target=lambda asked=asked: urllib.request.urlopen(asked).read(), daemon=True).start()
        began = time.perf_counter()
        arrived = first_change(session)
        ways["direct"].append((direct.get(timeout=10) - began) * 1e6)
        ways["host"].append((arrived - began) * 1e6)
    return {name: figures(sorted(values)) for name, values in ways.items()}


def settle(session: Session, direct: queue.Queue) -> None:
    """Until nothing of the last turn comes any more."""
    quiet = time.monotonic()
    while time.monotonic() - quiet < 0.5:
        session.pump()
        if session.waiting or not direct.empty():
            quiet = time.monotonic()
        while not direct.empty():
            direct.get()
        time.sleep(0.005)


def first_change(session: Session) -> float:
    """When the next change has come out of the queue of the main thread."""
    while True:
        event = session._bridge.incoming.take(timeout=10)
        arrived = time.perf_counter()
        session._take(event)
        if isinstance(event, Changes):
            return arrived


def figures(values: list[float]) -> dict:
    """The median and the worst of a hundred."""
    return {"p50": round(values[len(values) // 2]), "p99": round(values[int(len(values) * 0.99)])}


if __name__ == "__main__":
    os.environ.setdefault("MDD_STATE_DIR", "/tmp/mdd-measure")
    main()
