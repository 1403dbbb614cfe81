//! One attempt under watch: what comes of it is told to all that keeps an outage small.
//!
//! 1. Each attempt is told by itself: a request that is throttled twice and then answered was throttled twice.
//! 2. An attempt that is dropped in the air is told too, if its target had time to answer and did not: the
//!    request's time was up, or its client left a stream that had not begun for long. Otherwise it says
//!    nothing.
//! 3. What the caller's own credentials meet says nothing of the gateway's.

use std::time::{Duration, Instant};

use outcrop_aws::Credentials;
use outcrop_model::{ErrorClass, Fault, Phase};

use super::leg::Leg;
use crate::backend::Backend;

/// Silence of a stream after which its client's leaving is a sign: answers begin within seconds, thinking
/// ones too, since streams show that they think. Whole answers are silent for as long as they take.
const SILENCE: Duration = Duration::from_secs(30);

/// See the module. Dropped without a word, it has not come to its end.
pub(super) struct Watch<'l> {
    backend: &'l Backend,
    /// The id that is asked for.
    model: &'l str,
    sent: Instant,
    /// When it is cut off, where it is a sign if that happens.
    end: Option<tokio::time::Instant>,
    /// How long the target may be silent.
    patience: Option<Duration>,
    is_lent: bool,
    is_told: bool,
}

// === impl Leg ===

impl Leg<'_> {
    /// An attempt at `model` is about to be made, after `failed` failures of the same call.
    pub(super) fn watch<'l>(&'l self, model: &'l str, failed: u32) -> Watch<'l> {
        if failed == 0 {
            self.backend.budget.deposit();
        }
        let (sent, began) = (Instant::now(), tokio::time::Instant::now());
        // Cut off before half of the time, it was sent too late to tell.
        let enough = self.until.map(|until| until.saturating_duration_since(self.began) / 2);
        let end = self.until.filter(|until| Some(*until - began) >= enough);
        Watch {
            backend: self.backend,
            model,
            sent,
            end,
            patience: None,
            is_lent: false,
            is_told: false,
        }
    }
}

// === impl Watch ===

impl Watch<'_> {
    /// An attempt with these credentials of the caller's.
    pub(super) fn lent(self, credentials: Option<&Credentials>) -> Self {
        Self { is_lent: credentials.is_some(), ..self }
    }

    /// An attempt at a stream.
    pub(super) fn streaming(self) -> Self {
        Self { patience: Some(SILENCE), ..self }
    }

    /// It has come to its end.
    pub(super) fn ended<T>(mut self, outcome: &Result<T, Fault>) {
        self.tell(outcome.as_ref().err());
    }

    fn tell(&mut self, fault: Option<&Fault>) {
        self.is_told = true;
        let Self { backend, model, sent, .. } = *self;
        let now = Instant::now();
        if let Some(gate) = &backend.gate {
            let began = self.patience.map(|_of_a_stream| (model, now.duration_since(sent)));
            match fault {
                Some(fault) => gate.failed(fault.class, now),
                None => gate.answered(began, now),
            }
        }
        if self.is_lent {
            return;
        }
        match fault {
            None => backend.ward.answered(model, (sent, now)),
            // What stayed in the gateway says nothing of the backend.
            Some(fault) if fault.param.is_some() && fault.phase == Phase::BeforeSend => {}
            Some(fault) => {
                if backend.ward.failed(model, fault, (sent, now)) {
                    let (backend, class) = (&backend.name, fault.class.as_str());
                    tracing::warn!(backend, model, class, "left alone for a while");
                }
            }
        }
    }

    /// Whether it was in the air for long enough to be a sign.
    fn was_silent(&self) -> bool {
        self.end.is_some_and(|end| end <= tokio::time::Instant::now())
            || self.patience.is_some_and(|patience| patience <= self.sent.elapsed())
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.is_told && self.was_silent() {
            let what = "no answer before the request was given up";
            self.tell(Some(&Fault::new(ErrorClass::UpstreamTimeout, Phase::AwaitingHead, what)));
        }
    }
}
