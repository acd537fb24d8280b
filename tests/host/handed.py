"""A ComfyUI whose every connection is served by a child of its own, so that answers come while it is stopped itself.

    handed.py PORT SYSTEM_STATS GATE

At each question of its queue the child asks at the port GATE of this machine: a `-` from there, and it wants a key.
"""

import http.server
import os
import pathlib
import socket
import socketserver
import sys
import threading

from answering import IDLE, Answering

STATS = pathlib.Path(sys.argv[2]).read_bytes()
GATE = ("127.0.0.1", int(sys.argv[3]))


class Handler(Answering, http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/system_stats":
            self.answer(200, STATS)
        elif self.path != "/prompt":
            self.answer(404, b"{}")
        elif is_refused():
            self.answer(401, b"{}")
        else:
            self.answer(200, IDLE)


def is_refused():
    with socket.create_connection(GATE) as gate:
        return gate.recv(1) == b"-"


class Server(socketserver.ForkingMixIn, http.server.HTTPServer):
    def finish_request(self, request, client_address):
        # The child has this connection and nothing else: the port stays with the process that opened it.
        self.socket.close()
        super().finish_request(request, client_address)


server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
