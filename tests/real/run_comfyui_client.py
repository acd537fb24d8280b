"""Runs a workflow on a ComfyUI server with comfy-cli, the ComfyUI project's own client, and checks the image.

Usage: run_comfyui_client.py URL WORKFLOW, with the interpreter of the environment that holds comfy-cli.
The client asks for the node types, opens the WebSocket, posts the workflow and follows its events to the end.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

PNG = b"\x89PNG\r\n\x1a\n"


def run_client(url: str, workflow: str) -> dict:
    """Returns what the client reports in its JSON form."""
    server = urlsplit(url)
    command = [sys.executable, "-m", "comfy_cli", "--json", "run", "--wait", "--timeout", "20"]
    command += ["--host", server.hostname, "--port", str(server.port), "--workflow", str(Path(workflow).resolve())]
    # A home of its own keeps its settings away from the user's; it sends nothing about its use.
    with tempfile.TemporaryDirectory() as home:
        variables = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "DO_NOT_TRACK": "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, env=variables, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    report = next((line for line in reversed(lines) if line.get("type") == "envelope"), None)
    if report is None or not report["ok"]:
        sys.exit(f"comfy-cli failed with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return report["data"]


def main() -> None:
    url, workflow = sys.argv[1:]
    report = run_client(url, workflow)
    outputs = report["outputs"]
    if len(outputs) != 1:
        sys.exit(f"expected one image, got {outputs}")
    # The client learns which nodes ran from the WebSocket alone.
    if sorted(report["executed_node_ids"]) != ["1", "2"]:
        sys.exit(f"the events told of the nodes {report['executed_node_ids']}")
    with urlopen(outputs[0], timeout=10) as answer:
        image = answer.read()
    size = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    if not image.startswith(PNG) or size != (64, 64):
        sys.exit(f"{outputs[0]} is no PNG of 64 by 64: {image[:32]!r}")
    print(f"comfy-cli ran the workflow on {url} and brought back a PNG of 64 by 64")


if __name__ == "__main__":
    main()
