//! One WebSocket: opened under a client's id, and what it says passed on to the jobs.

use crate::{
    mailbox::Mailboxes,
    message::{Event, FEATURE_FLAGS, Message},
    preview::Preview,
    problem,
};
use mdd_driver_api::{Connect, DriverError, ErrorKind, Frame, Host, Result, Socket};

/// An id that nobody has used: two sockets with one id make one of them deaf.
pub(crate) fn fresh_id(host: &Host) -> String {
    format!("{:016x}{:016x}", host.random(), host.random())
}

pub(crate) async fn open(host: &Host, client_id: &str) -> Result<Socket> {
    let opened = host.connect(Connect::new(&format!("/ws?clientId={client_id}"))).await;
    let mut socket = opened.map_err(|error| match error.http_status {
        0 => error,
        // Whoever refuses here while HTTP works does not speak for the service: no reason to ask for a key.
        status => {
            let error = DriverError::new(ErrorKind::REJECTED, error.message);
            error.with_status(status).with_code(problem::SOCKET_BLOCKED)
        }
    })?;
    socket.send_text(FEATURE_FLAGS).await?;
    Ok(socket)
}

/// What a frame was, apart from news of jobs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The state of the queue.
    Status(Option<u32>),
    Closed,
    Other,
}

/// Hears one socket.
pub(crate) struct Ear {
    mailboxes: Mailboxes,
    /// The job that runs, as far as this socket was told: whose a picture without a description is.
    running: Option<String>,
}

impl Ear {
    pub(crate) fn new(mailboxes: Mailboxes) -> Self {
        Self { mailboxes, running: None }
    }

    pub(crate) fn hear(&mut self, frame: Frame) -> Heard {
        match frame {
            Frame::Text(text) => match Message::read(&text) {
                Message::Status(depth) => return Heard::Status(depth),
                Message::Job(id, event) => {
                    self.mailboxes.event(&id, &event);
                    self.running = (event != Event::Over).then_some(id);
                }
                Message::Other => {}
            },
            Frame::Binary(bytes) => {
                if let Some(mut preview) = Preview::read(&bytes)
                    && let Some(id) = preview.prompt_id.take().or_else(|| self.running.clone())
                {
                    self.mailboxes.preview(&id, preview);
                }
            }
            Frame::Close(_) => return Heard::Closed,
        }
        Heard::Other
    }
}

#[cfg(test)]
mod tests {
    use super::{Ear, Heard};
    use crate::{mailbox::Mailboxes, meter::Meter};
    use mdd_driver_api::Frame;
    use std::{future::Future, pin::pin, task::Context};

    fn mail<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    fn text(text: &str) -> Frame {
        Frame::Text(text.to_owned())
    }

    #[test]
    fn a_picture_without_a_description_is_of_the_running_job() {
        let mailboxes = Mailboxes::default();
        let (ours, theirs) = (mailboxes.open("ours", Meter::default()), mailboxes.open("theirs", Meter::default()));
        let mut ear = Ear::new(mailboxes);
        let picture = || Frame::Binary(vec![0, 0, 0, 1, 0, 0, 0, 1, 7]);
        assert_eq!(ear.hear(picture()), Heard::Other);
        assert_eq!(mail(ours.next()), None);
        ear.hear(text(r#"{"type": "executing", "data": {"node": "1", "prompt_id": "ours"}}"#));
        ear.hear(picture());
        assert_eq!(mail(ours.next()).unwrap().preview.unwrap().bytes, [7]);
        ear.hear(text(r#"{"type": "execution_success", "data": {"prompt_id": "ours"}}"#));
        mail(ours.next()).unwrap();
        ear.hear(picture());
        assert_eq!((mail(ours.next()), mail(theirs.next())), (None, None));
    }

    #[test]
    fn the_queue_and_the_end_are_told() {
        let mut ear = Ear::new(Mailboxes::default());
        let status = r#"{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 4}}}}"#;
        assert_eq!(ear.hear(text(status)), Heard::Status(Some(4)));
        assert_eq!(ear.hear(text("{")), Heard::Other);
        assert_eq!(ear.hear(Frame::Close(1000)), Heard::Closed);
    }
}
