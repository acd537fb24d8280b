//! `GET /system_stats`: what a ComfyUI says of itself. Nothing in it but `system` and `devices` is in every version.

use mdd_driver_api::{
    model::{Device, Identity},
    text::printable,
};
use serde_json::Value;

/// What is used of the answer. The command line in it may hold the user's paths, so it is never kept.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Absent before September 2024.
    pub(crate) version: Option<String>,
    pub(crate) devices: Vec<Device>,
}

impl Stats {
    /// `None` for anything that is not ComfyUI's.
    pub(crate) fn read(answer: &Value) -> Option<Self> {
        let system = answer.get("system")?.as_object()?;
        let devices = answer.get("devices")?.as_array()?;
        let text = |name: &str| system.get(name).and_then(Value::as_str);
        let version = text("comfyui_version").map(|version| printable(version, 40));
        let is_older =
            || text("os").is_some() && text("python_version").is_some() && devices.iter().any(has_memory_of_torch);
        (version.is_some() || is_older()).then(|| Self { version, devices: devices.iter().map(device).collect() })
    }

    pub(crate) fn identity(&self) -> Identity {
        match &self.version {
            Some(version) => Identity::mine(98, format!("ComfyUI {version}"))
                .because(format!("/system_stats says that it is ComfyUI {version}")),
            None => Identity::mine(92, "a ComfyUI of before September 2024")
                .because("/system_stats has devices with torch's memory, and no version"),
        }
        .with_version(self.version.clone())
    }
}

fn has_memory_of_torch(device: &Value) -> bool {
    device.get("torch_vram_total").is_some_and(Value::is_number)
}

fn device(entry: &Value) -> Device {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = printable(text("type"), 40);
    let index = entry.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
    // DirectML cannot tell: ComfyUI then names 1 GiB.
    let known = kind != "privateuseone";
    let bytes = |name: &str| entry.get(name).and_then(Value::as_u64).filter(|_| known);
    let mut device = Device::new(card(text("name"), &kind), &kind);
    device.index = index;
    device.memory_total = bytes("vram_total");
    device.memory_free = bytes("vram_free");
    device
}

/// `cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync` is a device, a card and an allocator; only the card is a name.
fn card(name: &str, kind: &str) -> String {
    let name = name.rsplit_once(" : ").map_or(name, |(card, _allocator)| card).trim();
    let card = match name.split_once(' ') {
        Some((device, card)) if device.split(':').next() == Some(kind) => card,
        _ => name,
    };
    if card.is_empty() || card == kind { kind.to_uppercase() } else { printable(card, 80) }
}

#[cfg(test)]
mod tests {
    use super::{Stats, card};
    use mdd_driver_api::{model::Verdict, text::lenient_json};
    use serde_json::{Value, json};

    fn recorded(bytes: &[u8]) -> Value {
        lenient_json(bytes).unwrap()
    }

    fn old() -> Value {
        recorded(include_bytes!("../../../tests/fixtures/comfyui-0.3.64/system_stats.json"))
    }

    fn new() -> Value {
        recorded(include_bytes!("../../../tests/fixtures/comfyui-0.33.0/system_stats.json"))
    }

    #[test]
    fn both_versions_are_recognised() {
        for (answer, version) in [(old(), "0.3.64"), (new(), "0.33.0")] {
            let identity = Stats::read(&answer).unwrap().identity();
            assert_eq!(identity.verdict, Verdict::Mine);
            assert!(identity.score >= 90);
            assert_eq!(identity.version.as_deref(), Some(version));
            assert_eq!(identity.seen, format!("ComfyUI {version}"));
        }
    }

    #[test]
    fn a_server_of_before_the_version_is_recognised() {
        let mut answer = old();
        answer["system"].as_object_mut().unwrap().remove("comfyui_version");
        let identity = Stats::read(&answer).unwrap().identity();
        assert!(identity.score >= 90);
        assert_eq!(identity.version, None);
    }

    #[test]
    fn strangers_are_not() {
        for answer in [
            json!({}),
            json!([]),
            json!("I'm alive!"),
            json!({"system": {}, "devices": []}),
            json!({"system": {"os": "linux", "python_version": "3"}, "devices": [{"name": "sda"}]}),
            json!({"system": {"comfyui_version": "1"}}),
            json!({"devices": [{"torch_vram_total": 1}]}),
        ] {
            assert!(Stats::read(&answer).is_none(), "{answer}");
        }
    }

    #[test]
    fn a_device_has_a_name_for_people_and_its_memory() {
        let answer = json!({"system": {"comfyui_version": "0.33.0"}, "devices": [
            {"name": "cuda:1 NVIDIA GeForce RTX 4090 : cudaMallocAsync", "type": "cuda", "index": 1,
             "vram_total": 25_757_220_864_u64, "vram_free": 24_110_956_544_u64},
            {"name": "privateuseone:0 Radeon", "type": "privateuseone", "vram_total": 1_073_741_824},
            {"type": "npu", "index": -1, "vram_total": null, "vram_free": 0.5},
            {},
        ]});
        let devices = Stats::read(&answer).unwrap().devices;
        assert_eq!((devices[0].name.as_str(), devices[0].kind.as_str()), ("NVIDIA GeForce RTX 4090", "cuda"));
        assert_eq!(devices[0].index, Some(1));
        assert_eq!(devices[0].memory_total, Some(25_757_220_864));
        assert_eq!(devices[0].memory_free, Some(24_110_956_544));
        assert_eq!((devices[1].name.as_str(), devices[1].memory_total), ("Radeon", None));
        assert_eq!((devices[2].name.as_str(), devices[2].index, devices[2].memory_free), ("NPU", None, None));
        assert_eq!(devices.len(), 4);
    }

    #[test]
    fn a_cpu_has_the_memory_of_the_machine() {
        let device = Stats::read(&new()).unwrap().devices.remove(0);
        assert_eq!((device.name.as_str(), device.kind.as_str(), device.index), ("CPU", "cpu", None));
        assert_eq!(device.memory_total, Some(25_276_510_208));
    }

    #[test]
    fn names_are_cleaned_only_where_they_have_the_known_form() {
        assert_eq!(card("cuda:0 AMD Radeon RX 7900 XTX : native", "cuda"), "AMD Radeon RX 7900 XTX");
        assert_eq!(card("NVIDIA A100", "cuda"), "NVIDIA A100");
        assert_eq!(card("mps", "mps"), "MPS");
        assert_eq!(card("", ""), "");
    }
}
