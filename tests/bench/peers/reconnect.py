"""Opens and closes a WebSocket a thousand times: `reconnect.py PORT`."""

import json
import sys
import time

import websocket

CYCLES = 1000

began = time.perf_counter()
for _ in range(CYCLES):
    websocket.create_connection(f"ws://127.0.0.1:{sys.argv[1]}/ws?clientId=peer").close()
print(json.dumps({"each_ms": round((time.perf_counter() - began) * 1000 / CYCLES, 2)}))
