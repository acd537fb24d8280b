//! `bridge`: passes lines between a program and the host, and brings the host back when it is lost.
//!
//! The program sees one connection. When the host ends, its open requests are answered with an error, the host is started
//! again, `hello` and `subscribe` are said again on its behalf, and one notice tells it what happened.

mod memory;

use crate::{Verdict, arguments::Global, connect, stdout};
use anyhow::Context as _;
use mdd_core::rpc::{Line, LineReader, MAX_LINE, Message, Wire};
use memory::Memory;
use std::{cell::RefCell, io, path::Path, pin::pin, time::Duration};
use tokio::{
    fs::File,
    io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _, BufReader, Stdin},
    sync::mpsc,
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
        memory: RefCell::default(),
    };
    let (mut wire, differs) = open(options, state).await?;
    if let Some(text) = differs {
        let text = format!("{text}; run `mdd-host stop`, then try again");
        write(&mut bridge.out, &memory::notice(&text).line()).await?;
    }
    while let Gone::Host = bridge.pass(&mut wire).await? {
        wire = match bridge.bring_back(options, state).await? {
            Some(wire) => wire,
            None => break,
        };
    }
    Ok(Verdict::InOrder)
}

/// A connection to a host that is no older than this program if that can be had, and what its environment lacks.
async fn open(options: &Global, state: &Path) -> anyhow::Result<(Wire, Option<String>)> {
    let client = connect::or_start(options, state, "mdd-host bridge").await?;
    let wire = Wire::open(state).await.context("the host ended just now")?;
    Ok((wire, connect::differs(&client)))
}

/// Tries until there is one.
async fn open_again(options: &Global, state: &Path) -> Wire {
    loop {
        match open(options, state).await {
            Ok((wire, _)) => return wire,
            Err(error) => tracing::warn!("the host could not be brought back: {error:#}"),
        }
        sleep(AGAIN).await;
    }
}

/// Who ended the connection.
enum Gone {
    Program,
    Host,
}

struct Bridge {
    program: LineReader<BufReader<Stdin>>,
    out: File,
    memory: RefCell<Memory>,
}

impl Bridge {
    /// Passes lines both ways until one side ends. Neither way waits for the other: a host that is busy answering takes
    /// no requests, and it is busy until its answers are taken.
    async fn pass(&mut self, wire: &mut Wire) -> anyhow::Result<Gone> {
        let (complain, complaints) = mpsc::channel(1);
        let up = to_host(&mut self.program, &mut wire.writer, &self.memory, complain);
        let mut down = pin!(to_program(&mut wire.lines, &mut self.out, &self.memory, complaints));
        tokio::select! {
            biased;
            ended = up => ended?,
            gone = &mut down => return Ok(gone?),
        }
        // Whoever pipes requests in and ends wants their answers, but one that does not read gets none.
        match timeout(LAST_ANSWERS, down).await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) | Err(_) => Ok(Gone::Program),
        }
    }

    /// Starts the host again and repeats what it must know. `None`: the program has ended meanwhile.
    async fn bring_back(&mut self, options: &Global, state: &Path) -> io::Result<Option<Wire>> {
        self.answer_lost().await?;
        let mut opening = pin!(open_again(options, state));
        let mut wire = loop {
            tokio::select! {
                wire = &mut opening => break wire,
                line = self.program.next() => match line? {
                    Some(Line::Whole(line)) => {
                        self.memory.get_mut().asked(&line);
                        self.answer_lost().await?;
                    }
                    Some(Line::TooLong) => write(&mut self.out, &memory::too_long().line()).await?,
                    None => return Ok(None),
                },
            }
        };
        for message in self.memory.get_mut().again() {
            // If it has gone again, that will be seen when its lines end.
            let _sent = wire.send(&message.line()).await;
        }
        let notice = memory::notice("mdd-host had ended and was started again");
        write(&mut self.out, &notice.line()).await?;
        Ok(Some(wire))
    }

    /// Answers every open request with an error.
    async fn answer_lost(&mut self) -> io::Result<()> {
        for answer in self.memory.get_mut().lost() {
            write(&mut self.out, &answer.line()).await?;
        }
        Ok(())
    }
}

/// Passes requests on until the program ends.
async fn to_host(
    program: &mut LineReader<BufReader<Stdin>>,
    host: &mut (impl AsyncWrite + Unpin),
    memory: &RefCell<Memory>,
    complain: mpsc::Sender<Message>,
) -> io::Result<()> {
    while let Some(line) = program.next().await? {
        let Line::Whole(mut line) = line else {
            // Nobody listens only when all ends.
            let _told = complain.send(memory::too_long()).await;
            continue;
        };
        memory.borrow_mut().asked(&line);
        line.push(b'\n');
        if write(host, &line).await.is_err() {
            // The end of its lines tells that it is gone, after all that it still had to say.
            return std::future::pending().await;
        }
    }
    Ok(())
}

/// Passes on what the host says until it ends, or until the program has ended and nothing is owed to it.
async fn to_program(
    host: &mut LineReader<impl AsyncBufRead + Unpin>,
    out: &mut File,
    memory: &RefCell<Memory>,
    mut complaints: mpsc::Receiver<Message>,
) -> io::Result<Gone> {
    let mut listens = true;
    while listens || memory.borrow().waits() {
        tokio::select! {
            complaint = complaints.recv(), if listens => match complaint {
                Some(complaint) => write(out, &complaint.line()).await?,
                None => listens = false,
            },
            line = host.next() => match line {
                Ok(Some(Line::Whole(mut line))) => {
                    let answer = memory::id_of_answer(&line);
                    if answer.as_ref().is_some_and(memory::is_own) {
                        continue;
                    }
                    line.push(b'\n');
                    write(out, &line).await?;
                    if let Some(id) = answer {
                        memory.borrow_mut().answered(&id);
                    }
                }
                Ok(Some(Line::TooLong)) => tracing::error!("the host sent a line that is too long"),
                Ok(None) | Err(_) => return Ok(Gone::Host),
            },
        }
    }
    Ok(Gone::Program)
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
