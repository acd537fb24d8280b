"""What Gradio's own client takes for an app shaped like AudioLDM2: `gradio_app.py URL`."""

import contextlib
import json
import pathlib
import sys
import time

began = time.perf_counter()
import gradio_client  # noqa: E402

imported = time.perf_counter()
with contextlib.redirect_stdout(sys.stderr):
    client = gradio_client.Client(sys.argv[1], verbose=False)
connected = time.perf_counter()
client.predict("a hammer", 10, 3.5, 45, 1, fn_index=0)
made = time.perf_counter()
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
figures = {"import": imported - began, "connect": connected - imported, "predict": made - connected}
print(json.dumps(figures | {"resident_mb": round(resident / 1024)}))
