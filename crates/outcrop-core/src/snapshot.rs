//! One configuration at work.
//!
//! 1. Immutable: a reload makes another, and every request holds one for its whole life.
//! 2. A configuration with an error is never put to work: what was there before stays.
//! 3. Backends whose settings did not change are taken over with all that they know; of others the requests in
//!    flight, the retry budget and, where it is the same place, the health.

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_config::{self as config, Config, Diagnostic, HeaderEdit, Origin, Severity};
use outcrop_model::{Catalog, Prices};

use crate::backend::{Around, Backend, Trouble};
use crate::edit;
use crate::limit::Rules;
use crate::models::Own;
use crate::pricing::Pricing;
use crate::route::Table;
use crate::treatment::Treatment;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// How many configurations there were, with this one.
    pub(crate) generation: u64,
    pub(crate) backends: BTreeMap<String, Arc<Backend>>,
    /// In order of precedence.
    pub(crate) routes: Vec<Route>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) table: Table,
}

/// A route, ready for use.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) treatment: Treatment,
    /// Never empty.
    pub(crate) targets: Vec<Target>,
    pub(crate) owned_by: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) backend: Arc<Backend>,
    pub(crate) pricing: Arc<Pricing>,
    pub(crate) of: config::Target,
}

/// What compiling found to say.
#[derive(Debug, Default)]
pub(crate) struct Notes(pub(crate) Vec<Diagnostic>);

// === impl Notes ===

impl Notes {
    pub(crate) fn error(&mut self, origin: &Origin, what: impl Into<String>) {
        self.0.push(Diagnostic::error(origin.clone(), what));
    }

    fn trouble(&mut self, severity: Severity, origin: &Origin, trouble: &Trouble) {
        let (what, hint) = trouble.told();
        self.0.push(Diagnostic { severity, origin: origin.clone(), what, hint });
    }

    fn is_fatal(&self) -> bool {
        self.0.iter().any(|note| note.severity == Severity::Error)
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// The one after this, for `config`.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub(crate) async fn next(
        &self,
        config: &Config,
        prices: &Prices,
        around: &Around,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut notes = Notes::default();
        let backends = self.open(config, around, &mut notes).await;
        let prices = laid_over(prices, config.prices.as_deref(), &mut notes);
        let table = Table::compile(config, &mut notes);
        let routes = routes(config, &backends, &prices, &mut notes);
        let rules = Rules::compile(&config.limits).unwrap_or_else(|wrong| {
            notes.0.extend(wrong);
            Rules::default()
        });
        check_headers(config, &mut notes);
        if notes.is_fatal() {
            return Err(notes.0);
        }
        self.begin(config, &backends, &mut notes).await;
        if notes.is_fatal() {
            return Err(notes.0);
        }
        backends.values().for_each(|backend| backend.take_office());
        let generation = self.generation + 1;
        Ok((Self { generation, backends, routes, table, rules: Arc::new(rules) }, notes.0))
    }

    /// The first target of the first route.
    pub(crate) fn first(&self) -> Option<&Target> {
        self.routes.first()?.targets.first()
    }

    /// The models that the operator names: by names of its own, and in routes.
    pub(crate) fn own_models(&self) -> Vec<Own> {
        let names = self.table.names.listed().map(|(id, stands_for)| Own {
            id: id.to_owned(),
            stands_for: stands_for.to_owned(),
            owner: None,
        });
        let routed = self.table.exact_models().filter_map(|(at, id)| {
            let route = self.routes.get(at)?;
            let target = route.targets.first()?;
            let stands_for = target.of.model.as_deref().unwrap_or(id);
            let stands_for = self.table.names.resolve(stands_for).into_owned();
            Some(Own { id: id.to_owned(), stands_for, owner: route.owned_by.clone() })
        });
        names.chain(routed).collect()
    }

    /// Whether the way of a request depends on its model.
    pub(crate) fn needs_model(&self) -> bool {
        self.table.asks_model
            || self.routes.iter().any(|route| {
                route.targets.len() > 1 || route.targets.iter().any(|one| one.of.model.is_some())
            })
    }

    async fn open(
        &self,
        config: &Config,
        around: &Around,
        notes: &mut Notes,
    ) -> BTreeMap<String, Arc<Backend>> {
        let mut backends = BTreeMap::new();
        for (name, settings) in &config.backends {
            let kept = self.backends.get(name).filter(|backend| backend.is_as(settings));
            let backend = match kept {
                Some(backend) => Ok(Arc::clone(backend)),
                None => Backend::open(name, settings, around).await.map(|new| {
                    Arc::new(match self.backends.get(name) {
                        Some(before) => new.succeeding(before),
                        None => new,
                    })
                }),
            };
            match backend {
                Ok(backend) => {
                    backends.insert(name.clone(), backend);
                }
                Err(trouble) => notes.trouble(Severity::Error, &settings.origin, &trouble),
            }
        }
        backends
    }

    /// Tells which new backends have no credentials: an error if that leaves none to use.
    async fn begin(
        &self,
        config: &Config,
        backends: &BTreeMap<String, Arc<Backend>>,
        notes: &mut Notes,
    ) {
        let is_new = |backend: &Arc<Backend>| {
            !self.backends.get(&backend.name).is_some_and(|old| Arc::ptr_eq(old, backend))
        };
        let (mut troubles, mut usable) = (Vec::new(), 0);
        for (name, backend) in backends {
            match if is_new(backend) { backend.begin().await } else { Ok(()) } {
                Ok(()) => usable += 1,
                Err(trouble) => {
                    let origin = config.backends.get(name).map(|b| b.origin.clone());
                    troubles.push((origin.unwrap_or_default(), trouble));
                }
            }
        }
        let severity = if usable == 0 { Severity::Error } else { Severity::Warning };
        for (origin, trouble) in troubles {
            notes.trouble(severity, &origin, &trouble);
        }
    }
}

// === helpers ===

fn laid_over(built_in: &Prices, text: Option<&str>, notes: &mut Notes) -> Prices {
    match text.map(|text| built_in.with(text)) {
        None => built_in.clone(),
        Some(Ok(prices)) => prices,
        Some(Err(misprint)) => {
            let origin = Origin { source: "prices".to_owned(), ..Origin::default() };
            notes.error(&origin, misprint.to_string());
            built_in.clone()
        }
    }
}

fn routes(
    config: &Config,
    backends: &BTreeMap<String, Arc<Backend>>,
    prices: &Prices,
    notes: &mut Notes,
) -> Vec<Route> {
    let pricing: BTreeMap<&str, Arc<Pricing>> = backends
        .iter()
        .map(|(name, backend)| {
            let region = backend.endpoints().region.as_str();
            let pricing = Pricing::new(prices.clone(), Catalog::built_in(), region);
            (name.as_str(), Arc::new(pricing))
        })
        .collect();
    let mut routes = Vec::with_capacity(config.routes.len());
    for route in &config.routes {
        let mut targets = Vec::with_capacity(route.targets.len());
        for target in &route.targets {
            let name = target.backend.as_str();
            match (backends.get(name), pricing.get(name)) {
                (Some(backend), Some(pricing)) => targets.push(Target {
                    backend: Arc::clone(backend),
                    pricing: Arc::clone(pricing),
                    of: target.clone(),
                }),
                // What is wrong with a backend that is there has been said.
                _ if config.backends.contains_key(name) => {}
                _ => notes.error(&route.origin, format!("There is no backend `{name}`.")),
            }
        }
        if route.targets.is_empty() {
            notes.error(&route.origin, format!("The route `{}` has no targets.", route.name));
        }
        let treatment = Treatment::of(&route.policy, &config.defaults);
        let (name, owned_by) = (route.name.clone(), route.owned_by.clone());
        routes.push(Route { name, treatment, targets, owned_by });
    }
    routes
}

/// Says which headers cannot be set.
fn check_headers(config: &Config, notes: &mut Notes) {
    let file = Origin { path: "defaults".to_owned(), ..Origin::default() };
    let targets = config.routes.iter().flat_map(|route| {
        let edits = route.targets.iter().flat_map(|target| &target.headers);
        edits.chain(&route.policy.headers).map(move |edit| (edit, &route.origin))
    });
    for (edit, origin) in targets.chain(config.defaults.headers.iter().map(|edit| (edit, &file))) {
        match edit {
            HeaderEdit::Set { name, value } | HeaderEdit::Add { name, value } => {
                if edit::header(name, value).is_none() {
                    notes.error(origin, format!("`{name}` with this value cannot be a header."));
                }
            }
            HeaderEdit::Remove { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: &T) {}

    /// A reload may run beside the requests.
    #[test]
    fn a_reload_may_move_between_threads() {
        let (snapshot, config) = (Snapshot::default(), Config::default());
        is_send(&snapshot.next(&config, Prices::built_in(), &Around::default()));
    }
}
