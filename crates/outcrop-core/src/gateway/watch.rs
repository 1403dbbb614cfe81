//! One attempt under watch: what comes of it is told to all that keeps an outage small.
//!
//! 1. Each attempt is told by itself: a request that is throttled twice and then answered was throttled twice.
//! 2. An attempt that is dropped in the air is told too, if its target had time to answer and did not: the
//!    request's time was up, or its client left a stream that had not begun for long. Otherwise it says
//!    nothing.
//! 3. What the caller's own credentials meet says nothing of the gateway's.
//! 4. A stream that has begun is told by its end. One that the gateway's own time limit ends says nothing: it
//!    may be long.
//! 5. Calls beside inference have a health of their own, and say nothing of how many requests a model takes.
//! 6. Reports of health hear of each call of inference; of others by what they come to in the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use outcrop_aws::Credentials;
use outcrop_model::{ErrorClass, Fault, Phase};

use super::leg::Leg;
use crate::backend::Backend;
use crate::resilience::ward_key;

/// Silence of a stream after which its client's leaving is a sign: answers begin within seconds, thinking
/// ones too, since streams show that they think. Whole answers are silent for as long as they take.
const SILENCE: Duration = Duration::from_secs(30);

/// See the module. Dropped without a word, it has not come to its end.
#[derive(Debug)]
pub(crate) struct Watch {
    backend: Arc<Backend>,
    /// What the health of the target is kept by.
    key: String,
    sent: Instant,
    /// When it is cut off, where it is a sign if that happens.
    end: Option<tokio::time::Instant>,
    /// When its time is up, however well it goes.
    over: Option<tokio::time::Instant>,
    /// How long the target may be silent.
    patience: Option<Duration>,
    is_inference: bool,
    is_lent: bool,
    is_told: bool,
}

// === impl Leg ===

impl Leg<'_> {
    /// An attempt at `model` is about to be made, after `failed` failures of the same call.
    pub(super) fn watch(&self, model: &str, failed: u32) -> Watch {
        if failed == 0 {
            self.backend.budget.deposit();
        }
        let (sent, began) = (Instant::now(), tokio::time::Instant::now());
        let end = self.until.filter(|until| {
            let left = until.saturating_duration_since(began);
            self.enough.is_none_or(|enough| left >= enough)
        });
        Watch {
            backend: Arc::clone(self.backend),
            key: ward_key(model, self.beside),
            sent,
            end,
            over: began.checked_add(self.timeouts().total),
            patience: None,
            is_inference: self.beside.is_none(),
            is_lent: false,
            is_told: false,
        }
    }
}

// === impl Watch ===

impl Watch {
    /// An attempt with these credentials of the caller's.
    pub(super) fn lent(mut self, credentials: Option<&Credentials>) -> Self {
        self.is_lent = credentials.is_some();
        self
    }

    /// An attempt at a stream.
    pub(super) fn streaming(mut self) -> Self {
        self.patience = Some(SILENCE);
        self
    }

    /// The stream has begun. From now on its client may leave it at any time.
    pub(super) fn begun(mut self) -> Self {
        self.backend.upstream.note_beginning();
        let (sent, now) = (self.sent, Instant::now());
        if !self.is_lent {
            if let Some(gate) = &self.backend.gate {
                gate.began(&self.key, now.duration_since(sent), now);
            }
            self.backend.ward.began(&self.key, (sent, now));
        }
        (self.sent, self.end, self.patience) = (now, None, None);
        self
    }

    /// It has come to its end.
    pub(crate) fn ended(mut self, outcome: Result<(), &Fault>) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: Result<(), &Fault>) {
        self.is_told = true;
        if self.is_inference {
            match outcome {
                Ok(()) => self.backend.upstream.note_answer(),
                Err(fault) => self.backend.upstream.note_fault(fault),
            }
        }
        if self.is_lent || outcome.is_err_and(|fault| self.says_nothing(fault)) {
            return;
        }
        let Self { backend, key, sent, .. } = self;
        let now = Instant::now();
        if let Some(gate) = backend.gate.as_ref().filter(|_| self.is_inference) {
            match outcome {
                Ok(()) => gate.answered(),
                Err(fault) => gate.failed(fault.class, now),
            }
        }
        match outcome {
            Ok(()) => backend.ward.answered(key, (*sent, now)),
            Err(fault) => {
                if backend.ward.failed(key, fault, (*sent, now)) {
                    let (backend, class) = (&backend.name, fault.class.as_str());
                    tracing::warn!(backend, model = key, class, "left alone for a while");
                }
            }
        }
    }

    /// Whether it failed for what is the gateway's: what stayed there, and the end of the time of a stream.
    fn says_nothing(&self, fault: &Fault) -> bool {
        match fault.phase {
            Phase::BeforeSend => fault.param.is_some(),
            Phase::Streaming => {
                let is_over = self.over.is_some_and(|over| over <= tokio::time::Instant::now());
                fault.class == ErrorClass::UpstreamTimeout && is_over
            }
            Phase::AwaitingHead | Phase::BeforeCommit => false,
        }
    }

    /// Whether it was in the air for long enough to be a sign.
    fn was_silent(&self) -> bool {
        self.end.is_some_and(|end| end <= tokio::time::Instant::now())
            || self.patience.is_some_and(|patience| patience <= self.sent.elapsed())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_told && self.was_silent() {
            let what = "no answer before the request was given up";
            self.tell(Err(&Fault::new(ErrorClass::UpstreamTimeout, Phase::AwaitingHead, what)));
        }
    }
}
