//! `watch`: everything at a glance, for as long as one looks.

mod board;
mod columns;
mod details;
mod lines;
mod look;
mod screen;
mod terminal;
#[cfg(test)]
mod tests;

use crate::{Verdict, arguments::Global, connect, failure::Coded};
use anyhow::bail;
use board::{Board, Wish};
use look::Look;
use mdd_core::rpc::{BackendChoice, CallError, Client, JobChoice, Nothing};
use std::{io::IsTerminal as _, path::Path, time::Duration};
use terminal::Keyboard;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// Countdowns are shown in seconds.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// What is new waits this long for what else is new, so that a flood costs twenty drawings a second.
const DRAW_WITHIN: Duration = Duration::from_millis(50);
/// Between two looks for a host that is gone.
const FIND_AGAIN_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn run(global: &Global, state: &Path) -> anyhow::Result<Verdict> {
    if !crate::stdout::ours()?.is_terminal() {
        bail!(Coded::new(
            "no-terminal",
            "watch draws on a terminal; `mdd-host status --follow` writes to a file or a program"
        ));
    }
    let mut client = subscribed(global, state).await?;
    let mut screen = terminal::enter()?;
    let mut keyboard = Keyboard::listen();
    let mut board = Board::default();
    let look = Look::of_environment();
    let mut tick = interval(COUNT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut draw_at = Some(Instant::now());
    loop {
        tokio::select! {
            () = sleep_until(draw_at.unwrap_or_else(Instant::now)), if draw_at.is_some() => {
                screen.draw(|frame| screen::draw(frame, &mut board, look, Instant::now()))?;
                draw_at = None;
                continue;
            }
            _ = tick.tick() => board.tick(Instant::now()),
            update = client.update() => match update {
                Ok(update) => board.take(update, Instant::now()),
                Err(_) => {
                    board.lose_host();
                    screen.draw(|frame| screen::draw(frame, &mut board, look, Instant::now()))?;
                    let Some(found) = find_again(global, state, &mut keyboard).await else { break };
                    client = found;
                }
            },
            key = keyboard.next() => match board.press(key) {
                Some(Wish::Leave) => break,
                Some(wish) => board.tell(fulfil(&mut client, wish).await),
                None => {}
            },
        }
        draw_at.get_or_insert_with(|| Instant::now() + DRAW_WITHIN);
    }
    Ok(Verdict::InOrder)
}

async fn subscribed(global: &Global, state: &Path) -> anyhow::Result<Client> {
    let mut client = connect::or_start(global, state, "mdd-host watch").await?;
    client.call::<_, Nothing>("subscribe", &Nothing {}).await?;
    Ok(client)
}

/// `None`: the user left meanwhile.
async fn find_again(global: &Global, state: &Path, keyboard: &mut Keyboard) -> Option<Client> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(FIND_AGAIN_EVERY) => {}
            key = keyboard.next() => if Board::leaves(key) { return None },
        }
        if let Ok(client) = subscribed(global, state).await {
            return Some(client);
        }
    }
}

/// Gives a sentence on what came of it.
async fn fulfil(client: &mut Client, wish: Wish) -> String {
    let done = match &wish {
        Wish::Leave => return String::new(),
        Wish::Refresh => call(client, "backends.refresh", &Nothing {}).await,
        Wish::TryNow(backend) => call(client, "backends.try", &BackendChoice { backend: backend.clone() }).await,
        Wish::Cancel(job) => call(client, "jobs.cancel", &JobChoice { job: job.clone() }).await,
    };
    match (done, wish) {
        (Err(error), _) => format!("That did not work: {error}."),
        (Ok(()), Wish::Refresh) => "Looking again.".to_owned(),
        (Ok(()), Wish::TryNow(_)) => "Trying now.".to_owned(),
        (Ok(()), Wish::Cancel(_)) => "Cancelling.".to_owned(),
        (Ok(()), Wish::Leave) => String::new(),
    }
}

async fn call(client: &mut Client, method: &str, params: &impl serde::Serialize) -> Result<(), CallError> {
    client.call::<_, serde_json::Value>(method, params).await.map(drop)
}
