//! Channels and locks that need no runtime.

pub use async_channel::{Receiver, Sender, bounded as channel};
pub use async_lock::Mutex as Lock;
