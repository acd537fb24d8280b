//! What the messages of a stream mean for one call. No I/O in here.

use crate::{
    message::{Log, Message, Output, Said},
    progress::Progress,
};
use serde_json::Value;

/// One call, followed from message to message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// The server's id of the call, where its messages carry one.
    event: Option<String>,
}

/// What has come of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The server takes the data now: nothing has started before that.
    Wanted,
    /// It waits: so many are before it, and so many wait in all.
    Queued {
        /// Calls before it.
        place: u32,
        /// Calls that wait.
        length: u32,
    },
    /// It runs.
    Started,
    /// How far it has come.
    Progress(Progress),
    /// A line for people.
    Log(Log),
    /// It is over.
    Over(Ending),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The values of its outputs.
    Done(Vec<Value>),
    /// The function failed. Most failures are told only on the server's console.
    Failed(Option<String>),
    /// It was cancelled, by us or by somebody else.
    Cancelled,
    /// There is no room in the queue: it was not taken.
    QueueFull,
    /// The stream ended before the call did, or cannot be understood: nobody will tell any more.
    Lost(String),
}

impl Course {
    /// Of a stream that tells of one call only.
    pub fn alone() -> Self {
        Self::default()
    }

    /// Of a stream that tells of every call of its session.
    pub fn of(event: &str) -> Self {
        Self { event: Some(event.to_owned()) }
    }

    /// What a message means for this call; nothing if it is about another one, or only says that the stream lives.
    pub fn take(&self, message: Message) -> Option<Step> {
        let lost = |text: &str| Some(Step::Over(Ending::Lost(text.to_owned())));
        let is_about_it = self.event.is_none() || message.event == self.event;
        let is_about_all = message.event.is_none();
        match message.said {
            Said::Broken { text, .. } if is_about_it || is_about_all => match text.as_str() {
                "" => lost("it broke off without a word"),
                text => lost(text),
            },
            Said::CloseStream if is_about_it || is_about_all => lost("it closed the stream before the end of the call"),
            _ if !is_about_it => None,
            Said::SendData => Some(Step::Wanted),
            Said::Waits { rank, length } => Some(Step::Queued { place: rank, length }),
            Said::Starts => Some(Step::Started),
            Said::Progress(progress) => Some(Step::Progress(progress)),
            Said::Log(log) => Some(Step::Log(log)),
            Said::QueueFull => Some(Step::Over(Ending::QueueFull)),
            Said::Completed(output) => Some(Step::Over(match output {
                Output::Values(values) => Ending::Done(values),
                Output::Failure(text) => Ending::Failed(text),
                Output::Cancelled => Ending::Cancelled,
                Output::Odd => Ending::Lost("it said that it is done, and brought no list of values".to_owned()),
            })),
            Said::SendHash
            | Said::Generating
            | Said::Heartbeat
            | Said::Unknown
            | Said::Broken { .. }
            | Said::CloseStream => None,
        }
    }

    /// What the end of the stream means, if the call was not over by then.
    pub fn cut(&self) -> Step {
        Step::Over(Ending::Lost("the stream ended before the call did".to_owned()))
    }
}
