//! Numbers that may grow: an unknown value is data, never undefined behaviour.

use abi_stable::StableAbi;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $code:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(StableAbi, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$variant_doc])* pub const $code: Self = Self($number);)*

            /// The name of the code, or `None` for one that this version does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($code)),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}({})", stringify!($name), self.0),
                }
            }
        }
    };
}

codes! {
    /// What went wrong, as far as the host acts on it.
    ErrorKind {
        /// The connection failed, broke, or the answer was cut short.
        TRANSPORT = 1,
        /// A deadline passed.
        TIMEOUT = 2,
        /// The peer answered something that its protocol does not allow.
        PROTOCOL = 3,
        /// The peer understood and refused.
        REJECTED = 4,
        /// A setting of the backend is wrong.
        CONFIG = 5,
        /// A key is missing or was not accepted.
        AUTH = 6,
        /// The user cancelled.
        CANCELLED = 7,
        /// The other side does not know this operation, segment or option.
        UNSUPPORTED = 8,
        /// A panic in the driver.
        PANIC = 9,
        /// The service is occupied; the same request may succeed later.
        BUSY = 10,
        /// A size or rate limit was exceeded.
        LIMIT = 11,
        /// A fault of the host; it never poisons the driver's instance.
        HOST = 12,
    }
}

codes! {
    /// Whether the failed call may have started work at the peer.
    Effect {
        /// It may have.
        UNKNOWN = 0,
        /// Certainly not.
        NONE = 1,
    }
}

codes! {
    /// What a [`Segment`](super::Segment) stands for.
    SegmentKind {
        /// The bytes themselves.
        BYTES = 1,
        /// The bytes of the job's file with this name.
        FILE = 2,
        /// The same in base64.
        FILE_BASE64 = 3,
        /// The secret with this name as a JSON string, quotes included.
        SECRET_JSON = 4,
        /// The secret with this name, percent-encoded as a form value.
        SECRET_FORM = 5,
    }
}

codes! {
    /// Kind of a WebSocket message.
    FrameKind {
        /// UTF-8 text.
        TEXT = 1,
        /// Bytes.
        BINARY = 2,
        /// The peer closed: `close_code` is set and nothing follows.
        CLOSE = 3,
    }
}

codes! {
    /// What an [`Event`](super::Event) reports. Below 16: of a job; from 16 on: of a backend.
    EventKind {
        /// `step` of `total`.
        PROGRESS = 1,
        /// A picture in `blob`.
        PREVIEW = 2,
        /// Place in the queue in `step`, its length in `total`.
        QUEUE = 3,
        /// A line for the job's log in `payload`.
        LOG = 4,
        /// A [`Sample`](crate::model::Sample): the push channel is alive.
        STATUS = 16,
        /// A [`Problem`](crate::model::Problem): usable, with a part missing.
        DEGRADED = 17,
        /// The problem is gone.
        CLEARED = 18,
        /// Inspect again.
        CHANGED = 19,
    }
}

codes! {
    /// How far an attempt at a job has come.
    Stage {
        /// Nothing that could start work has been sent.
        PREPARED = 1,
        /// The next byte may start work.
        SENT = 2,
        /// The peer said that it has the job.
        ACKED = 3,
        /// The peer works on it.
        RUNNING = 4,
        /// The peer is done; results are being fetched.
        FETCHING = 5,
    }
}
