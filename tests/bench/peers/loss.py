"""Connects to a simulated ComfyUI again and again, and tells when it is there and when it is lost: `loss.py PORT`."""

import json
import sys
import time

import websocket


def tell(name):
    print(json.dumps({name: time.time_ns()}), flush=True)


while True:
    try:
        client = websocket.create_connection(f"ws://127.0.0.1:{sys.argv[1]}/ws?clientId=peer")
    except OSError:
        time.sleep(0.02)
        continue
    tell("connected")
    try:
        while client.recv():
            pass
    except (OSError, websocket.WebSocketException):
        pass
    tell("lost")
