"""Answers as ComfyUI does, by one thread: whatever it works on, nobody is answered meanwhile.

    blocker.py PORT SYSTEM_STATS SECONDS [fork]

It opens its port, and answers 503 for so many SECONDS. `GET /work?SECONDS` computes, `GET /child?SECONDS` waits for a
child that does, `GET /read?SECONDS` reads from the disk and `GET /sleep?SECONDS` does nothing; none is answered before
it is done. At SIGUSR1 it computes for a minute, whatever it was at. With `fork` the process that opened the port only
waits, and a child of it answers.
"""

import http.server
import mmap
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from answering import IDLE, Answering

STATS = pathlib.Path(sys.argv[2]).read_bytes()
READY = time.monotonic() + float(sys.argv[3])
WORK = """
import os, time
parent, end = os.getppid(), time.monotonic() + float({!r})
while time.monotonic() < end and os.getppid() == parent:
    sum(range(10_000))
"""


def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))


def read(seconds):
    """Reads its own program past the cache, which takes hardly any time of a processor."""
    descriptor = os.open(os.path.realpath(sys.executable), os.O_RDONLY | os.O_DIRECT)
    room = mmap.mmap(-1, 256 * 1024)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        os.preadv(descriptor, [room], 0)
        time.sleep(0.1)


class Handler(Answering, http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, argument = self.path.partition("?")
        if path == "/work":
            work(float(argument))
        elif path == "/child":
            subprocess.run([sys.executable, "-c", WORK.format(argument)], check=True)  # noqa: S603
        elif path == "/read":
            read(float(argument))
        elif path == "/sleep":
            time.sleep(float(argument))
        if time.monotonic() < READY:
            self.answer(503, b"{}")
        elif path == "/system_stats":
            self.answer(200, STATS)
        elif path == "/prompt":
            self.answer(200, IDLE)
        else:
            self.answer(404, b"{}")


signal.signal(signal.SIGUSR1, lambda *_: work(60))
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
if "fork" in sys.argv[4:] and os.fork():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=lambda: (sys.stdin.read(), server.server_close(), os._exit(0)), daemon=True).start()
server.serve_forever()
