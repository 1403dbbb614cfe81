//! Media by address, brought before the request is read: fetched once, put in the body as bytes.
//!
//! What follows, another attempt too, works on the body with the bytes. Another target reads the request
//! anew, and finds there what was fetched before: an address may answer once only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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

/// What addresses led to, for the next target of the same request. The room that it takes in the process is
/// taken until it is gone.
#[derive(Default)]
pub(super) struct Brought(Mutex<HashMap<String, Item>>);

#[derive(Clone)]
struct Item {
    fetched: Fetched,
    room: Arc<Held>,
}

/// A body whose fetched parts keep their room in the process until it is gone.
struct Weighed {
    body: Vec<u8>,
    _room: Vec<Arc<Held>>,
}

// === impl Brought ===

impl Brought {
    fn find(&self, url: &str) -> Option<Item> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    /// How many addresses there were, and how many bytes behind them.
    fn sum(&self) -> (usize, usize) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (all.len(), all.values().map(|item| item.fetched.bytes.len()).sum())
    }

    fn keep(&self, url: &str, item: &Item) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(url.to_owned(), item.clone());
    }
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
        let callee = self.learned.callee(self.called(&wanted.model));
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
        // What is fetched for one target counts for the next, which may want others.
        let (count, bytes) = self.brought.map(Brought::sum).unwrap_or_default();
        let is_new = |at: &&usize| {
            self.brought.is_none_or(|brought| brought.find(&places[**at].url).is_none())
        };
        let beyond = firsts.iter().filter(is_new).nth(most.saturating_sub(count));
        if let Some(beyond) = beyond.filter(|_| limits.reach != Reach::Off) {
            return Err(fault(&places[*beyond].path, &Failure::TooMany { most }));
        }
        let batch = self.gateway.settings.media.begin_after(bytes);
        let fetched = fan_out(firsts.len(), FAN_WIDTH, |n| {
            let place = &places[firsts[n]];
            let known = self.brought.and_then(|brought| brought.find(&place.url));
            let batch = &batch;
            async move {
                match known {
                    Some(Item { fetched, room }) => Ok((fetched, Some(room))),
                    None => {
                        let fetched = batch.fetch(&place.url).await;
                        fetched.map(|f| (f, None)).map_err(|f| fault(&place.path, &f))
                    }
                }
            }
        })
        .await?;
        let bytes: usize = fetched.iter().map(|(fetched, _)| fetched.bytes.len()).sum();
        tracing::debug!(addresses = firsts.len(), bytes, "media fetched");
        let room = Arc::new(batch.into_held());
        let items = fetched.into_iter().map(|(fetched, known)| Item {
            fetched,
            room: known.unwrap_or_else(|| Arc::clone(&room)),
        });
        let items: Vec<Item> = items.collect();
        if let Some(brought) = self.brought {
            firsts.iter().zip(&items).for_each(|(at, item)| brought.keep(&places[*at].url, item));
        }
        let mut media: Vec<Media<'_>> = Vec::with_capacity(places.len());
        for place in places {
            let Fetched { bytes, declared } = &items[numbers[&*place.url]].fetched;
            media.push(place.identify(bytes, declared.as_deref())?);
        }
        let body = media::put(body, places, |i| media[i]);
        let room = items.iter().map(|item| Arc::clone(&item.room)).collect();
        Ok(Bytes::from_owner(Weighed { body, _room: room }))
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
