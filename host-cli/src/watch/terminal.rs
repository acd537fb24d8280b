//! The terminal: taken over, and given back as it was, also after a panic.

use crate::stdout;
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use std::{
    fs::File,
    io,
    ops::{Deref, DerefMut},
};
use tokio::sync::mpsc;

/// A terminal that is ours until this is dropped.
pub(super) struct Screen(Terminal<CrosstermBackend<File>>);

impl Deref for Screen {
    type Target = Terminal<CrosstermBackend<File>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Screen {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Takes the terminal over.
pub(super) fn enter() -> io::Result<Screen> {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // First, so that the message is written where it can be read.
        give_back();
        default(info);
    }));
    let mut out = stdout::ours()?;
    enable_raw_mode()?;
    if let Err(error) = execute!(out, EnterAlternateScreen) {
        give_back();
        return Err(error);
    }
    Terminal::new(CrosstermBackend::new(out)).map(Screen).inspect_err(|_| give_back())
}

/// Does what can be done: there is nobody to tell about a terminal that is gone.
fn give_back() {
    let _terminal_gone = disable_raw_mode();
    if let Ok(mut out) = stdout::ours() {
        let _terminal_gone = execute!(out, LeaveAlternateScreen, Show);
    }
}

/// A key as the board knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    Enter,
    Escape,
    Tab,
    Letter(char),
    /// Ctrl-C, or a terminal that is gone.
    Interrupt,
    /// The window has another size.
    Resize,
}

/// Keys as they come.
pub(super) struct Keyboard(mpsc::Receiver<Key>);

impl Keyboard {
    /// Reads on a thread of its own, as there is no portable way to read keys without blocking. It ends with the program.
    pub(super) fn listen() -> Self {
        let (sender, receiver) = mpsc::channel(16);
        std::thread::spawn(move || {
            while let Ok(event) = event::read() {
                if let Some(key) = key_of(&event)
                    && sender.blocking_send(key).is_err()
                {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next key.
    pub(super) async fn next(&mut self) -> Key {
        self.0.recv().await.unwrap_or(Key::Interrupt)
    }
}

fn key_of(event: &Event) -> Option<Key> {
    match event {
        Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) => None,
        Event::Key(KeyEvent { code, modifiers, .. }) => match code {
            KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Interrupt),
            KeyCode::Char(letter) => Some(Key::Letter(*letter)),
            KeyCode::Up => Some(Key::Up),
            KeyCode::Down => Some(Key::Down),
            KeyCode::Enter => Some(Key::Enter),
            KeyCode::Esc => Some(Key::Escape),
            KeyCode::Tab | KeyCode::BackTab => Some(Key::Tab),
            _ => None,
        },
        Event::Resize(..) => Some(Key::Resize),
        _ => None,
    }
}
