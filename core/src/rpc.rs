//! How clients speak with the host: JSON-RPC 2.0, one object per line, over a local socket of the user.
//!
//! No TCP port is opened for it. A client says `hello` first; after `subscribe` it gets a snapshot and then numbered
//! changes as notifications. [`schema`] describes every message.

mod client;
mod here;
mod lines;
mod lock;
mod methods;
pub mod schema;
mod server;
mod service;
mod session;
mod socket;
mod wire;

pub use client::{CallError, Client, ConnectError, Wire};
pub use here::Here;
pub use lines::{Line, LineReader, MAX_LINE};
pub use lock::{HostLock, LockError, StartTurn};
pub use methods::{
    BackendAddition, BackendChoice, BackendMove, BackendTest, BackendTested, ConfigChange, ConfigChoice, DriverAnswer,
    DriverChoice, DriverView, Drivers, FolderAnswer, HandOver, HandOverAnswer, Hello, HelloAnswer, JobChoice, JobList,
    KindView, Kinds, MetricsAnswer, Nothing, OperationView, PROTOCOL, PendingBackend, ProjectBackend, ProjectChoice,
    ProjectConsent, ProjectOpened, ProjectOpening, SearchedFolder,
};
pub use server::{Ended, ServeError, serve};
pub use socket::{SocketError, address_of};
pub use wire::{ErrorCode, Message, RpcError};
