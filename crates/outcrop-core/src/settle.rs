//! Exactly one receipt for each request, whatever happens to it.
//!
//! The [`Settlement`] travels with the request. Finished, it hands out the receipt with the outcome;
//! dropped before that, the client has left, and the receipt says so.

mod spent;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use outcrop_dialect::answer::Tally;
use outcrop_model::{
    Behind, Carrier, ErrorClass, Fault, Ledger, Loss, Outcome, PicoUsd, Receipt, Tier, Usage, Wares,
};
use tokio::time::Instant;

use crate::admit::Grant;
use crate::discretion::{self, cut};
use crate::inbound::Operation;
use crate::limit::{Reservation, Spent, Told};
use crate::pricing::Pricing;
use crate::resilience::Permit;
use spent::{is_open_ended, may_be_more};

/// Where receipts go.
#[derive(Clone)]
pub struct ReceiptSink {
    take: Arc<dyn Fn(Receipt) + Send + Sync>,
    in_the_making: Arc<AtomicUsize>,
}

/// A receipt in the making.
#[derive(Debug)]
pub struct Settlement {
    /// `None` once handed out.
    receipt: Option<Receipt>,
    began: Instant,
    grant: Grant,
    /// What is charged by number.
    wares: Wares,
    /// `None` before it is known where the request goes.
    pricing: Option<Arc<Pricing>>,
    sink: ReceiptSink,
    /// What was taken from limits; at most once for each target.
    reserved: Reserved,
    called: Option<String>,
    /// See [`Settlement::tries`].
    tries: u32,
    /// The same without the present target.
    tried: u32,
    /// What targets cost that answered in vain; `None` when that is not known.
    paid: Option<PicoUsd>,
    /// Calls of the present target were given up in the air.
    has_given_up: bool,
    /// Events of a stream that the client was to see.
    streamed: u64,
    _permit: Option<Permit>,
}

/// What limits had to say.
#[derive(Debug, Default)]
enum Reserved {
    #[default]
    NotYet,
    /// No limit is for this request.
    Nothing,
    Holding(Box<Reservation>),
    /// Of the target before, which knows what was used there.
    Earlier(Box<Reservation>),
    Refused(Arc<Told>),
}

/// Status in the receipt of a request whose client left before any status was sent (nginx's word for it).
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// Longest model id or stop reason in a receipt, in characters; ARNs of profiles have about 100.
const MOST_OF_A_NAME: usize = 256;
/// Most entries of the ledger in a receipt: one holds them as long as its answer streams.
const MOST_LOST: usize = 1000;

// === impl ReceiptSink ===

impl ReceiptSink {
    pub fn new(sink: impl Fn(Receipt) + Send + Sync + 'static) -> Self {
        Self { take: Arc::new(sink), in_the_making: Arc::default() }
    }

    /// How many requests have begun and not ended.
    pub fn in_flight(&self) -> usize {
        self.in_the_making.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for ReceiptSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptSink")
    }
}

// === impl Settlement ===

impl Settlement {
    pub fn begin(sink: ReceiptSink, operation: &Operation, request_id: &str) -> Self {
        let receipt = Receipt {
            request_id: request_id.to_owned(),
            caller: None,
            operation: operation.as_str(),
            dialect: operation.dialect(),
            route: None,
            backend: None,
            failed_over: Vec::new(),
            carrier: None,
            model: String::new(),
            target: None,
            behind: None,
            stream: false,
            attempts: 0,
            retries: 0,
            status: CLIENT_CLOSED_REQUEST,
            usage: None,
            tier: None,
            cost: None,
            first_byte: None,
            duration: Duration::ZERO,
            outcome: Outcome::ClientLeft,
            losses: 0,
            lost: Vec::new(),
            limits: Vec::new(),
            upstream_request_id: None,
            detail: None,
        };
        sink.in_the_making.fetch_add(1, Ordering::Relaxed);
        let (began, grant, wares) = (Instant::now(), Grant::default(), Wares::default());
        let (pricing, reserved, streamed) = (None, Reserved::default(), 0);
        let (called, paid) = (None, Some(PicoUsd::ZERO));
        let (tries, tried) = (0, 0);
        Self {
            receipt: Some(receipt),
            began,
            grant,
            wares,
            pricing,
            sink,
            reserved,
            called,
            tries,
            tried,
            paid,
            has_given_up: false,
            streamed,
            _permit: None,
        }
    }

    /// The backend was asked in vain; another is asked next. What the receipt said of that target is over,
    /// but for what it cost.
    pub fn failed_over(&mut self, backend: &str, class: ErrorClass) {
        let Some(receipt) = self.receipt.take() else { return };
        let told = receipt.usage.filter(|usage| usage.total() > 0);
        let has_answered = told.is_some() || !self.wares.is_empty();
        let cost = if has_answered { self.cost(&receipt) } else { None };
        let was_sent = self.tries > self.tried;
        let is_given_up = was_sent && (is_open_ended(class) || self.has_given_up);
        let spent = |expected: &Usage| match told {
            told if is_given_up && may_be_more(told, expected) => Spent::Unknown,
            Some(usage) => Spent::Told { usage, cost },
            None if has_answered => Spent::Told { usage: Usage::default(), cost },
            None => Spent::Nothing,
        };
        self.reserved = match std::mem::take(&mut self.reserved) {
            Reserved::Holding(held) => {
                let spent = spent(held.expected());
                Reserved::Earlier(Box::new(held.ending_as(spent)))
            }
            Reserved::Nothing => Reserved::NotYet,
            same @ (Reserved::NotYet | Reserved::Earlier(_) | Reserved::Refused(_)) => same,
        };
        if has_answered {
            self.paid = self.paid.zip(cost).map(|(paid, cost)| paid + cost);
        }
        (self.called, self.tried, self.wares) = (None, self.tries, Wares::default());
        self.has_given_up = false;
        let mut failed_over = receipt.failed_over;
        failed_over.push((backend.to_owned(), class));
        self.receipt = Some(Receipt {
            failed_over,
            carrier: None,
            target: None,
            behind: None,
            usage: None,
            tier: None,
            losses: 0,
            lost: Vec::new(),
            upstream_request_id: None,
            ..receipt
        });
    }

    /// The backends that were asked in vain, and why.
    pub fn failures(&self) -> &[(String, ErrorClass)] {
        self.receipt.as_ref().map_or(&[], |receipt| &receipt.failed_over)
    }

    /// Holds a place in flight until the request has ended, or is taken elsewhere.
    pub fn hold(&mut self, permit: Option<Permit>) {
        self._permit = permit;
    }

    /// The request is this route's, and goes nowhere.
    pub fn on_route(&mut self, route: &str) {
        self.note(|r| r.route = Some(route.to_owned()));
    }

    /// The request goes this way, for these prices.
    pub fn routed(&mut self, route: &str, backend: &str, pricing: Arc<Pricing>) {
        self.on_route(route);
        self.note(|r| r.backend = Some(backend.to_owned()));
        self.pricing = Some(pricing);
    }

    /// Notes what is known so far.
    fn note(&mut self, change: impl FnOnce(&mut Receipt)) {
        if let Some(receipt) = &mut self.receipt {
            change(receipt);
        }
    }

    /// The caller is known, and what they may ask for.
    pub fn admitted(&mut self, grant: Grant) {
        self.note(|r| r.caller.clone_from(&grant.caller));
        self.grant = grant;
    }

    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    pub fn asked(&mut self, model: &str, stream: bool) {
        self.note(|r| {
            r.model = cut(model, MOST_OF_A_NAME);
            r.stream = stream;
        });
    }

    /// Bedrock is asked for this id.
    pub(crate) fn calls(&mut self, id: &str) {
        self.called = Some(id.to_owned());
    }

    /// The id that the present target is asked for, where that is known.
    pub(crate) fn called(&self) -> Option<&str> {
        self.called.as_deref()
    }

    /// Bedrock is asked for another id than the caller wrote.
    pub fn targeted(&mut self, id: &str) {
        self.note(|r| r.target = Some(cut(id, MOST_OF_A_NAME)));
    }

    /// What is behind the id that Bedrock is asked for.
    pub fn led_to(&mut self, behind: Option<Behind>) {
        self.note(|r| r.behind = behind);
    }

    pub fn planned(&mut self, carrier: Carrier, ledger: &Ledger) {
        self.note(|r| r.carrier = Some(carrier));
        self.lost(ledger);
    }

    /// What is lost so far; the last word counts.
    pub fn lost(&mut self, ledger: &Ledger) {
        let losses = ledger.losses();
        let lost = losses.iter().take(MOST_LOST).map(|Loss { kind, path, why }| Loss {
            kind: *kind,
            path: cut(path, MOST_OF_A_NAME),
            why: cut(why, MOST_OF_A_NAME).into(),
        });
        self.note(|r| {
            r.losses = losses.len();
            r.lost = lost.collect();
        });
    }

    /// The service tier that this plan asks for.
    pub fn asked_tier(&mut self, tier: Option<Tier>) {
        self.note(|r| r.tier = tier);
    }

    /// The service tier that the answer tells; it counts.
    pub fn told_tier(&mut self, tier: Option<Tier>) {
        self.note(|r| r.tier = tier.or(r.tier));
    }

    /// What the answer holds that is charged by number, or what there was of it until it failed.
    pub fn wares(&mut self, wares: Wares) {
        self.wares = wares;
    }

    /// Calls that Bedrock has were given up, and nobody says what they used.
    pub(crate) fn gave_up(&mut self) {
        self.has_given_up = true;
    }

    /// The request is sent, after `failed` failures of the same call at the same backend.
    pub fn attempt(&mut self, failed: u32) {
        self.tries = self.tries.max(self.tried.saturating_add(failed).saturating_add(1));
        self.note(|r| {
            r.attempts += 1;
            r.retries += u32::from(failed > 0);
        });
    }

    /// How often the request was tried so far, over all targets: calls that one request becomes count as
    /// one, and so does what is planned anew for what a refusal taught.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    pub fn answered(&mut self, upstream_request_id: Option<&str>) {
        self.note(|r| r.upstream_request_id = upstream_request_id.map(str::to_owned));
    }

    /// The client is about to see the first bytes, with this status.
    pub fn committed(&mut self, status: u16) {
        let elapsed = self.began.elapsed();
        self.note(|r| {
            r.status = status;
            r.first_byte.get_or_insert(elapsed);
        });
    }

    /// What was seen of the answer so far; the last word counts.
    pub fn tally(&mut self, tally: &Tally) {
        self.note(|r| r.usage = tally.usage);
    }

    /// A limit refused the request.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.reserved, Reserved::Refused(_))
    }

    /// How often the request was sent so far.
    pub(crate) fn attempts(&self) -> u32 {
        self.receipt.as_ref().map_or(0, |receipt| receipt.attempts)
    }

    /// Limits were asked for this request at this target.
    pub fn has_reserved(&self) -> bool {
        !matches!(self.reserved, Reserved::NotYet | Reserved::Earlier(_))
    }

    /// What was reserved for the target before, to be exchanged.
    pub(crate) fn take_earlier(&mut self) -> Option<Reservation> {
        match std::mem::take(&mut self.reserved) {
            Reserved::Earlier(earlier) => Some(*earlier),
            other => {
                self.reserved = other;
                None
            }
        }
    }

    pub fn reserved(&mut self, reservation: Option<Reservation>) {
        self.reserved =
            reservation.map_or(Reserved::Nothing, |held| Reserved::Holding(Box::new(held)));
    }

    /// Limits of these names refused.
    pub fn refused(&mut self, limits: Vec<String>, told: Arc<Told>) {
        self.note(|r| r.limits = limits);
        self.reserved = Reserved::Refused(told);
    }

    /// How limits stand, for the client.
    pub fn told(&self) -> Option<Arc<Told>> {
        match &self.reserved {
            Reserved::NotYet | Reserved::Nothing => None,
            Reserved::Holding(reservation) | Reserved::Earlier(reservation) => {
                Some(Arc::clone(reservation.told()))
            }
            Reserved::Refused(told) => Some(Arc::clone(told)),
        }
    }

    /// How many events of a stream there were so far.
    pub fn streamed(&mut self, events: u64) {
        self.streamed = events;
    }

    /// The answer is whole. Returns what it cost, if that is known.
    pub fn complete(mut self, tally: &Tally) -> Option<PicoUsd> {
        self.tally(tally);
        let stop = tally.stop.as_ref().map(|s| cut(&s.as_str(), MOST_OF_A_NAME));
        self.note(|r| r.outcome = Outcome::Completed(stop));
        self.hand_out()
    }

    /// The request failed; `status` when the failure became an HTTP status of its own.
    pub fn fail(mut self, fault: &Fault, status: Option<u16>) {
        self.note(|r| {
            r.outcome = match fault.class {
                ErrorClass::ClientLeft => Outcome::ClientLeft,
                class => Outcome::Failed(class),
            };
            r.status = status.unwrap_or(r.status);
            r.detail = Some(discretion::detail(fault));
            r.upstream_request_id =
                fault.request_id.clone().or_else(|| r.upstream_request_id.take());
        });
        self.hand_out();
    }

    /// The receipt goes out, once. Returns the cost in it.
    fn hand_out(&mut self) -> Option<PicoUsd> {
        let mut receipt = self.receipt.take()?;
        receipt.duration = self.began.elapsed();
        receipt.cost = self.cost(&receipt);
        // Of the target before, it settles by itself.
        if let Reserved::Holding(reservation) = std::mem::take(&mut self.reserved) {
            let spent = self.spent(&receipt, reservation.expected());
            reservation.settle(&spent);
        }
        receipt.cost = self.with_paid(&receipt);
        let cost = receipt.cost;
        self.sink.in_the_making.fetch_sub(1, Ordering::Relaxed);
        (self.sink.take)(receipt);
        cost
    }

    fn cost(&self, receipt: &Receipt) -> Option<PicoUsd> {
        self.pricing.as_ref()?.cost(receipt, &self.wares)
    }

    /// With what targets cost that answered in vain; `None` where the last one answered for a cost that is
    /// not known.
    fn with_paid(&self, receipt: &Receipt) -> Option<PicoUsd> {
        let has_answered = matches!(receipt.outcome, Outcome::Completed(_))
            || receipt.usage.is_some_and(|usage| usage.total() > 0)
            || !self.wares.is_empty();
        match (receipt.cost, self.paid) {
            (Some(cost), Some(paid)) => Some(cost + paid),
            (None, Some(paid)) if !has_answered => Some(paid).filter(|paid| *paid != PicoUsd::ZERO),
            (None, Some(_)) | (_, None) => None,
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        self.hand_out();
    }
}
