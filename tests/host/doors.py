"""Answers as ComfyUI does, at every address that it is given.

    doors.py main.py --port SYSTEM_STATS HOST PORT [HOST PORT]...

The words in between are what such a service is known by.
"""

import http.server
import pathlib
import socket
import sys
import threading

from answering import IDLE, Answering

STATS = pathlib.Path(sys.argv[3]).read_bytes()


class Handler(Answering, http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"/system_stats": STATS, "/prompt": IDLE}.get(self.path)
        self.answer(200 if body else 404, body or b"")


class Door(http.server.ThreadingHTTPServer):
    # Others may take a part of its connections, if they want to.
    allow_reuse_port = True

    def __init__(self, host, port):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, int(port)), Handler)


doors = [Door(host, port) for host, port in zip(sys.argv[4::2], sys.argv[5::2], strict=True)]
for door in doors:
    threading.Thread(target=door.serve_forever, daemon=True).start()
sys.stdin.read()
