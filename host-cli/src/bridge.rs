//! `bridge`: passes lines between a program and the host, and brings the host back when it is lost.
//!
//! The program sees one connection. When the host ends, its open requests are answered with an error, the host is started
//! again, `hello` and `subscribe` are said again on its behalf, and one notice tells it what happened.

mod memory;

use crate::{Verdict, arguments::Global, connect, stdout};
use anyhow::Context as _;
use mdd_core::rpc::{Line, LineReader, MAX_LINE, Wire};
use memory::Memory;
use std::{io, path::Path, time::Duration};
use tokio::{
    fs::File,
    io::{AsyncWriteExt as _, BufReader, Stdin},
    time::{sleep, timeout},
};

/// For the answers to what was asked just before the end.
const LAST_ANSWERS: Duration = Duration::from_millis(150);
/// Between two tries to bring the host back.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) async fn run(options: &Global, state: &Path) -> anyhow::Result<Verdict> {
    let mut bridge = Bridge {
        program: LineReader::new(BufReader::new(tokio::io::stdin()), MAX_LINE),
        out: File::from_std(stdout::ours()?),
        memory: Memory::default(),
    };
    let mut wire = open(options, state).await?;
    loop {
        match bridge.pass(&mut wire).await? {
            Gone::Program => {
                // Whoever pipes requests in and ends wants their answers.
                let _in_time = timeout(LAST_ANSWERS, bridge.last_answers(&mut wire)).await;
                break;
            }
            Gone::Host => {}
        }
        wire = match bridge.bring_back(options, state).await? {
            Some(wire) => wire,
            None => break,
        };
    }
    Ok(Verdict::InOrder)
}

/// A connection to a host that is no older than this program if that can be had.
async fn open(options: &Global, state: &Path) -> anyhow::Result<Wire> {
    connect::or_start(options, state, "mdd-host bridge").await?;
    Wire::open(state).await.context("the host ended just now")
}

/// Who ended the connection.
enum Gone {
    Program,
    Host,
}

struct Bridge {
    program: LineReader<BufReader<Stdin>>,
    out: File,
    memory: Memory,
}

impl Bridge {
    /// Passes lines both ways until one side ends.
    async fn pass(&mut self, wire: &mut Wire) -> anyhow::Result<Gone> {
        loop {
            tokio::select! {
                line = self.program.next() => match line? {
                    Some(Line::Whole(line)) => {
                        if self.pass_to_host(wire, line).await.is_err() {
                            return Ok(Gone::Host);
                        }
                    }
                    Some(Line::TooLong) => self.write(&memory::too_long().line()).await?,
                    None => return Ok(Gone::Program),
                },
                line = wire.lines.next() => match line {
                    Ok(Some(Line::Whole(line))) => self.pass_to_program(line).await?,
                    Ok(Some(Line::TooLong)) => tracing::error!("the host sent a line that is too long"),
                    Ok(None) | Err(_) => return Ok(Gone::Host),
                },
            }
        }
    }

    async fn pass_to_host(&mut self, wire: &mut Wire, mut line: Vec<u8>) -> io::Result<()> {
        self.memory.asked(&line);
        line.push(b'\n');
        wire.send(&line).await
    }

    async fn pass_to_program(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        if !self.memory.answered(&line) {
            return Ok(());
        }
        line.push(b'\n');
        self.write(&line).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes).await?;
        self.out.flush().await
    }

    /// Passes on the answers to the requests that are open.
    async fn last_answers(&mut self, wire: &mut Wire) -> io::Result<()> {
        while self.memory.waits() {
            match wire.lines.next().await? {
                Some(Line::Whole(line)) => self.pass_to_program(line).await?,
                Some(Line::TooLong) => {}
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Starts the host again and repeats what it must know. `None`: the program has ended meanwhile.
    async fn bring_back(&mut self, options: &Global, state: &Path) -> anyhow::Result<Option<Wire>> {
        for answer in self.memory.lost() {
            self.write(&answer.line()).await?;
        }
        loop {
            tokio::select! {
                opened = open(options, state) => match opened {
                    Ok(wire) => return self.greet_again(wire).await,
                    Err(error) => tracing::warn!("the host could not be brought back: {error:#}"),
                },
                line = self.program.next() => if !self.refuse(line?).await? {
                    return Ok(None);
                },
            }
            tokio::select! {
                () = sleep(AGAIN) => {}
                line = self.program.next() => if !self.refuse(line?).await? {
                    return Ok(None);
                },
            }
        }
    }

    async fn greet_again(&mut self, mut wire: Wire) -> anyhow::Result<Option<Wire>> {
        for message in self.memory.again() {
            wire.send(&message.line()).await?;
        }
        self.write(&memory::notice("mdd-host had ended and was started again").line()).await?;
        Ok(Some(wire))
    }

    /// Answers a request that comes while there is no host. False when the program has ended.
    async fn refuse(&mut self, line: Option<Line>) -> io::Result<bool> {
        let Some(line) = line else { return Ok(false) };
        if let Line::Whole(line) = line {
            self.memory.asked(&line);
            for answer in self.memory.lost() {
                self.write(&answer.line()).await?;
            }
        }
        Ok(true)
    }
}
