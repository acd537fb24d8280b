//! The dashboard on a real terminal: that of tmux, whose screen can be read.

use crate::{home::Home, until};
use mdd_sim::Sim;
use std::{
    path::PathBuf,
    process::{Command, Output},
};
use xtask::{debian, tool};

/// A terminal of 80 by 24 characters with a shell in it, on a tmux server of its own.
struct Tmux {
    program: PathBuf,
    socket: PathBuf,
}

impl Tmux {
    fn start(home: &Home, shell: &str) -> Self {
        if tool::on_path("tmux").is_none() {
            debian::install(&["tmux"]).unwrap();
        }
        let this = Self { program: tool::on_path("tmux").unwrap(), socket: home.folder().join("tmux") };
        let output = this.run(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", shell]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        this
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.arg("-u").arg("-S").arg(&self.socket).args(words).env("LANG", "C.UTF-8").env_remove("TMUX");
        command.output().unwrap()
    }

    fn press(&self, key: &str) {
        assert!(self.run(&["send-keys", key]).status.success());
    }

    fn screen(&self) -> String {
        String::from_utf8(self.run(&["capture-pane", "-p"]).stdout).unwrap()
    }

    /// Waits for a screen that shows all of this.
    async fn shows(&self, parts: &[&str]) -> String {
        let wanted = format!("a screen with {parts:?}");
        until(&wanted, || {
            let screen = self.screen();
            parts.iter().all(|part| screen.contains(part)).then_some(screen)
        })
        .await
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

#[tokio::test]
async fn watch_shows_a_loss_and_a_return_and_leaves_the_terminal_as_it_was() {
    let simulator = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &simulator.url())]);
    let mut host = home.serve().await;
    let watch = home.starter(&["watch"]);
    let words = std::iter::once(watch.as_std().get_program()).chain(watch.as_std().get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let shell = format!(
        "before=$(stty -g); {}; echo ended with $?; [ \"$before\" = \"$(stty -g)\" ] && echo as before; read -r _",
        words.join(" ")
    );
    let tmux = Tmux::start(&home, &format!("sh -c '{}'", shell.replace('\'', "'\\''")));

    tmux.shows(&["Everything is ready", "● ComfyUI", "connected", "q leave"]).await;
    tmux.press("?");
    tmux.shows(&["cancel the chosen job"]).await;
    tmux.press("Escape");

    simulator.stop().await;
    tmux.shows(&["✖ ComfyUI", "again in", "refused the connection"]).await;
    simulator.start_again().await.unwrap();
    tmux.press("t");
    tmux.shows(&["● ComfyUI", "Everything is ready"]).await;

    host.signal(rustix::process::Signal::KILL);
    host.ended().await;
    tmux.shows(&["Everything is ready", "● ComfyUI"]).await;

    tmux.press("q");
    let screen = tmux.shows(&["ended with 0", "as before"]).await;
    assert!(!screen.contains("ComfyUI"), "the screen of before is back:\n{screen}");
}
