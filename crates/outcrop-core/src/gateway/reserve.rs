//! Reserve: limits are asked once it is known what is to be called, and before anything is sent.

use outcrop_dialect::plan::Estimate;
use outcrop_dialect::{cache, tier};
use outcrop_model::chat::CacheTtl;
use outcrop_model::{Charge, Fault, PicoUsd, Tier, Usage, Wares};

use super::headers::tier_of;
use super::leg::Leg;
use crate::aside::Aside;
use crate::callee::Callee;
use crate::inbound::Inbound;
use crate::limit::{Expected, Facts};
use crate::settle::Settlement;

/// What a request is for, as far as limits go: the model as the caller wrote it, as it is called, and the
/// one that it is.
pub(super) type Wanted<'a> = [&'a str; 3];

impl Leg<'_> {
    /// Takes from all limits that are for the request; once for each target, however often it is planned
    /// anew, and in the place of what was taken for the target before.
    ///
    /// # Errors
    /// When a limit refuses.
    pub(super) async fn reserve(
        &self,
        inbound: &Inbound,
        wanted: Wanted<'_>,
        expected: impl FnOnce() -> Expected,
        settlement: &mut Settlement,
    ) -> Result<(), Fault> {
        if settlement.has_reserved() {
            return Ok(());
        }
        let grant = settlement.grant().clone();
        let facts = Facts {
            key: grant.limited_as(),
            tags: grant.caller.as_ref().map_or(&[], |caller| &caller.tags),
            route: self.route,
            backend: &self.backend.name,
            models: [wanted[0], wanted[1], self.gateway.catalog.foundation_id(wanted[2])],
            headers: &inbound.headers,
            peer: inbound.peer,
        };
        let earlier = settlement.take_earlier();
        match self.limiter.exchange(earlier, &facts, expected).await {
            Ok(reservation) => {
                settlement.reserved(reservation);
                Ok(())
            }
            Err(refusal) => {
                settlement.refused(refusal.limits, refusal.told);
                Err(refusal.fault)
            }
        }
    }

    /// A call beside inference: a request, and nothing more.
    pub(super) async fn reserve_call(
        &self,
        inbound: &Inbound,
        settlement: &mut Settlement,
    ) -> Result<(), Fault> {
        let nothing = || Expected { usage: Usage::default(), cost: Some(PicoUsd::ZERO) };
        self.reserve(inbound, [""; 3], nothing, settlement).await
    }

    /// A call beside inference that makes a model work. What it takes in truth is told by no answer.
    pub(super) async fn reserve_run(
        &self,
        (aside, callee): (&Aside, &Callee),
        (wanted, inbound): (&str, &Inbound),
        settlement: &mut Settlement,
    ) -> Result<(), Fault> {
        let wares = aside.wares(&inbound.body);
        let expected = || {
            let Estimate { input, output: _ } = Estimate::of_body(&inbound.body);
            let usage = Usage { input, ..Usage::default() };
            let tier = tier_of(&inbound.headers).unwrap_or(Tier::Standard);
            let priced = wares.map(|wares| self.expected_cost(callee, (tier, usage), &wares));
            priced.unwrap_or(Expected { usage, cost: None })
        };
        self.reserve(inbound, [wanted, &callee.target, callee.model()], expected, settlement).await
    }

    /// The most that a chat may use, as it is sent. A prompt with cache points is reserved as written to the
    /// cache, at the dearest that it may be charged: whether the model caches it nobody can tell.
    pub(super) fn expected(
        &self,
        callee: &Callee,
        estimate: Estimate,
        (headers, body): (&http::HeaderMap, &[u8]),
    ) -> Expected {
        let card = self.gateway.catalog.card(callee.model());
        let is_chat = self.gateway.catalog.specialist(callee.model()).is_none();
        let unbounded = if is_chat { card.default_max_tokens } else { 0 };
        let output = estimate.output.unwrap_or(unbounded);
        let most = card.max_output_tokens;
        let output = if most > 0 { output.min(most) } else { output };
        let tier = tier_of(headers).or_else(|| tier::find(body)).unwrap_or(Tier::Standard);
        let input = estimate.input;
        let of = |usage| self.expected_cost(callee, (tier, usage), &Wares::default());
        let plain = of(Usage { input, output, ..Usage::default() });
        let for_5m = || of(Usage { cache_write_5m: input, output, ..Usage::default() });
        let for_1h = || of(Usage { cache_write_1h: input, output, ..Usage::default() });
        // A cost that is not known is less than any other.
        match cache::asked(body) {
            None => plain,
            Some(CacheTtl::Default | CacheTtl::FiveMinutes) => {
                let written = for_5m();
                Expected { cost: written.cost.max(plain.cost), ..written }
            }
            Some(CacheTtl::OneHour) => {
                let written = for_1h();
                Expected { cost: written.cost.max(for_5m().cost).max(plain.cost), ..written }
            }
        }
    }

    /// With what it may cost.
    pub(super) fn expected_cost(
        &self,
        callee: &Callee,
        (tier, usage): (Tier, Usage),
        wares: &Wares,
    ) -> Expected {
        let is_sold_by_use = callee.behind.as_ref().is_none_or(|b| b.charge == Charge::Use);
        let quote = self.pricing.quote(callee.model()).filter(|_| is_sold_by_use);
        let cost = quote.and_then(|quote| quote.cost(tier, Some(&usage), wares));
        Expected { usage, cost }
    }
}
