//! Media by address, brought before the request is read: fetched once, put in the body as bytes.
//!
//! What follows, another attempt or another target too, works on the body with the bytes.

use std::collections::HashMap;

use bytes::Bytes;
use outcrop_dialect::media::{self, Media, Wanted};
use outcrop_fetch::{Blame, Failure, Fetched, Held, Reach};
use outcrop_model::{ErrorClass, Fault, Phase};

use super::leg::Leg;
use crate::fan::fan_out;
use crate::inbound::{Inbound, Operation};
use crate::model_id;
use crate::settle::Settlement;

/// Fetches of one request that run at once: files of one conversation often lie on one server.
const FAN_WIDTH: usize = 4;

/// A body whose fetched parts keep their room in the process until it is gone.
struct Weighed {
    body: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Weighed {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Leg<'_> {
    /// Replaces the body by one that holds its media, if it has some by address.
    pub(super) async fn bring_media(
        &self,
        inbound: &mut Inbound,
        settlement: &mut Settlement,
    ) -> Result<(), Fault> {
        let enveloped = self.enveloped_model(inbound);
        if enveloped.is_none() && !takes_media(&inbound.operation) {
            return Ok(());
        }
        let body = inbound.body.clone();
        let Some(mut wanted) = media::wanted(&body) else { return Ok(()) };
        if let Some(model) = enveloped {
            wanted.model = model.into();
        }
        let callee = self.backend.learned.callee(self.called(&wanted.model));
        let is_called = !wanted.model.is_empty() && model_id::check(&wanted.model).is_ok();
        let is_allowed = settlement.grant().check_model(&wanted.model, &callee.target).is_ok();
        if !is_called || !is_allowed || self.gateway.catalog.specialist(callee.model()).is_some() {
            // What follows says so, in its own words.
            return Ok(());
        }
        wanted.retain_taken(self.gateway.catalog.card(callee.model()));
        if wanted.places.is_empty() {
            return Ok(());
        }
        // On the heap: few requests come this far, and every request's future would hold it.
        let brought = Box::pin(self.fetch_media(&body, &wanted)).await;
        if brought.is_err() {
            settlement.asked(&wanted.model, false);
        }
        inbound.body = brought?;
        Ok(())
    }

    async fn fetch_media(&self, body: &[u8], wanted: &Wanted<'_>) -> Result<Bytes, Fault> {
        let places = &wanted.places;
        // The number of each address, and the first place that holds it.
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut firsts = Vec::new();
        for (i, place) in places.iter().enumerate() {
            numbers.entry(&place.url).or_insert_with(|| {
                firsts.push(i);
                firsts.len() - 1
            });
        }
        let limits = self.gateway.settings.media.limits();
        let most = limits.max_count;
        if let Some(beyond) = firsts.get(most).filter(|_| limits.reach != Reach::Off) {
            return Err(fault(&places[*beyond].path, &Failure::TooMany { most }));
        }
        let batch = self.gateway.settings.media.begin();
        let fetched: Vec<Fetched> = fan_out(firsts.len(), FAN_WIDTH, |n| {
            let place = &places[firsts[n]];
            let batch = &batch;
            async move { batch.fetch(&place.url).await.map_err(|f| fault(&place.path, &f)) }
        })
        .await?;
        let mut media: Vec<Media<'_>> = Vec::with_capacity(places.len());
        for place in places {
            let Fetched { bytes, declared } = &fetched[numbers[&*place.url]];
            media.push(place.identify(bytes, declared.as_deref())?);
        }
        let bytes: usize = fetched.iter().map(|fetched| fetched.bytes.len()).sum();
        tracing::debug!(addresses = firsts.len(), bytes, "media fetched");
        let body = media::put(body, places, |i| media[i]);
        Ok(Bytes::from_owner(Weighed { body, _held: batch.into_held() }))
    }
}

/// Chats, whose bodies have places for media.
fn takes_media(operation: &Operation) -> bool {
    match operation {
        Operation::ChatCompletions
        | Operation::KongChat
        | Operation::Responses
        | Operation::Messages
        | Operation::CountMessages
        | Operation::CountResponses => true,
        Operation::Completions
        | Operation::Special(_)
        | Operation::Bedrock { .. }
        | Operation::Aside(_) => false,
    }
}

fn fault(path: &str, failure: &Failure) -> Fault {
    let class = match failure.blame() {
        Blame::Caller => ErrorClass::InvalidRequest,
        Blame::Size => ErrorClass::TooLarge,
        Blame::FarServer => ErrorClass::Unreachable,
        Blame::FarSlowness => ErrorClass::UpstreamTimeout,
        Blame::Gateway => ErrorClass::Overloaded,
    };
    let fault = Fault::new(class, Phase::BeforeSend, failure.to_string()).with_param(path);
    fault.with_detail(format!("media by address: {failure:?}"))
}
