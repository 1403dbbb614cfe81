//! The way that one request goes: its route, and the targets in the order in which they are tried.

use std::borrow::Cow;
use std::time::Instant;

use outcrop_config::ModelIs;
use outcrop_model::json::{Members, parse_body};
use outcrop_model::{ErrorClass, Fault, Phase, alias};

use crate::affinity;
use crate::inbound::Inbound;
use crate::model_id;
use crate::resilience::{Probe, Verdict, ward_key};
use crate::route::Named;
use crate::route::pick::{Lot, order, passed_over};
use crate::settle::Settlement;
use crate::snapshot::{Route, Snapshot, Target};

/// Targets that one request may try.
const MOST_TARGETS: usize = 16;

/// Names that an unknown one may have been meant for.
const MOST_NEAREST: usize = 3;

/// See the module.
pub(super) struct Itinerary<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) route: &'s Route,
    /// In the order in which they are tried.
    pub(super) stops: Vec<Stop<'s>>,
}

/// A target with the model to ask for there.
pub(super) struct Stop<'s> {
    pub(super) target: &'s Target,
    /// `None`: the caller's.
    pub(super) model: Option<Cow<'s, str>>,
    /// The model by the name that it is asked for.
    pub(super) key: String,
    /// Which call it is asked for, where that is not inference.
    pub(super) beside: Option<&'static str>,
    /// Leave to look whether it is back.
    probe: Option<Probe>,
}

// === impl Itinerary ===

impl<'s> Itinerary<'s> {
    /// # Errors
    /// When no route takes the request, or the caller may not use the one that does.
    pub(super) fn of(
        snapshot: &'s Snapshot,
        inbound: &Inbound,
        settlement: &Settlement,
    ) -> Result<Self, Fault> {
        let written = snapshot.needs_model().then(|| inbound.model()).flatten();
        if let Some(written) = &written {
            // Before it is compared, or anything is kept by it.
            model_id::check(written)?;
        }
        let named = written.as_deref().map(|written| named(snapshot, written));
        let found = snapshot.table.find(&inbound.approach(), &inbound.own_path, named.as_ref());
        let Some(route) = found.and_then(|at| snapshot.routes.get(at)) else {
            return Err(no_route(snapshot, inbound, written.as_deref()));
        };
        settlement.grant().check_route(&route.name)?;
        let written = written.as_deref().unwrap_or_default();
        let name = named.map_or(String::new(), |named| named.name);
        let stops = route.targets.iter().map(|target| {
            let model = model_at(snapshot, target, written, &name);
            let key = model.as_deref().unwrap_or(written).to_owned();
            Stop { target, model, key, beside: inbound.operation.beside(), probe: None }
        });
        let mut stops: Vec<Option<Stop<'s>>> = stops.map(Some).collect();
        let order = lots(route, &mut stops, inbound);
        let stops: Vec<Stop<'s>> = order
            .into_iter()
            .filter_map(|at| stops.get_mut(at)?.take())
            .take(MOST_TARGETS)
            .collect();
        match stops.is_empty() {
            true => Err(no_route(snapshot, inbound, None)),
            false => Ok(Self { snapshot, route, stops }),
        }
    }
}

impl Itinerary<'_> {
    /// The route and the backends, by name.
    pub(super) fn names(&self) -> (String, Vec<String>) {
        let backends = self.stops.iter().map(|stop| stop.target.backend.name.clone());
        (self.route.name.clone(), backends.collect())
    }
}

impl Stop<'_> {
    /// Whether to ask it now. Who may probe it asks it.
    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        match self.probe {
            Some(_) => Verdict::Well,
            None => self.target.backend.ward.verdict(&self.ward_key(), now),
        }
    }

    pub(super) fn is_well(&self, now: Instant) -> bool {
        self.verdict(now) == Verdict::Well
    }

    fn probe(&mut self, now: Instant) -> bool {
        self.probe = self.target.backend.ward.probe(&self.ward_key(), now);
        self.probe.is_some()
    }

    fn ward_key(&self) -> String {
        ward_key(&self.target.backend.learned.callee(&self.key).target, self.beside)
    }
}

fn named(snapshot: &Snapshot, written: &str) -> Named {
    let name = snapshot.table.names.resolve(written).into_owned();
    let built_in = alias::resolve(&name).id.into_owned();
    Named { name, built_in }
}

/// The model to ask for at `target`, where it is not what the caller wrote.
fn model_at<'s>(
    snapshot: &'s Snapshot,
    target: &'s Target,
    written: &str,
    name: &str,
) -> Option<Cow<'s, str>> {
    let own = target.of.model.as_deref().map(|model| snapshot.table.names.resolve(model));
    let renamed = || (name != written).then(|| Cow::Owned(name.to_owned()));
    match (own, target.of.model_is) {
        (Some(own), ModelIs::Set) => Some(own),
        (Some(own), ModelIs::Default) if written.is_empty() => Some(own),
        (Some(_), ModelIs::Default) | (None, _) => renamed(),
    }
}

fn lots(route: &Route, stops: &mut [Option<Stop<'_>>], inbound: &Inbound) -> Vec<usize> {
    let how = &route.treatment;
    if stops.len() == 1 {
        return vec![0];
    }
    let now = Instant::now();
    let kept = || {
        let session = how.session_header.as_deref();
        affinity::seed(&inbound.headers, session, &inbound.body)
    };
    let seed = match how.affinity {
        true => kept().unwrap_or_else(|| fastrand::u64(..)),
        false => fastrand::u64(..),
    };
    let fit: Vec<bool> = stops.iter().flatten().map(|stop| stop.is_well(now)).collect();
    // They may be due to be looked at again.
    let before = passed_over(&tickets(stops, |at| fit[at]), seed);
    let probed = before
        .into_iter()
        .find(|at| stops.get_mut(*at).and_then(Option::as_mut).is_some_and(|stop| stop.probe(now)));
    order(&tickets(stops, |at| fit[at] || probed == Some(at)), seed)
}

fn tickets<'t>(stops: &'t [Option<Stop<'_>>], is_fit: impl Fn(usize) -> bool) -> Vec<Lot<'t>> {
    let lot = |(at, stop): (usize, &'t Stop<'_>)| Lot {
        name: (&stop.target.backend.name, &stop.key),
        weight: stop.target.of.weight,
        priority: stop.target.of.priority,
        fit: is_fit(at),
    };
    stops.iter().flatten().enumerate().map(lot).collect()
}

// === faults ===

fn nowhere(what: &'static str) -> Fault {
    Fault::new(ErrorClass::UnknownPath, Phase::BeforeSend, what)
}

/// Why no route takes the request: most often for its model.
fn no_route(snapshot: &Snapshot, inbound: &Inbound, written: Option<&str>) -> Fault {
    let Some(written) = written.filter(|written| !written.is_empty()) else {
        if snapshot.table.asks_model && inbound.names_model_in_body() {
            return match parse_body::<Members<'_>>(&inbound.body) {
                Err(fault) => fault,
                Ok(_) => Fault::invalid("model", "is required. Name the model to ask."),
            };
        }
        return nowhere("No route of this gateway takes this request.");
    };
    if !snapshot.table.asks_model {
        return nowhere("No route of this gateway takes this request.");
    }
    let shown: String = written.chars().take(200).collect();
    let mut message = format!("This gateway has no route for the model `{shown}`.");
    let names = snapshot.table.names.listed().map(|(name, _)| name);
    let known = names.chain(snapshot.table.exact_models().map(|(_, model)| model));
    if let Some(question) = meant(known, written) {
        message.push_str(&format!(" {question}"));
    }
    message.push_str(" GET /v1/models lists some that exist.");
    Fault::new(ErrorClass::UnknownModel, Phase::BeforeSend, message).with_param("model")
}

/// A question for those of the names that are like the one that was written, nearest first.
pub(super) fn meant<'n>(known: impl Iterator<Item = &'n str>, written: &str) -> Option<String> {
    let mut near: Vec<(f64, &str)> = known
        .map(|name| (strsim::jaro_winkler(name, written), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by_key(|(_, name)| *name);
    let near = near.into_iter().take(MOST_NEAREST).map(|(_, name)| format!("`{name}`"));
    let near: Vec<String> = near.collect();
    (!near.is_empty()).then(|| format!("Did you mean {}?", near.join(", ")))
}
