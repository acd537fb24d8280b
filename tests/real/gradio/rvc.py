"""RVC's WebUI of two generations as a client sees it: voices are names, and a conversion is a tone."""

import os
import time

import numpy
from served import SHAPE, gr, serve

VOICES = ["alice.pth", "broken.pth", "slow.pth"]
LOADED = {"voice": ""}


def update(**fields):
    return dict(fields, __type__="update")


def infer_clean():
    LOADED["voice"] = ""
    return update(value="")


def infer_refresh():
    voices = update(choices=VOICES)
    return (voices, update(choices=[])) if SHAPE == "12" else voices


def infer_change_voice(voice, protect, protect_batch):
    if voice == "broken.pth":
        raise EOFError("Ran out of input")
    LOADED["voice"] = voice
    index = update(value="logs/%s/added.index" % voice)
    return update(maximum=108, visible=True), update(visible=True), update(visible=True), index, index


def convert(audio):
    if not audio:
        return "【Single Inference】\nStatus：Waiting for input\n\nUpload an audio file", None
    if not LOADED["voice"] or not os.path.exists(audio):
        # Gradio itself fails over this, and tells nobody why.
        return "Traceback (most recent call last)", (None, None)
    time.sleep(60 if LOADED["voice"] == "slow.pth" else 0.3)
    tone = (numpy.sin(numpy.arange(8000) / 16000 * 440 * 2 * numpy.pi) * 8000).astype(numpy.int16)
    return "【Single Inference】\nStatus：Success\n\nIndex：Index not used.\nTime：npy: 0.1s", (16000, tone)


def infer_convert_9(speaker, audio, transpose, method, index, index_rate, resample, rms, protect):
    return convert(audio)


def infer_convert_12(
    speaker, audio, transpose, f0_file, method, index, index_choice, index_rate, radius, resample, rms, protect
):
    return convert(audio)


with gr.Blocks(title="RVC WebUI") as demo:
    gr.Markdown("## RVC WebUI")
    voice = gr.Dropdown(VOICES, label="Inferencing voice:")
    refresh, clean = gr.Button("Refresh voice list"), gr.Button("Unload voice to save GPU memory:")
    speaker = gr.Slider(0, 2333, value=0, step=1, label="Select Speaker/Singer ID:")
    transpose = gr.Number(value=0, label="Transpose")
    index = gr.Textbox(label="Feature index path")
    index_choice = gr.Dropdown([], label="Auto-detect index path")
    index_batch = gr.Textbox(label="Feature index path")
    rate = gr.Slider(0, 1, value=0.75, label="Search feature ratio")
    radius = gr.Slider(0, 7, value=3, step=1, label="Median filtering")
    resample = gr.Slider(0, 48000, value=0, step=1, label="Resample")
    rms = gr.Slider(0, 1, value=0.25, label="Volume envelope")
    protect, protect_batch = gr.Slider(0, 0.5, value=0.33), gr.Slider(0, 0.5, value=0.33)
    info, sound = gr.Textbox(label="Output information"), gr.Audio(label="Export audio")
    button = gr.Button("Convert")
    clean.click(infer_clean, [], [voice], api_name="infer_clean")
    if SHAPE == "12":
        refresh.click(infer_refresh, [], [voice, index_choice], api_name="infer_refresh")
        method = gr.Radio(["pm", "harvest", "crepe", "rmvpe"], value="rmvpe", label="Pitch")
        path = gr.Textbox(label="Enter the path of the audio file to be processed")
        f0_file = gr.File(label="F0 curve file (optional)")
        inputs = [speaker, path, transpose, f0_file, method, index, index_choice, rate, radius, resample, rms, protect]
        button.click(infer_convert_12, inputs, [info, sound], api_name="infer_convert")
    else:
        refresh.click(infer_refresh, [], [voice], api_name="infer_refresh")
        method = gr.Radio(["pm", "rmvpe", "fcpe"], value="rmvpe", label="Pitch")
        recording = gr.Audio(type="filepath", label="Drag and drop or click to upload audio for processing")
        inputs = [speaker, recording, transpose, method, index, rate, resample, rms, protect]
        button.click(infer_convert_9, inputs, [info, sound], api_name="infer_convert")
    loaded = [speaker, protect, protect_batch, index, index_batch]
    voice.change(infer_change_voice, [voice, protect, protect_batch], loaded, api_name="infer_change_voice")

serve(demo, concurrency_count=511, max_size=1022)
