//! Jobs of another client.

use mdd_sim::Sim;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A job that runs for longer than any test.
pub(crate) async fn slow_job(sim: &Sim, seed: u64) {
    job(sim, seed, json!({"class_type": "LabSlow", "inputs": {"image": ["1", 0], "steps": 6000, "delay": 0.1}})).await;
}

/// A job that runs for about this long.
pub(crate) async fn short_job(sim: &Sim, seed: u64, tenths: u64) {
    job(sim, seed, json!({"class_type": "LabSlow", "inputs": {"image": ["1", 0], "steps": tenths, "delay": 0.1}}))
        .await;
}

/// A job that shows everybody a preview of `size` × `size` × 3 bytes.
pub(crate) async fn noisy_job(sim: &Sim, size: u32) {
    job(sim, 0, json!({"class_type": "LabNoise", "inputs": {"image": ["1", 0], "count": 1, "size": size}})).await;
}

/// Posts without a client_id, so that progress and previews go to every client.
async fn job(sim: &Sim, seed: u64, node: Value) {
    let mut node = node;
    if node["class_type"] == "LabSlow" {
        node["inputs"]["preview"] = Value::Bool(false);
    }
    let prompt = json!({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": seed}},
        "2": node,
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    });
    let body = json!({ "prompt": prompt }).to_string();
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let head = format!("POST /prompt HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", sim.addr(), body.len());
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
