//! A driver that does harm. Tests write into the built file which harm it does and in which method, so that each harm is
//! a driver with a hash of its own.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Driver, DriverError, ErrorKind, Host, Result, Sink,
    model::{Identity, Instance, Queue, Sample},
};
use std::{
    fs::OpenOptions,
    hint::black_box,
    io::{Seek as _, SeekFrom, Write as _},
    process::{Command, abort, exit},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::Duration,
};

/// `harm=` and a name, filled up with dots.
const HARM: &str = "harm=nothing.....................";
/// `place=` and a method, filled up with dots.
const PLACE: &str = "place=nowhere....................";

fn word(text: &'static str) -> &'static str {
    let text = black_box(text);
    text.split_once('=').map(|(_, word)| word.trim_end_matches('.')).unwrap_or_default()
}

static CHECKS: AtomicU32 = AtomicU32::new(0);

struct Hostile {
    host: Host,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        at("drop");
    }
}

impl Driver for Hostile {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        at("create");
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        at("identify");
        self.host.get("/").await?;
        Ok(Identity::mine(100, "anything that answers"))
    }

    async fn check(&self) -> Result<Sample> {
        self.host.get("/").await?;
        // At work, with the connection made: nobody is to see it at the trial.
        if CHECKS.fetch_add(1, Ordering::Relaxed) >= 1 {
            at("work");
        }
        Ok(Sample::with_queue(Queue { running: CHECKS.load(Ordering::Relaxed), pending: None }))
    }

    async fn watch(&self, sink: Sink) -> Result<()> {
        drop(sink);
        Err(DriverError::unsupported("watch"))
    }

    async fn call(&self, operation: String, _argument: serde_json::Value) -> Result<serde_json::Value> {
        Err(DriverError::new(ErrorKind::UNSUPPORTED, operation))
    }
}

fn at(place: &str) {
    if word(PLACE) == place {
        harm(word(HARM));
    }
}

#[expect(clippy::disallowed_methods, reason = "these are the harms")]
fn harm(name: &str) {
    match name {
        "abort" => abort(),
        "exit" => exit(77),
        "segv" => jump_into_nothing(),
        "overflow" => drop(black_box(deeper(0))),
        "hang" => loop {
            sleep(Duration::from_secs(1));
        },
        "spin" => loop {
            black_box(());
        },
        "spawn" => {
            // It outlives its parent unless somebody ends it.
            let _started = Command::new("sleep").arg("86399").spawn();
        }
        "print" => {
            for _ in 0..1000 {
                let _printed = std::io::stdout().write_all(b"{\"good\":1}\nnoise from a driver\n");
            }
        }
        "panic" => panic!("as the test wants it"),
        "memory" => std::mem::forget(black_box(vec![1u8; 300 << 20])),
        // Asked for and never touched: only a limit ends it.
        "hoard" => loop {
            std::mem::forget(black_box(Vec::<u8>::with_capacity(64 << 20)));
        },
        "log" => {
            for number in 0..100_000_u32 {
                mdd_driver_api::tracing::error!(number, "a line of the flood");
            }
        }
        "long-log" => mdd_driver_api::tracing::error!("{}", "x".repeat(8 << 20)),
        "nothing" => {}
        other => panic!("unknown harm {other:?}"),
    }
}

#[expect(unconditional_recursion, reason = "its end is that of the stack")]
fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 512]);
    deeper(depth + 1) + room[usize::try_from(depth % 512).unwrap_or_default()]
}

/// Writes a store to address 0 over its own beginning: as a driver with a mistake in unsafe code would do it.
fn jump_into_nothing() {
    let code: &[u8] = if cfg!(target_arch = "x86_64") { &[0x31, 0xc0, 0x88, 0x00] } else { &[0; 8] };
    let place = black_box(victim as fn()) as usize as u64;
    let memory = OpenOptions::new().write(true).open("/proc/self/mem");
    if let Ok(mut memory) = memory {
        let _written = memory.seek(SeekFrom::Start(place)).and_then(|_| memory.write_all(code));
    }
    victim();
}

#[inline(never)]
fn victim() {
    black_box(1);
}

mdd_driver_api::export_driver!(Hostile, r#"{"kind": "hostile", "title": "Hostile"}"#);
