//! Secrets planted everywhere they can be, every fault at the most talkative level of the log, and a look into all that
//! comes out.

use crate::{home::Home, processes, soon, talk::SocketTalk};
use mdd_sim::{Options, Sim};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

/// In each secret.
const CANARY: &str = "kanarie";
/// `artist:kanarie-login`, as a login travels.
const LOGIN: &str = "YXJ0aXN0OmthbmFyaWUtbG9naW4=";
const ENVIRONMENT_KEY: &str = "sk-kanarie-env";
const FAULTS: [&str; 16] = [
    "drop",
    "reset",
    "garbage",
    "html",
    "empty-body",
    "half-json",
    "endless-body",
    "gzip-bomb",
    "nan",
    "slow=5s",
    "hang",
    "refuse",
    "identity=comfyui",
    "ws-refuse",
    "ws-drop",
    "cut-answer",
];

/// A proxy that complains of every request with a key by repeating all that it was sent, as careless ones do.
struct Parrot {
    url: String,
    repeated: Arc<AtomicUsize>,
}

impl Parrot {
    async fn before(service: &Sim) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (service, repeated) = (service.addr(), Arc::new(AtomicUsize::new(0)));
        let counted = repeated.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counted = counted.clone();
                tokio::spawn(async move {
                    let _gone = repeat(stream, service, &counted).await;
                });
            }
        });
        Self { url, repeated }
    }
}

async fn repeat(mut stream: TcpStream, service: std::net::SocketAddr, counted: &AtomicUsize) -> std::io::Result<()> {
    let mut sent = Vec::new();
    while !sent.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut sent).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&sent);
    if text.contains(CANARY) {
        counted.fetch_add(1, Ordering::Relaxed);
        let body = json!({"error": {"message": format!("this was refused: {text}"), "type": text, "code": "500"}});
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 500 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            text.lines().find(|line| line.contains(CANARY)).unwrap_or_default(),
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        return stream.shutdown().await;
    }
    let mut service = TcpStream::connect(service).await?;
    service.write_all(&sent).await?;
    copy_bidirectional(&mut stream, &mut service).await.map(drop)
}

/// Everything that came out, by where.
#[derive(Default)]
struct Heard(BTreeMap<String, Vec<u8>>);

impl Heard {
    fn hear(&mut self, place: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.0.entry(place.into()).or_default().extend_from_slice(bytes.as_ref());
    }

    async fn ask(&mut self, talk: &mut SocketTalk, method: &str, params: Value) -> Value {
        let answer = talk.call(method, params).await.unwrap_or_else(|error| error);
        self.hear(format!("rpc {method}"), answer.to_string());
        answer
    }

    fn files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.files(&path);
            } else if path.is_file() {
                // One that is gone by now was not kept.
                self.hear(path.display().to_string(), fs::read(&path).unwrap_or_default());
            }
        }
    }

    /// Fails with the places where a secret stands.
    fn check(&self) {
        let found: Vec<String> = self.0.iter().flat_map(|(place, bytes)| places(place, bytes)).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

fn places(place: &str, bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter(|line| line.contains(CANARY) || line.contains(LOGIN));
    lines.map(|line| format!("{place}: {}", line.chars().take(500).collect::<String>())).collect()
}

#[test]
fn a_secret_would_be_seen() {
    let mut heard = Heard::default();
    heard.hear("a", b"\xff\x00 sk-kanarie-env \x01");
    heard.hear("b", format!("x\nAuthorization: Basic {LOGIN}"));
    heard.hear("c", b"nothing");
    assert_eq!(heard.0.iter().flat_map(|(place, bytes)| places(place, bytes)).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_comes_out_anywhere() {
    let comfyui = Sim::start("comfyui").await.unwrap();
    let litellm = Sim::start(Options::new("litellm").key(ENVIRONMENT_KEY)).await.unwrap();
    let strict = Sim::start(Options::new("litellm").key("sk-another")).await.unwrap();
    let parrot = Parrot::before(&litellm).await;
    let backends = [
        ("comfyui", comfyui.url()),
        ("litellm", litellm.url()),
        ("litellm", strict.url()),
        ("litellm", parrot.url.clone()),
    ];
    let backends = backends.each_ref().map(|(kind, url)| (*kind, url.as_str()));
    let home = Home::with(&["comfyui", "litellm"], &backends);
    let config = home.folder().join("config.toml");
    let settings = format!(
        "kanarie_unknown = 1\n[backends.comfyui]\nlogin = \"Basic {LOGIN}\"\nurl = \"http://me:kanarie-url@127.0.0.1:1\"\n\
         [backends.litellm]\nkey = \"sk-kanarie-file\"\nurl = 5\n"
    );
    // The name of a key is no secret.
    fs::write(&config, settings.replace("kanarie_unknown", "unknown")).unwrap();

    let log = home.folder().join("stderr.log");
    let mut serve = home.starter(&["serve", "-vv"]);
    serve.arg("--config").arg(&config).env("MDD_LOG", "trace").env("MDD_LITELLM_KEY", ENVIRONMENT_KEY);
    serve.env("COMFYUI_URL", "http://me:kanarie-variable@127.0.0.1:1");
    let mut host = serve.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let pid = host.id().unwrap();
    let mut heard = Heard::default();
    let mut talk = SocketTalk::greeted(&home).await;

    // The secrets reach where they belong, and the complaints of the parrot come back.
    let connected = async {
        loop {
            let snapshot = heard.ask(&mut talk, "snapshot", Value::Null).await;
            let states: Vec<&str> = snapshot["backends"]
                .as_array()
                .unwrap()
                .iter()
                .map(|backend| backend["state"].as_str().unwrap())
                .collect();
            let is_up = |kind: &str, url: &str| {
                let mut backends = snapshot["backends"].as_array().unwrap().iter();
                backends.any(|backend| {
                    backend["kind"] == kind && backend["endpoint"] == url && backend["state"] == "connected"
                })
            };
            if is_up("comfyui", &comfyui.url()) && is_up("litellm", &litellm.url()) && states.len() >= 4 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    soon("the services", connected).await;
    let job = json!({"model": "mock-gpt", "messages": [{"role": "user", "content": "hello"}]});
    let parrot_id = format!("litellm@{}", parrot.url.trim_start_matches("http://"));
    for (id, on) in [("one", format!("litellm@{}", litellm.addr())), ("two", parrot_id)] {
        let submission = json!({"id": id, "backend": on, "payload": job});
        heard.ask(&mut talk, "jobs.submit", submission).await;
    }
    for fault in FAULTS {
        for sim in [&comfyui, &litellm] {
            sim.inject(fault.parse::<mdd_sim::Rule>().unwrap()).await;
            heard.ask(&mut talk, "backends.refresh", Value::Null).await;
            heard.ask(&mut talk, "backends.test", json!({"url": sim.url()})).await;
            sim.clear_faults().await;
        }
    }
    heard.ask(&mut talk, "backends.test", json!({"url": "http://me:kanarie-test@127.0.0.1:1"})).await;
    heard.ask(&mut talk, "config.set", json!({"key": "backends.litellm.key", "value": ["sk-kanarie-list"]})).await;
    heard.ask(&mut talk, "config.set", json!({"key": "backends.litellm.key", "value": "sk-kanarie-set"})).await;
    heard.ask(&mut talk, "backends.add", json!({"kind": "litellm", "url": "http://me:kanarie-add@127.0.0.1:1"})).await;
    // What a .blend keeps is what it is told here.
    let named = json!([{"kind": "litellm", "url": litellm.url()}, {"kind": "comfyui", "url": "http://me:kanarie-blend@127.0.0.1:1"}]);
    heard.ask(&mut talk, "project.open", json!({"project": "shot", "backends": named, "remembered": null})).await;
    let snapshot = heard.ask(&mut talk, "snapshot", Value::Null).await;
    for backend in snapshot["backends"].as_array().unwrap() {
        heard.ask(&mut talk, "backends.health", json!({"backend": backend["id"]})).await;
    }
    for method in ["config.show", "drivers.describe", "drivers.list", "metrics", "jobs.list"] {
        heard.ask(&mut talk, method, Value::Null).await;
    }
    let report = heard.ask(&mut talk, "diagnostics", Value::Null).await;
    let lines = report["log"].as_array().unwrap().len();
    assert!((1..=20).contains(&lines), "{lines} lines of the log: {report:#}");
    assert!(parrot.repeated.load(Ordering::Relaxed) > 0, "{}", fs::read_to_string(&log).unwrap());

    for words in [
        &["status"][..],
        &["doctor"],
        &["config", "show"],
        &["backends", "list"],
        &["jobs", "list"],
        &["jobs", "show", "two"],
        &["backends", "add", "litellm", "http://me:kanarie-line@127.0.0.1:1"],
        &["config", "set", "backends.litellm.url", "http://me:kanarie-line@127.0.0.1:1"],
        &["status", "--backend", "litellm=http://me:kanarie-line@127.0.0.1:1"],
    ] {
        let output = home.output(words).await;
        heard.hear(format!("stdout of {words:?}"), output.stdout);
        // A line that was typed wrongly is repeated to whoever typed it, and to nobody else.
        const CALLED_WRONGLY: i32 = 2;
        if output.status.code() != Some(CALLED_WRONGLY) {
            heard.hear(format!("stderr of {words:?}"), output.stderr);
        }
    }
    for pid in processes::naming(home.state()).into_iter().chain([pid]) {
        heard.hear(format!("command line of {pid}"), fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default());
    }
    heard.ask(&mut talk, "host.stop", Value::Null).await;
    soon("the end of the host", host.wait()).await.unwrap();
    heard.hear("stderr", fs::read(&log).unwrap());
    heard.files(home.state());
    let log_file = heard.0.iter().find(|(place, _)| place.ends_with("host.log")).expect("the host keeps a log");
    assert!(String::from_utf8_lossy(log_file.1).contains("backend{id="), "the log tells the backend");
    assert!(heard.0.keys().any(|place| place.ends_with("journal.db")));
    let blotted = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).contains("Bearer …");
    assert!(heard.0.values().any(blotted), "what the parrot says is told without the key");
    heard.check();
}
