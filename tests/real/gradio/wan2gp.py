"""WanGP's web UI as a client sees it: a queue in each session, settings in an archive, results in a gallery."""

import asyncio
import json
import os
import shutil
import time
import zipfile

from served import MEDIA, gr, serve

BANNER = (
    '<div align=center><H1>Wan<SUP style="color: #2563eb;">GP</SUP> v12.60 <FONT SIZE=4>by '
    "<I>DeepBeepMeep</I></FONT></H1></div>"
)
MISSING = "An error happened while trying to locate the file on the Hub and we cannot find the requested files"
ATTACHMENTS = ("image_start", "image_end", "video_source", "video_guide", "audio_guide")
os.makedirs("outputs", exist_ok=True)


def now():
    return str(time.time())


def load_queue_action(path, state, evt: gr.EventData):
    if evt is None or evt.target is None:
        # The page is being loaded, as far as this function knows.
        return gr.update()
    try:
        with zipfile.ZipFile(path) as archive:
            tasks = json.loads(archive.read("queue.json"))
            for task in tasks:
                for field in ATTACHMENTS:
                    name = task["params"].get(field)
                    if name is not None:
                        task["params"][field] = archive.extract(name, "outputs/_loaded_queue_cache")
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        gr.Warning("Failed to load queue: %s" % error)
        return gr.update()
    state["queue"] = tasks
    gr.Info("Loaded %d task(s)" % len(tasks))
    return gr.update(value="<div>Queue is empty.</div>")


def init_process_queue_if_any(state):
    state["in_progress"] = bool(state["queue"])
    return gr.update(visible=False), gr.update(visible=True), gr.update(visible=True)


def activate_status(state):
    return now()


def process_tasks(state):
    state["abort"] = False
    yield now(), now(), gr.update()
    try:
        for task in state["queue"]:
            params = task["params"]
            if params.get("model_type") == "t2v":
                time.sleep(0.3)
                gr.Info("Error Queue autosaved successfully to error_queue.zip")
                raise gr.Error(MISSING)
            steps = int(params.get("num_inference_steps", 4))
            for step in range(1, steps + 1):
                if state["abort"]:
                    gr.Info("Video Generation Aborted")
                    return
                state["status"] = (step, steps, "Prompt %d/%d | Denoising" % (task["id"], len(state["queue"])))
                time.sleep(0.1)
            source = params.get("video_source") or params.get("image_start")
            if source:
                stem = os.path.splitext(os.path.basename(source))[0]
                path = shutil.copy(source, "outputs/%s_post%s" % (stem, os.path.splitext(source)[1]))
            else:
                path = shutil.copy(MEDIA / "waveform.mp4", "outputs/%d.mp4" % time.time_ns())
            state["files"].append(path)
            yield now(), now(), gr.update()
    finally:
        state["queue"], state["in_progress"] = [], False


async def refresh_status_async(state, progress=gr.Progress()):  # noqa: B008 - it is how Gradio injects it
    while state["in_progress"]:
        step, steps, text = state["status"]
        progress((step, steps), desc=text)
        yield text
        await asyncio.sleep(0.1)
    yield ""


def refresh_gallery(state):
    rest = [gr.update() for _ in range(9)]
    return (gr.update(), 0, gr.update(value=state["files"]), 0, "[]", -1, now(), *rest)


def abort_generation(state, _unused):
    state["abort"] = True
    return gr.update(), gr.update()


def finalize_generation_with_state(state):
    return now()


def unload_model_if_needed(state):
    return None


with gr.Blocks(title="WanGP") as demo:
    gr.Markdown(BANNER)
    state = gr.State({"queue": [], "files": [], "in_progress": False, "abort": False, "status": (0, 0, "Starting")})
    unused = gr.State(None)
    load = gr.UploadButton("Load Queue", file_types=[".zip"])
    queue = gr.HTML("<div>Queue is empty.</div>")
    texts = [gr.Textbox(visible=False) for _ in range(15)]
    gallery = gr.Gallery(label="Generated videos")
    button = gr.Button("Generate")
    hidden = [gr.Button(visible=False) for _ in range(8)]
    load.upload(load_queue_action, [load, state], [queue], api_name="load_queue_action")
    button.click(init_process_queue_if_any, [state], texts[:3], api_name="init_process_queue_if_any")
    hidden[0].click(activate_status, [state], texts[:1], api_name="activate_status_1")
    hidden[1].click(process_tasks, [state], texts[:3], api_name="process_tasks_1")
    hidden[2].click(refresh_status_async, [state], texts[:1], api_name="refresh_status_async")
    shown = texts[:2] + [gallery] + texts[2:]
    hidden[3].click(refresh_gallery, [state], shown, api_name="refresh_gallery")
    hidden[4].click(abort_generation, [state, unused], texts[:2], api_name="abort_generation")
    hidden[5].click(finalize_generation_with_state, [state], texts[:1], api_name="finalize_generation_with_state")
    hidden[6].click(unload_model_if_needed, [state], [], api_name="unload_model_if_needed_1")
    hidden[7].click(lambda state: now(), [state], texts[:1], api_name="process_prompt_and_add_tasks")

serve(demo)
