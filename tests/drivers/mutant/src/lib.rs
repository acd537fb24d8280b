//! A driver of a made-up printing press that keeps all laws, unless tests write into the built file which mistake it
//! makes: so each mistake is a driver with a hash of its own, and none takes a build.

#![forbid(unsafe_code)]

mod run;

use mdd_driver_api::{
    Connect, Driver, DriverError, ErrorKind, Host, Job, Request, Result, Sink,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
};
use serde_json::Value;
use std::{hint::black_box, mem::forget, thread, time::Duration};

/// `mistake=` and a name, filled up with dots.
const MISTAKE: &str = "mistake=none..............................";

/// Whether it makes that mistake.
fn makes(mistake: &str) -> bool {
    let text = black_box(MISTAKE);
    text.split_once('=').is_some_and(|(_, word)| word.trim_end_matches('.') == mistake)
}

struct Press {
    host: Host,
}

impl Driver for Press {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        if makes("keeps-the-host") {
            forget(host.clone());
        }
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        if makes("posts-as-candidate") {
            let _blocked = self.host.send(Request::post("/jobs")).await;
        }
        if makes("identifies-by-post") {
            self.host.send(Request::post("/jobs")).await?;
        }
        if makes("never-identifies") {
            return Err(DriverError::new(ErrorKind::PROTOCOL, "it makes no sense"));
        }
        let mut question = Request::get("/press");
        if makes("patient-identify") {
            question = question.head_within(Duration::from_secs(60)).without_deadline();
        }
        let answer = match self.host.send(question).await {
            Err(_) if makes("nobody-is-a-no") => return Ok(Identity::no("nothing")),
            answer => answer?,
        };
        if makes("takes-everybody") {
            return Ok(Identity::mine(100, "anything"));
        }
        let body: Value = answer.json().unwrap_or_default();
        if makes("panics-on-its-own") && answer.is_success() {
            panic!("{}", answer.in_words());
        }
        let score = if makes("unsure") { 60 } else { 95 };
        Ok(match body.get("press") {
            Some(_) if answer.is_success() => Identity::mine(score, "a press"),
            _ if makes("panics-on-strangers") => panic!("{}", answer.in_words()),
            _ => Identity::no(answer.in_words()),
        })
    }

    async fn check(&self) -> Result<Sample> {
        if makes("costly-check") {
            self.host.get("/bill").await?;
        }
        if makes("has-threads") {
            thread_answers().await;
        }
        match self.host.get("/press").await {
            Err(_) if makes("immortal") => Ok(Sample::default()),
            Ok(answer) if makes("any-status-lives") && answer.status == 500 => Ok(Sample::default()),
            Err(error) if makes("undeclared-code") => Err(error.with_code("mutant.secret")),
            answer => {
                let body: Value = answer?.success()?.json()?;
                if makes("blocks") {
                    #[expect(clippy::disallowed_methods, reason = "it is the mistake")]
                    thread::sleep(Duration::from_millis(1100));
                }
                let mut sample = Sample::default();
                sample.boot = body["boot"].as_str().map(str::to_owned);
                Ok(sample)
            }
        }
    }

    async fn inspect(&self) -> Result<Inspection> {
        if makes("leaks") {
            forget(vec![0_u8; 1000]);
        }
        if makes("cannot-inspect") {
            return Err(DriverError::new(ErrorKind::PROTOCOL, "it makes no sense"));
        }
        Ok(Inspection::default())
    }

    async fn watch(&self, sink: Sink) -> Result<()> {
        let mut lives = 0;
        loop {
            let mut socket = self.host.connect(Connect::new("/news")).await;
            if let Ok(socket) = &mut socket {
                if makes("says-nothing-first") {
                    sink.changed();
                }
                sink.status(&Sample::default());
                while socket.next().await.is_ok() {}
            }
            lives += 1;
            if !makes("reconnects") || lives == 3 {
                return socket.map(drop);
            }
            self.host.sleep(Duration::from_secs(1)).await;
        }
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        run::run(&self.host, attempt, job).await
    }
}

/// Waits for a thread of its own, as a driver that brings a runtime does.
async fn thread_answers() {
    use std::{
        future::poll_fn,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::Poll,
    };
    let done = Arc::new(AtomicBool::new(false));
    let mut is_started = false;
    poll_fn(|cx| {
        if done.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !is_started {
            is_started = true;
            let (done, waker) = (done.clone(), cx.waker().clone());
            thread::spawn(move || {
                #[expect(clippy::disallowed_methods, reason = "it is the mistake")]
                thread::sleep(Duration::from_millis(20));
                done.store(true, Ordering::SeqCst);
                waker.wake();
            });
        }
        Poll::Pending
    })
    .await;
}

mdd_driver_api::export_driver!(Press, include_str!("../manifest.json"));
