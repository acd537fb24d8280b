//! Somebody else at the same server.

use mdd_sim::Sim;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends a workflow of somebody else's and says what it is called.
pub(crate) async fn submit(sim: &Sim, workflow: &Value) -> String {
    let answer = post(sim, "/prompt", &json!({"prompt": workflow, "client_id": "somebody"})).await;
    answer["prompt_id"].as_str().unwrap().to_owned()
}

/// POST; an empty answer is null.
pub(crate) async fn post(sim: &Sim, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", sim.addr(), body.len());
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or(Value::Null)
}
