"""AudioLDM and AudioLDM2 as a client sees them, with a finished video in place of a model."""

import shutil
import time

from served import MEDIA, SHAPE, gr, serve

HEADINGS = {
    "1": "AudioLDM: Text-to-Audio Generation with Latent Diffusion Models",
    "2": "AudioLDM 2: A General Framework for Audio, Music, and Speech Generation",
}
MODELS = {
    "1": [
        "audioldm-s-full",
        "audioldm-l-full",
        "audioldm-s-full-v2",
        "audioldm-m-text-ft",
        "audioldm-s-text-ft",
        "audioldm-m-full",
    ],
    "2": ["audioldm_48k", "audioldm_crossattn_flant5", "audioldm2-full"],
}


def text2audio(text, duration, guidance_scale, random_seed, n_candidates, model_name=None):
    if "fail" in text:
        raise RuntimeError("CUDA error: device-side assert triggered")
    if "slow" in text:
        time.sleep(60)
    time.sleep(0.3)
    return shutil.copy(MEDIA / "waveform.mp4", "waveform_%d.mp4" % time.time_ns())


with gr.Blocks() as demo:
    gr.HTML("<div><h1>%s</h1></div>" % HEADINGS[SHAPE])
    prompt = gr.Textbox(value="A hammer is hitting a wooden surface", label="Input text", elem_id="prompt-in")
    seed = gr.Number(value=45, label="Seed", precision=0)
    duration = gr.Slider(5, 15, value=10, step=2.5, label="Duration (seconds)")
    guidance = gr.Slider(0, 6, value=3.5, step=0.5, label="Guidance scale")
    candidates = gr.Slider(1, 3, value=3, step=1, label="Number waveforms to generate")
    model = gr.Dropdown(MODELS[SHAPE], value=MODELS[SHAPE][-1], label="Choose the model")
    video = gr.Video(label="Output", elem_id="output-video")
    button = gr.Button("Submit")
    inputs = [prompt, duration, guidance, seed, candidates]
    button.click(text2audio, inputs + [model] if SHAPE == "1" else inputs, [video])

serve(demo, concurrency_count=3)
