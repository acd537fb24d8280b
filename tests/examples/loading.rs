//! What loading drivers costs. Prints figures and judges nothing, for a program and a driver of any build:
//! `cargo run -p mdd-tests --example loading -- target/dist/bin/mdd-host target/dist/plugins/libmdd_driver_ollama.so`.

#![allow(clippy::print_stdout, reason = "a measurement talks to the person who started it")]

use mdd_core::rpc::{Client, Drivers, Nothing};
use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: u8 = 20;
const SOON: Duration = Duration::from_secs(60);

/// A program and the bytes of a driver.
struct Subject {
    program: PathBuf,
    kind: String,
    bytes: Vec<u8>,
}

impl Subject {
    fn command(&self, state: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", state).arg("--state-dir").arg(state).stdin(Stdio::null());
        command
    }

    /// The same driver for another kind and of another version, so that it is another file.
    fn variant(&self, number: u8) -> Vec<u8> {
        let (name, kind) = (self.kind.as_bytes(), self.kind_of(number));
        let mut bytes = self.bytes.clone();
        let ends: [&[u8]; 2] = [b"\"", b"."];
        for at in 0..bytes.len().saturating_sub(name.len() + 2) {
            let end = at + 1 + name.len();
            if bytes[at] == b'"' && bytes[at + 1..end] == *name && ends.contains(&&bytes[end..=end]) {
                bytes[at + 1..end].copy_from_slice(kind.as_bytes());
            }
        }
        bytes
    }

    fn kind_of(&self, number: u8) -> String {
        format!("{}{number:02}", &self.kind[..self.kind.len() - 2])
    }

    fn serve(&self, plugins: &Path, state: &Path) -> io::Result<Serving> {
        let mut command = self.command(state);
        command.args(["--no-discovery", "--plugins"]).arg(plugins).arg("serve");
        Ok(Serving(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }
}

/// A host that is killed when this goes.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Serving {
    /// A line of what the system says of its memory, in KiB.
    fn memory(&self, file: &str, field: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    println!("{what}: p50 {:.1?}, p95 {:.1?}, {} rounds", at(50), at(95), times.len());
}

async fn client(state: &Path) -> Client {
    let began = Instant::now();
    loop {
        match Client::connect(state, "a measurement").await {
            Ok(client) => return client,
            Err(error) => assert!(began.elapsed() < SOON, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until so many drivers are in use.
async fn until_active(client: &mut Client, wanted: usize) {
    let began = Instant::now();
    loop {
        let list: Drivers = client.call("drivers.list", &Nothing {}).await.expect("the host answers");
        let active = list.drivers.iter().filter(|driver| driver.status == "active").count();
        if active == wanted {
            return;
        }
        assert!(began.elapsed() < SOON, "{active} of {wanted} drivers are in use: {list:#?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn drops(subject: &Subject) -> io::Result<()> {
    let (plugins, state) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let _host = subject.serve(plugins.path(), state.path())?;
    let mut client = client(state.path()).await;
    let mut times = Vec::new();
    for number in 0..ROUNDS {
        let beside = plugins.path().join(".part");
        fs::write(&beside, subject.variant(number))?;
        let began = Instant::now();
        fs::rename(beside, plugins.path().join(format!("{number}.{}", env::consts::DLL_EXTENSION)))?;
        until_active(&mut client, usize::from(number) + 1).await;
        times.push(began.elapsed());
    }
    told("a file is dropped → its driver is in use", times);
    Ok(())
}

fn trials(subject: &Subject) -> io::Result<()> {
    let state = tempfile::tempdir()?;
    let file = state.path().join("driver");
    fs::write(&file, &subject.bytes)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let vet = subject.command(state.path()).args(["drivers", "vet"]).stdin(File::open(&file)?).output()?;
        times.push(began.elapsed());
        assert!(String::from_utf8_lossy(&vet.stdout).contains("good"), "{vet:?}");
    }
    told("a trial in a process of its own", times);
    Ok(())
}

/// Inspected, hashed, copied, loaded and compared, as the trial has been remembered.
fn loads(subject: &Subject) -> io::Result<()> {
    const DRIVERS: u32 = 20;
    let (empty, full, state) = (tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?);
    for number in 0..DRIVERS {
        let name = format!("{number}.{}", env::consts::DLL_EXTENSION);
        fs::write(full.path().join(name), subject.variant(u8::try_from(number).unwrap_or_default()))?;
    }
    let list = |plugins: &Path| -> io::Result<Duration> {
        let began = Instant::now();
        let mut command = subject.command(state.path());
        let output = command.args(["--no-discovery", "drivers", "list", "--plugins"]).arg(plugins).output()?;
        assert!(output.status.success(), "{output:?}");
        Ok(began.elapsed())
    };
    list(full.path())?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(list(full.path())?.saturating_sub(list(empty.path())?) / DRIVERS);
    }
    told("a load of a driver whose trial is remembered", times);
    Ok(())
}

async fn memory(subject: &Subject) -> io::Result<()> {
    for number in [0, 5, 20, 50] {
        let (plugins, state) = (tempfile::tempdir()?, tempfile::tempdir()?);
        for number in 0..number {
            let name = format!("{number}.{}", env::consts::DLL_EXTENSION);
            fs::write(plugins.path().join(name), subject.variant(number))?;
        }
        let host = subject.serve(plugins.path(), state.path())?;
        until_active(&mut client(state.path()).await, usize::from(number)).await;
        let (rss, anonymous) = (host.memory("status", "VmRSS:"), host.memory("status", "RssAnon:"));
        println!("{number} drivers: {} MiB resident, of these {} MiB its own data", rss >> 10, anonymous >> 10);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(program), Some(driver)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("it takes a program and a driver"));
    };
    let stem = driver.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let kind = stem.rsplit('_').next().unwrap_or_default().to_owned();
    // Beside it there may be drivers, which it would find.
    let home = tempfile::tempdir()?;
    let alone = home.path().join("mdd-host");
    fs::copy(program, &alone)?;
    let subject = Subject { program: alone, kind, bytes: fs::read(driver)? };
    trials(&subject)?;
    loads(&subject)?;
    drops(&subject).await?;
    memory(&subject).await
}
