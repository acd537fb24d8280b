//! One discovery round: what several drivers ask the same strangers is asked once.

use super::{Failure, http::Answer};
use mdd_driver_api::ErrorKind;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// Answers are kept up to so many bytes together.
const MAX_BYTES: usize = 16 << 20;
/// So many different questions are kept.
const MAX_QUESTIONS: usize = 1_024;

/// The answers of one discovery round. Drop it when the round is over.
#[derive(Default)]
pub struct Round(Mutex<State>);

#[derive(Default)]
struct State {
    questions: HashMap<String, Question>,
    bytes: usize,
}

/// Empty while somebody asks. When the one who asks gives up, another one does.
type Question = Arc<OnceCell<Result<Arc<Answer>, Failure>>>;

impl Round {
    /// An empty round.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The answer to a question, asked by `ask` unless somebody has asked it before or is asking now. A deadline that
    /// passed is no answer to another one's question.
    pub(super) async fn share(
        &self,
        question: String,
        ask: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Arc<Answer>, Failure> {
        let Some(cell) = self.question(&question) else {
            return ask.await.map(Arc::new);
        };
        let asked = async {
            let result = ask.await.map(Arc::new);
            match result {
                Err(failure) if failure.kind() == ErrorKind::TIMEOUT => Err(failure),
                result => {
                    self.keep(&question, &result);
                    Ok(result)
                }
            }
        };
        cell.get_or_try_init(|| asked).await?.clone()
    }

    fn question(&self, question: &str) -> Option<Question> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = state.questions.get(question) {
            return Some(cell.clone());
        }
        if state.questions.len() == MAX_QUESTIONS {
            return None;
        }
        let cell = Question::default();
        state.questions.insert(question.to_owned(), cell.clone());
        Some(cell)
    }

    /// Accounts for an answer; one that does not fit is forgotten.
    fn keep(&self, question: &str, result: &Result<Arc<Answer>, Failure>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = result.as_ref().map_or(0, |answer| answer.body.len());
        if state.bytes + bytes <= MAX_BYTES {
            state.bytes += bytes;
        } else {
            state.questions.remove(question);
        }
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Round").field("questions", &state.questions.len()).field("bytes", &state.bytes).finish()
    }
}
