//! Only this user comes in, and only at a place that is this user's.

use crate::{PATIENCE, home::Home, processes, soon, talk::SocketTalk, until};
use mdd_core::rpc::address_of;
use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Stdio,
};
use tokio::process::Command;

/// The user `nobody` of every Linux.
const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn the_socket_and_all_that_the_host_keeps_are_for_this_user_alone() {
    let home = Home::empty();
    let _host = home.serve().await;
    assert_eq!(mode(&home.socket()), 0o600);
    assert_eq!(mode(home.socket().parent().unwrap()), 0o700);
    assert_eq!(mode(home.state()), 0o700);
}

#[tokio::test]
async fn a_folder_that_others_could_write_to_is_mended() {
    let home = Home::empty();
    let folder = home.state().join("run");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    fs::write(home.socket(), "left by somebody").unwrap();
    let _host = home.serve().await;
    assert_eq!(mode(&folder), 0o700);
}

#[tokio::test]
async fn a_link_at_the_place_of_the_socket_leads_nowhere() {
    let home = Home::empty();
    let treasure = home.folder().join("treasure");
    fs::write(&treasure, "untouched").unwrap();
    fs::create_dir_all(home.state().join("run")).unwrap();
    symlink(&treasure, home.socket()).unwrap();
    let _host = home.serve().await;
    assert_eq!(fs::read_to_string(&treasure).unwrap(), "untouched");
    assert_eq!(mode(&home.socket()), 0o600);
}

#[tokio::test]
async fn a_place_that_is_taken_is_refused_with_the_reason() {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped in part: only root can make a folder of another user");
    }
    type Spoil = fn(&Path);
    let spoiled: [(Spoil, &str, bool); 4] = [
        (|state| symlink("/tmp", state.join("run")).unwrap(), "it is no folder", true),
        (|state| fs::write(state.join("run"), "").unwrap(), "it is no folder", true),
        (|state| fs::create_dir_all(state.join("run/host.sock/full")).unwrap(), "Is a directory", true),
        (
            |state| {
                fs::create_dir(state.join("run")).unwrap();
                chown(state.join("run"), Some(NOBODY), None).unwrap();
            },
            "it belongs to another user",
            is_root,
        ),
    ];
    for (spoil, complaint, _) in spoiled.into_iter().filter(|(_, _, possible)| *possible) {
        let home = Home::empty();
        fs::create_dir_all(home.state()).unwrap();
        spoil(home.state());
        let mut host = home.start_serving(&[]);
        assert_eq!(host.ended().await.code(), Some(1), "{complaint}");
        assert!(home.log().contains(complaint), "{complaint}: {}", home.log());
        // Whoever needs a host is told where to read why there is none.
        let bridge = soon("the end", home.starter(&["bridge"]).output()).await.unwrap();
        let said = String::from_utf8_lossy(&bridge.stderr).into_owned();
        assert_eq!(bridge.status.code(), Some(1), "{said}");
        assert!(said.contains("host.log"), "{said}");
    }
}

/// Says one line to a socket as another user and prints what comes back, or the error.
const STRANGER: &str = r#"
import socket, sys
try:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(float(sys.argv[2]))
    s.connect(sys.argv[1])
    s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"host.stop"}\n')
    print("answer", s.recv(100))
except OSError as error:
    print(type(error).__name__)
"#;

async fn stranger(socket: &Path) -> String {
    let mut python = Command::new("python3");
    python.args(["-I", "-c", STRANGER]).arg(socket).arg(PATIENCE.as_secs().to_string());
    python.uid(NOBODY).gid(NOBODY).current_dir("/").kill_on_drop(true);
    let output = soon("the stranger's end", python.output()).await.expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn another_user_is_turned_away() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let home = Home::empty();
    let mut host = home.serve().await;
    fs::set_permissions(home.folder(), Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(home.state(), Permissions::from_mode(0o711)).unwrap();
    assert_eq!(stranger(&home.socket()).await, "PermissionError", "the folder is closed");
    // Even with all doors open the host looks who comes.
    fs::set_permissions(home.socket().parent().unwrap(), Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(home.socket(), Permissions::from_mode(0o777)).unwrap();
    let said = stranger(&home.socket()).await;
    assert!(["answer b''", "ConnectionResetError", "BrokenPipeError"].contains(&said.as_str()), "{said}");
    assert!(home.log().contains("a process of another user tried to connect"), "{}", home.log());
    assert!(host.is_running());
    SocketTalk::greeted(&home).await;
}

/// Waits at a socket as another user and prints what it is told.
const IMPOSTOR: &str = r#"
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
s.listen(8)
while True:
    client, _ = s.accept()
    print(client.recv(100), flush=True)
    client.close()
"#;

#[tokio::test]
async fn a_host_of_another_user_is_told_nothing() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let home = Home::empty();
    let folder = home.state().join("run");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(home.folder(), Permissions::from_mode(0o711)).unwrap();
    chown(&folder, Some(NOBODY), None).unwrap();
    let mut python = Command::new("python3");
    python.args(["-I", "-c", IMPOSTOR]).arg(home.socket()).uid(NOBODY).gid(NOBODY).current_dir("/");
    let mut impostor = python.kill_on_drop(true).stdout(Stdio::piped()).spawn().expect("python3 is installed");
    until("the impostor's socket", || home.socket().exists().then_some(())).await;
    let output = home.output(&["status", "--json"]).await;
    assert!(output.status.success(), "it looks for itself: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(home.output(&["stop"]).await.stdout, b"No host runs.\n");
    impostor.kill().await.unwrap();
    let heard = impostor.wait_with_output().await.unwrap().stdout;
    let heard = String::from_utf8(heard).unwrap();
    assert!(heard.lines().all(|line| line == "b''"), "{heard}");
}

#[tokio::test]
async fn a_place_outside_of_a_long_state_folder_is_looked_at_as_closely() {
    let home = Home::empty().at(&"long".repeat(40));
    let folder = home.socket().parent().unwrap().to_owned();
    assert!(!folder.starts_with(home.state()));
    fs::create_dir_all(home.state()).unwrap();
    assert_eq!(address_of(home.state()), home.socket(), "the same before and after the folder is made");
    symlink(home.folder(), &folder).unwrap();
    let mut host = home.start_serving(&[]);
    assert_eq!(host.ended().await.code(), Some(1));
    assert!(home.log().contains("it is no folder"), "{}", home.log());
    fs::remove_file(&folder).unwrap();
    let host = home.serve().await;
    assert_eq!((mode(&folder), mode(&home.socket())), (0o700, 0o600));
    assert!(processes::is_alive(host.pid));
}

#[tokio::test]
async fn a_socket_that_nobody_listens_at_counts_as_no_host() {
    let home = Home::empty();
    fs::create_dir_all(home.state().join("run")).unwrap();
    drop(UnixListener::bind(home.socket()).unwrap());
    assert!(home.socket().exists());
    assert_eq!(home.output(&["stop"]).await.stdout, b"No host runs.\n");
    let _host = home.serve().await;
}
