"""Serves an app of the tests, on whichever Gradio runs it: `python APP.py PORT [SHAPE]`."""

import os
import pathlib
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

VERSION = tuple(int(part) for part in gr.__version__.split(".")[:2])
MEDIA = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "media"
PORT = int(sys.argv[1])
SHAPE = sys.argv[2] if len(sys.argv) > 2 else ""


def serve(demo, **queue):
    """Starts the app and stays."""
    if VERSION >= (4, 0):
        # How many run at once is said of each function since then.
        queue.pop("concurrency_count", None)
    demo.queue(**queue)
    options = {"server_name": "127.0.0.1", "server_port": PORT, "share": False}
    if VERSION >= (3, 40):
        options["allowed_paths"] = [str(MEDIA), os.getcwd()]
    demo.launch(**options)
