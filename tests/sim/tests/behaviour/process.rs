//! The binary: one line when it listens, commands on its standard input, an end on request.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{http::Connection, soon};

struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mdd-sim"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), child, output }
    }

    async fn line(&mut self) -> Value {
        let line = soon("a line", self.output.next_line()).await.unwrap().expect("the process speaks");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    async fn command(&mut self, line: &str) -> Value {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        self.line().await
    }
}

async fn status(addr: &str) -> u16 {
    soon("an answer", async {
        let mut connection = Connection::open(addr.parse().unwrap()).await.unwrap();
        connection.send("GET", "/", &[], b"").await.unwrap();
        connection.receive().await.unwrap().status
    })
    .await
}

#[tokio::test]
async fn it_says_where_it_listens_and_obeys() {
    let mut process = Process::start(&["comfyui", "--version", "0.3.64", "--fault", "slow=1ms", "--exit-with-stdin"]);
    let hello = process.line().await;
    assert_eq!(hello["kind"], "comfyui");
    assert_eq!(hello["pid"].as_u64(), process.child.id().map(u64::from));
    let addr = hello["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();

    assert_eq!(status(&addr).await, 200);
    for command in ["stop", "start", "restart", "clear", "fault html@/x*1", "stop"] {
        assert_eq!(process.command(command).await, json!({ "ok": true }), "{command}");
    }
    assert!(tokio::net::TcpStream::connect(&addr).await.is_err());
    let ledger = process.command("ledger").await;
    assert_eq!((&ledger["restarts"], &ledger["connections_opened"]), (&json!(1), &json!(1)));
    for bad in ["dance", "fault", "fault hong"] {
        let answer = process.command(bad).await;
        assert_eq!(answer["ok"], false, "{bad}");
        assert!(answer["error"].is_string(), "{bad}");
    }

    drop(process.input.take());
    assert!(soon("the end", process.child.wait()).await.unwrap().success());
}

#[tokio::test]
async fn it_outlives_its_input_unless_told_otherwise() {
    let mut process = Process::start(&["litellm", "--key", "sk-1", "--no-prisma"]);
    let url = process.line().await["url"].as_str().unwrap().to_owned();
    drop(process.input.take());
    assert_eq!(status(url.strip_prefix("http://").unwrap()).await, 200);
    let pid = process.child.id().unwrap().to_string();
    let killed = Command::new("kill").arg(&pid).status().await.unwrap();
    assert!(killed.success());
    assert!(soon("the end", process.child.wait()).await.unwrap().success(), "SIGTERM is an ordinary end");
}

#[tokio::test]
async fn bad_arguments_are_named() {
    for (arguments, complaint) in [
        (&["gopher"][..], "gopher"),
        (&["comfyui", "--version", "9.9"], "no recording of `comfyui` 9.9; there are 0.33.0, 0.3.64"),
        (&["comfyui", "--fault", "hong"], "unknown fault `hong`"),
    ] {
        let process = Process::start(arguments);
        let output = soon("the end", process.child.wait_with_output()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(complaint), "{text}");
    }
}
