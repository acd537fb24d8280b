"""Answers as ComfyUI does, by one thread: whatever it works on, nobody is answered meanwhile.

    blocker.py PORT SYSTEM_STATS [SECONDS]

With SECONDS it opens its port, and answers 503 for so long. `GET /work?SECONDS` computes, `GET /sleep?SECONDS` does
nothing, and neither is answered before it is done. At SIGUSR1 it computes for a minute,
whatever it was at.
"""

import http.server
import pathlib
import signal
import sys
import threading
import time

STATS = pathlib.Path(sys.argv[2]).read_bytes()
READY = time.monotonic() + float(sys.argv[3] if len(sys.argv) > 3 else 0)


def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, argument = self.path.partition("?")
        if path == "/work":
            work(float(argument))
        elif path == "/sleep":
            time.sleep(float(argument))
        if time.monotonic() < READY:
            self.answer(503, b"{}")
        elif path == "/system_stats":
            self.answer(200, STATS)
        elif path == "/prompt":
            self.answer(200, b'{"exec_info": {"queue_remaining": 0}}')
        else:
            self.answer(404, b"{}")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGUSR1, lambda *_: work(60))
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(
    target=lambda: (sys.stdin.read(), server.server_close(), __import__("os")._exit(0)), daemon=True
).start()
server.serve_forever()
