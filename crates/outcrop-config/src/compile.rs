//! Items of all front ends to one configuration.
//!
//! What no single item can know is checked here: that names are unique and that what is referred to is
//! there. So are the rules that hold in every format: patterns that are patterns, weights that let a
//! target be chosen, prices that can be read. An item that breaks one is left out, and nothing else; what it
//! refers to is looked at all the same, so that all that is wrong with it is told at once.

mod check;
mod idle;
mod reach;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::admission::{JwtIssuer, Scopes};
use crate::backend::Backend;
use crate::config::Config;
use crate::front::{Gaps, Item, Kind};
use crate::name::ModelName;
use crate::origin::{Diagnostic, Origin, Severity};
use crate::route::{Match, Route, Surface, Target};
use crate::words;

/// Name of the backend, and of the route, that there are when none is written.
pub const DEFAULT: &str = "default";

/// Something about an item, or about a member of it.
#[derive(Debug)]
pub struct Finding {
    /// Its origin is the item's.
    pub diagnostic: Diagnostic,
    /// The member's path within the item; empty for the whole.
    pub member: String,
}

/// The configuration of `items`, and what is wrong with them. `broken`: something was wrong before, so
/// that what is missing may have been written.
pub fn compile(items: Vec<Item>, broken: bool) -> (Config, Vec<Finding>) {
    let mut compiler = Compiler { broken, ..Compiler::default() };
    for item in items {
        compiler.take(item);
    }
    compiler.finish()
}

#[derive(Default)]
struct Compiler {
    config: Config,
    /// What is wrong, to be looked at and left out.
    wrong: Config,
    /// Where the first of each name is; nowhere if it was left out.
    known: BTreeMap<(Kind, String), Option<Origin>>,
    /// Where things are that may come once.
    once: HashMap<&'static str, Origin>,
    findings: Findings,
    broken: bool,
    no_default: bool,
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    all: Vec<Finding>,
    /// What is known to be missing of the items that are at these places.
    gaps: HashMap<Origin, Gaps>,
}

impl Findings {
    fn add(
        &mut self,
        severity: Severity,
        origin: &Origin,
        member: String,
        words: (String, Option<String>),
    ) {
        if self.gaps.get(origin).is_some_and(|gaps| gaps.hide(&member)) {
            return;
        }
        let (what, hint) = words;
        let diagnostic = Diagnostic { severity, origin: origin.clone(), what, hint };
        self.all.push(Finding { diagnostic, member });
    }

    fn error(
        &mut self,
        origin: &Origin,
        member: impl Into<String>,
        what: String,
        hint: Option<String>,
    ) {
        self.add(Severity::Error, origin, member.into(), (what, hint));
    }

    fn warning(
        &mut self,
        origin: &Origin,
        member: impl Into<String>,
        what: String,
        hint: Option<String>,
    ) {
        self.add(Severity::Warning, origin, member.into(), (what, hint));
    }

    fn errors(&self) -> usize {
        self.all.iter().filter(|finding| finding.diagnostic.severity == Severity::Error).count()
    }
}

impl Compiler {
    fn take(&mut self, item: Item) {
        let errors = self.findings.errors();
        let (item, was_wrong) = match item {
            Item::Wrong(item, gaps) => {
                if let Some(origin) = origin_of(&item) {
                    self.findings.gaps.insert(origin.clone(), gaps);
                }
                (*item, true)
            }
            item => (item, false),
        };
        self.look_at(&item);
        match !was_wrong && self.findings.errors() == errors {
            true => self.keep(item),
            false => put(item, &mut self.wrong),
        }
    }

    /// Finds what is wrong with the item.
    fn look_at(&mut self, item: &Item) {
        match item {
            Item::Listener(listener, origin) => {
                self.listener_address(listener, origin);
                self.first_of(Kind::Listener, &listener.name, origin);
            }
            Item::Backend(name, backend) => {
                check::backend(backend, &mut self.findings);
                self.first_of(Kind::Backend, name, &backend.origin);
            }
            Item::Name(name) => {
                check::name(name, &mut self.findings);
                self.first_pattern(name);
            }
            Item::Route(route) => {
                check::route(route, &mut self.findings);
                self.first_of(Kind::Route, &route.name, &route.origin);
            }
            Item::Defaults(policy, origin) => {
                check::policy(policy, (origin, ""), &mut self.findings);
                self.only_one("defaults", origin);
            }
            Item::Key(key) => {
                check::key(key, &mut self.findings);
                self.first_of(Kind::Key, &key.name, &key.origin);
            }
            Item::Limit(limit) => {
                check::limit(limit, &mut self.findings);
                self.first_of(Kind::Limit, &limit.name, &limit.origin);
            }
            Item::Store(_, origin) => self.only_one("store", origin),
            Item::Prices(prices, origin) => {
                check::prices(prices, origin, &mut self.findings);
                self.only_one("prices", origin);
            }
            Item::Issuer(issuer) => {
                check::issuer(issuer, &mut self.findings);
                self.first_judge(issuer);
            }
            Item::NoDefault => self.no_default = true,
            Item::KeyHeader(_) | Item::Anonymous(_) | Item::Wrong(_, _) | Item::LeftOut(_, _) => {}
        }
    }

    fn keep(&mut self, item: Item) {
        match item {
            Item::LeftOut(kind, name) => {
                self.known.entry((kind, name)).or_insert(None);
            }
            item => put(item, &mut self.config),
        }
    }

    fn finish(mut self) -> (Config, Vec<Finding>) {
        if !self.broken && self.findings.errors() == 0 {
            self.put_defaults_in();
        }
        self.targets();
        self.references();
        reach::unreachable(&self.config.routes, &mut self.findings);
        (self.config, self.findings.all)
    }

    /// With no backend, the one of the environment; with no route, all to the only backend. But files of which no
    /// route came are no reason to let in what none of them was for.
    fn put_defaults_in(&mut self) {
        if self.config.routes.is_empty() && self.no_default {
            let what = "no route is left: there is nothing to serve".to_owned();
            let hint = "add a route to a model of Bedrock's".to_owned();
            self.findings.error(&Origin::default(), "", what, Some(hint));
            return;
        }
        if self.config.backends.is_empty() {
            self.config.backends.insert(DEFAULT.to_owned(), from_environment());
        }
        if !self.config.routes.is_empty() {
            return;
        }
        let mut names = self.config.backends.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => {
                self.known.insert((Kind::Route, DEFAULT.to_owned()), None);
                self.config.routes.push(Route {
                    name: DEFAULT.to_owned(),
                    listeners: Vec::new(),
                    matches: Vec::<Match>::new(),
                    surface: Surface::ByPath,
                    targets: vec![Target::new(only)],
                    policy: Default::default(),
                    owned_by: None,
                    origin: self.config.backends[only].origin.clone(),
                });
            }
            (first, _) => {
                let origin = first.map(|name| self.config.backends[name].origin.clone());
                let what = "there are several backends and no route to them".to_owned();
                let hint = "add a route that names them as its targets".to_owned();
                self.findings.error(&origin.unwrap_or_default(), "", what, Some(hint));
            }
        }
    }

    /// Nothing else of the kind may have the name.
    fn first_of(&mut self, kind: Kind, name: &str, origin: &Origin) {
        let key = (kind, name.to_owned());
        let Some(first) = self.known.get(&key) else {
            self.known.insert(key, Some(origin.clone()));
            return;
        };
        let what = format!("the {} `{name}` is here a second time", kind.as_str());
        let hint = first
            .as_ref()
            .map(|first| format!("the first is at {first}: give one of them another name"));
        self.findings.error(origin, "name", what, hint);
    }

    /// No other name may be the same pattern.
    fn first_pattern(&mut self, name: &ModelName) {
        if let Some(first) = self.config.names.iter().find(|one| one.pattern == name.pattern) {
            let hint = format!("the first is at {}: remove one of them", first.origin);
            let what = "this name is here a second time".to_owned();
            self.findings.error(&name.origin, "", what, Some(hint));
        }
    }

    /// No other entry of the issuer may be for one of its audiences: which of them counts?
    fn first_judge(&mut self, issuer: &JwtIssuer) {
        let known = self.config.admission.issuers.iter().chain(&self.wrong.admission.issuers);
        let taken = known.filter_map(|known| Some((known, known.shared_audience(issuer)?))).next();
        if let Some((first, audience)) = taken {
            let what = format!("tokens of {} for `{audience}` are taken already", issuer.issuer);
            let hint = format!("by {}: put both in one, or name other audiences", first.origin);
            self.findings.error(&issuer.origin, "audiences", what, Some(hint));
        }
    }

    /// What may come once.
    fn only_one(&mut self, what: &'static str, origin: &Origin) {
        let Some(first) = self.once.get(what) else {
            self.once.insert(what, origin.clone());
            return;
        };
        let hint = format!("they are at {first} already: put both in one");
        self.findings.error(origin, "", format!("`{what}` is here a second time"), Some(hint));
    }

    fn listener_address(&mut self, listener: &crate::config::Listener, origin: &Origin) {
        let port = listener.address.port();
        let mut known = self.config.listeners.iter().chain(&self.wrong.listeners);
        let taken = known.find(|known| known.address == listener.address);
        if let Some(known) = taken.filter(|_| port != 0) {
            let what = format!("the listener `{}` has this address already", known.name);
            self.findings.error(origin, "address", what, Some("choose another port".to_owned()));
        }
    }

    /// Leaves out targets whose backend is not there, and routes that have none left.
    fn targets(&mut self) {
        let Self { config, wrong, known, findings, .. } = self;
        let backends: BTreeSet<&str> = config.backends.keys().map(String::as_str).collect();
        let missing = |name: &str| !known.contains_key(&(Kind::Backend, name.to_owned()));
        for route in config.routes.iter().chain(&wrong.routes) {
            for (index, target) in route.targets.iter().enumerate() {
                if !backends.contains(&*target.backend) && missing(&target.backend) {
                    let what = format!("there is no backend `{}`", target.backend);
                    let hint = words::instead(&target.backend, backends.iter().copied());
                    findings.error(&route.origin, format!("targets[{index}].backend"), what, hint);
                }
            }
        }
        for route in &mut config.routes {
            route.targets.retain(|target| backends.contains(&*target.backend));
        }
        config.routes.retain(|route| !route.targets.is_empty());
    }

    /// Listeners, routes and keys that something names and that are not there.
    fn references(&mut self) {
        let Self { config, wrong, known, findings, broken, .. } = self;
        let names = |kind: Kind| {
            known.keys().filter(move |(of, _)| *of == kind).map(|(_, name)| name.as_str())
        };
        let mut look = |kind: Kind, name: &str, (origin, member): (&Origin, String)| {
            let implied = *broken && kind == Kind::Route && name == DEFAULT;
            if implied || known.contains_key(&(kind, name.to_owned())) {
                return;
            }
            let what = format!("there is no {} `{name}`", kind.as_str());
            let hint = words::instead(name, names(kind));
            findings.error(origin, member, what, hint);
        };
        for route in config.routes.iter().chain(&wrong.routes) {
            for (index, name) in route.listeners.iter().enumerate() {
                look(Kind::Listener, name, (&route.origin, format!("listeners[{index}]")));
            }
        }
        let admissions = || [&config.admission, &wrong.admission].into_iter();
        let scopes = admissions().flat_map(|one| &one.keys).map(|key| (&key.scopes, &key.origin));
        let issuers =
            admissions().flat_map(|one| &one.issuers).map(|one| (&one.scopes, &one.origin));
        for (scopes, origin) in scopes.chain(issuers) {
            for (index, name) in scopes.routes.iter().enumerate() {
                look(Kind::Route, name, (origin, format!("scopes.routes[{index}]")));
            }
        }
        for limit in config.limits.iter().chain(&wrong.limits) {
            for (index, name) in limit.selector.routes.iter().enumerate() {
                look(Kind::Route, name, (&limit.origin, format!("when.routes[{index}]")));
            }
        }
        for limit in config.limits.iter().chain(&wrong.limits) {
            let unless = limit.selector.unless.keys.iter().enumerate();
            let unless = unless.map(|(index, name)| (format!("unless.keys[{index}]"), name));
            let when = limit.selector.keys.iter().enumerate();
            let when = when.map(|(index, name)| (format!("when.keys[{index}]"), name));
            for (path, name) in when.chain(unless) {
                let is_of_a_token =
                    name.split_once('#').is_some_and(|(issuer, _)| issuer.contains("://"));
                if !is_of_a_token && !known.contains_key(&(Kind::Key, name.clone())) {
                    let what = format!("no key `{name}` is written here");
                    let hint = words::instead(name, names(Kind::Key));
                    let hint = hint.unwrap_or_else(|| {
                        "it must be in the key store; a caller with a token is ISSUER#NAME"
                            .to_owned()
                    });
                    findings.warning(&limit.origin, path, what, Some(hint));
                }
            }
        }
        self.leave_out_the_unreferred();
        self.forget_routes_left_out();
    }

    /// Takes routes that were left out from what names them. What named no other goes with them: with an
    /// empty list it would hold for every route.
    fn forget_routes_left_out(&mut self) {
        let Config { routes, admission, limits, .. } = &mut self.config;
        let there: HashSet<&str> = routes.iter().map(|route| route.name.as_str()).collect();
        let holds = |names: &mut Vec<String>| {
            let all = names.is_empty();
            names.retain(|name| there.contains(name.as_str()) || name == DEFAULT);
            all || !names.is_empty()
        };
        limits.retain_mut(|limit| holds(&mut limit.selector.routes));
        admission.keys.retain_mut(|key| holds(&mut key.scopes.routes));
        admission.issuers.retain_mut(|issuer| holds(&mut issuer.scopes.routes));
    }

    /// Leaves out whose references lead nowhere.
    fn leave_out_the_unreferred(&mut self) {
        let broken: Vec<Origin> = self
            .findings
            .all
            .iter()
            .filter(|finding| finding.diagnostic.severity == Severity::Error)
            .filter(|finding| !finding.member.starts_with("targets["))
            .map(|finding| finding.diagnostic.origin.clone())
            .collect();
        let sound = |origin: &Origin| !broken.contains(origin);
        let Config { listeners, routes, admission, limits, .. } = &mut self.config;
        let listeners: HashSet<&str> = listeners.iter().map(|one| one.name.as_str()).collect();
        routes.retain_mut(|route| sound(&route.origin) && thin(&mut route.listeners, &listeners));
        let names: HashSet<&str> = routes.iter().map(|route| route.name.as_str()).collect();
        let scoped = |scopes: &mut Scopes| thin(&mut scopes.routes, &names);
        admission.keys.retain_mut(|key| sound(&key.origin) && scoped(&mut key.scopes));
        admission.issuers.retain_mut(|one| sound(&one.origin) && scoped(&mut one.scopes));
        limits.retain_mut(|limit| sound(&limit.origin) && thin(&mut limit.selector.routes, &names));
    }
}

fn put(item: Item, config: &mut Config) {
    match item {
        Item::Listener(listener, _) => config.listeners.push(listener),
        Item::Backend(name, backend) => {
            config.backends.insert(name, *backend);
        }
        Item::Name(name) => config.names.push(name),
        Item::Route(route) => config.routes.push(*route),
        Item::Defaults(policy, _) => config.defaults = *policy,
        Item::Key(key) => config.admission.keys.push(key),
        Item::KeyHeader(name) if config.admission.key_headers.contains(&name) => {}
        Item::KeyHeader(name) => config.admission.key_headers.push(name),
        Item::Issuer(issuer) => config.admission.issuers.push(issuer),
        Item::Anonymous(yes) => {
            let anonymous = &mut config.admission.anonymous;
            *anonymous = Some(yes || *anonymous == Some(true));
        }
        Item::Limit(limit) => config.limits.push(limit),
        Item::Store(store, _) => config.store = store,
        Item::Prices(prices, _) => config.prices = Some(prices),
        Item::Wrong(_, _) | Item::LeftOut(_, _) | Item::NoDefault => {}
    }
}

fn origin_of(item: &Item) -> Option<&Origin> {
    match item {
        Item::Listener(_, origin)
        | Item::Defaults(_, origin)
        | Item::Store(_, origin)
        | Item::Prices(_, origin) => Some(origin),
        Item::Backend(_, backend) => Some(&backend.origin),
        Item::Name(name) => Some(&name.origin),
        Item::Route(route) => Some(&route.origin),
        Item::Key(key) => Some(&key.origin),
        Item::Issuer(issuer) => Some(&issuer.origin),
        Item::Limit(limit) => Some(&limit.origin),
        Item::Wrong(item, _) => origin_of(item),
        Item::KeyHeader(_) | Item::Anonymous(_) | Item::LeftOut(_, _) | Item::NoDefault => None,
    }
}

/// Takes out names of what was left out. A list that ends up empty would mean "any", so whatever has it
/// cannot stay.
fn thin(names: &mut Vec<String>, there: &HashSet<&str>) -> bool {
    let any = names.is_empty();
    names.retain(|name| there.contains(name.as_str()));
    any || !names.is_empty()
}

/// The backend that AWS's environment alone makes.
fn from_environment() -> Backend {
    Backend::new(Origin { source: "environment".to_owned(), ..Origin::default() })
}
