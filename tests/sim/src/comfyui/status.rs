//! Facts about the service: what it is, what it can do, what it knows.

use super::{MAX_UPLOAD, Release, process::Process};
use crate::json::{Json, list, object};

pub(super) const RAM_TOTAL: u64 = 25_276_510_208;
const RAM_FREE: u64 = 22_161_625_088;

/// `GET /system_stats`.
pub(super) fn system_stats(process: &Process) -> Json {
    let port = process.port.to_string();
    let (os, frontend, templates) = match process.release {
        Release::V0_3_64 => ("posix", "1.27.10", "0.1.95"),
        Release::V0_33_0 => ("linux", "1.49.6", "0.11.44"),
    };
    let mut system = object! {
        "os" => os,
        "ram_total" => RAM_TOTAL,
        "ram_free" => RAM_FREE,
        "comfyui_version" => process.version,
        "required_frontend_version" => frontend,
        "installed_templates_version" => templates,
        "required_templates_version" => templates,
    };
    if process.release >= Release::V0_33_0 {
        system.set("comfy_package_versions", package_versions());
    }
    system.set("python_version", "3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]");
    system.set("pytorch_version", "2.8.0+cu128");
    system.set("embedded_python", false);
    if process.release >= Release::V0_33_0 {
        system.set("deploy_environment", "local-git");
    }
    let arguments = ["main.py", "--cpu", "--listen", "127.0.0.1", "--port", &port, "--disable-api-nodes"];
    let more = ["--disable-all-custom-nodes", "--whitelist-custom-nodes", "lab_nodes"];
    system.set("argv", arguments.into_iter().chain(more).collect::<Vec<_>>());
    let device = object! {
        "name" => "cpu",
        "type" => "cpu",
        "index" => Json::Null,
        "vram_total" => RAM_TOTAL,
        "vram_free" => RAM_FREE,
        "torch_vram_total" => RAM_TOTAL,
        "torch_vram_free" => RAM_FREE,
    };
    object! { "system" => system, "devices" => list![device] }
}

fn package_versions() -> Json {
    let packages = [
        ("comfyui-frontend-package", "1.49.6"),
        ("comfyui-workflow-templates", "0.11.44"),
        ("comfyui-embedded-docs", "0.5.10"),
        ("comfy-kitchen", "0.2.31"),
        ("comfy-aimdo", "0.4.13"),
    ];
    let package = |(name, version)| object! { "name" => name, "installed" => version, "required" => version };
    Json::List(packages.map(package).into())
}

/// `GET /features`, also sent on a WebSocket that declares its own.
pub(super) fn features(release: Release) -> Json {
    match release {
        Release::V0_3_64 => object! { "supports_preview_metadata" => true, "max_upload_size" => MAX_UPLOAD },
        Release::V0_33_0 => object! {
            "supports_preview_metadata" => true,
            "supports_model_type_tags" => true,
            "max_upload_size" => MAX_UPLOAD,
            "extension" => object! { "manager" => object! { "supports_v4" => true } },
            "node_replacements" => true,
            "assets" => false,
        },
    }
}

/// The folders of models; all are empty.
pub(super) const MODEL_FOLDERS: [&str; 20] = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
];
