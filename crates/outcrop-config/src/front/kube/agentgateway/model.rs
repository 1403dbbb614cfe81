//! AgentgatewayModel: models by the names that clients ask for, on the gateway's own paths.

use super::GROUPS;
use super::backend::{self, Provided, Written};
use super::guard::Guarded;
use super::layers::{Layers, Policies, Way};
use super::route::{over, push_backend, same};
use crate::document::Node;
use crate::front::kube::gateway::{Known, parents};
use crate::front::kube::http_route::{header_edits, parents_of};
use crate::front::kube::object::{Object, Objects};
use crate::front::{Item, Kind, Reading};
use crate::origin::Diagnostic;
use crate::policy::Policy;
use crate::route::{Match, PathMatch, Pattern, Route, Surface, Target};

/// Where models are asked for.
const PATHS: [&str; 9] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/rerank",
    "/v2/rerank",
];

/// A model with a provider of its own.
struct Concrete<'n> {
    namespace: &'n str,
    name: &'n str,
    /// What it matches.
    wanted: &'n str,
    provided: Provided,
}

/// Pushes the routes of all models, those with the most special names first.
pub(super) fn serve<'n>(
    (objects, listeners): (&Objects<'n>, &[Known]),
    policies: &Policies<'n>,
    reading: &mut Reading<'_>,
) -> Vec<Guarded<'n>> {
    let mut models = objects.every("AgentgatewayModel", &GROUPS);
    let mut known = Vec::new();
    for object in models.iter().filter(|object| object.spec().peek("virtualModel").is_none()) {
        let errors = reading.errors();
        let one = concrete(object, (objects, policies), reading);
        known.extend(one.filter(|_| reading.errors() == errors));
    }
    models.sort_by_key(|object| {
        let wanted = wanted(object);
        (wanted.contains('*'), std::cmp::Reverse(wanted.len()))
    });
    let mut guarded = Vec::new();
    for object in models {
        let spec = object.spec();
        if reading.str(spec, "visibility") == Some("Internal") {
            spec.get("parentRefs").map(Node::dismiss);
            continue;
        }
        let parents_here = parents_of(spec, object.namespace, reading);
        let way = Way { parents: &parents_here, route: None, backend: None };
        let traffic = policies.layers("traffic", way);
        let errors = reading.errors();
        let listeners = parents(object, listeners, reading);
        let policy = over(Policy::default(), &traffic, reading);
        let (policy, targets) = targets(object, &known, policy, reading);
        // Routes and backends can have the same name.
        let name = format!("{}/model", object.title());
        let is_whole = !targets.is_empty() && reading.errors() == errors;
        let Some(listeners) = listeners.filter(|_| is_whole) else {
            reading.push(Item::LeftOut(Kind::Route, name));
            continue;
        };
        let model = Some(Pattern::with_stars(wanted(object)));
        let on = |path: &str| Match {
            path: Some(PathMatch::Exact(path.to_owned())),
            model: model.clone(),
            ..Match::default()
        };
        reading.push(Item::Route(Box::new(Route {
            name: name.clone(),
            listeners,
            matches: PATHS.into_iter().map(on).collect(),
            surface: Surface::ByPath,
            targets,
            policy,
            owned_by: None,
            origin: object.root.origin(),
        })));
        guarded.push((traffic, vec![name]));
    }
    guarded
}

/// The name, or pattern, that a model goes by.
fn wanted<'n>(object: &Object<'n>) -> &'n str {
    let spec = object.spec();
    let written = spec.at("match.model").or_else(|| spec.get("modelMatch"));
    written.and_then(Node::text).unwrap_or(object.name)
}

fn concrete<'n>(
    object: &Object<'n>,
    (objects, policies): (&Objects<'n>, &Policies<'n>),
    reading: &mut Reading<'_>,
) -> Option<Concrete<'n>> {
    let spec = object.spec();
    let parents = parents_of(spec, object.namespace, reading);
    let way = Way { parents: &parents, route: None, backend: None };
    let own = spec.get("policies");
    let layers = policies.layers("backend", way).under_model(own, object.namespace);
    let node = spec.get("provider").filter(|provider| provider.is_map()).unwrap_or(spec);
    let written = Written::new(node);
    let from = (&layers, object.title(), object.namespace);
    let mut provided = backend::provider(&written, from, objects, reading)?;
    tell_of_unfit(&layers, reading);
    let fixed = reading.str(spec, "providerModel").map(str::to_owned);
    let wanted = wanted(object);
    let exact = (!wanted.contains('*')).then(|| wanted.to_owned());
    provided.target.model = fixed.or(provided.target.model).or(exact);
    if let Some(headers) = own.and_then(|own| own.get("headers")) {
        provided.target.headers = header_edits(headers.get("request").unwrap_or(headers), reading);
    }
    if let Some(node) = own.and_then(|own| own.get("authorization")) {
        let what = "`authorization` is not honoured: whom it would refuse is let in";
        let hint = "scope keys by models: `scopes` of keys in an outcrop.yaml";
        reading.say(Diagnostic::warning(node.origin(), what).hint(hint));
        node.dismiss();
    }
    let (namespace, name) = (object.namespace, object.name);
    Some(Concrete { namespace, name, wanted, provided })
}

/// Says what of `ai` holds for routes and not for models.
fn tell_of_unfit(layers: &Layers<'_>, reading: &mut Reading<'_>) {
    for member in ["modelAliases", "routes"] {
        let Some(node) = layers.ai(member) else { continue };
        let what = format!("`{member}` is not honoured for models");
        let hint = "an AgentgatewayModel has its name by `match`, and the gateway's own paths";
        let told = Diagnostic::warning(node.origin(), what).hint(hint);
        if !reading.diagnostics.contains(&told) {
            reading.say(told);
        }
    }
}

/// Where requests for the model go. None where that is nowhere, which is said.
fn targets(
    object: &Object<'_>,
    known: &[Concrete<'_>],
    mut policy: Policy,
    reading: &mut Reading<'_>,
) -> (Policy, Vec<Target>) {
    let of =
        |name: &str| known.iter().find(|one| (one.namespace, one.name) == (object.namespace, name));
    let chosen: Vec<(&Concrete<'_>, Target)> = match object.spec().get("virtualModel") {
        None => of(object.name).map(|one| (one, one.provided.target.clone())).into_iter().collect(),
        Some(node) => chosen(node, of, reading),
    };
    let origin = object.root.origin();
    policy.guardrail = same(&chosen, "guardrails", (&origin, reading), |(one, _)| {
        one.provided.ai.guardrail.clone()
    });
    policy.cache =
        same(&chosen, "promptCaching", (&origin, reading), |(one, _)| one.provided.ai.cache);
    let mut targets = Vec::new();
    for (one, mut target) in chosen {
        target.backend = push_backend(&target.backend, one.provided.backend.clone(), reading);
        targets.push(target);
    }
    (policy, targets)
}

/// The targets of a virtual model.
fn chosen<'k, 'n>(
    node: &Node,
    of: impl Fn(&str) -> Option<&'k Concrete<'n>>,
    reading: &mut Reading<'_>,
) -> Vec<(&'k Concrete<'n>, Target)> {
    if let Some(conditional) = node.get("conditional") {
        conditional.dismiss();
        let what = "models chosen by conditions are not honoured";
        let hint =
            "weighted and failover are; conditions can be `match` of a route in outcrop.yaml";
        reading.say(Diagnostic::error(conditional.origin(), what).hint(hint));
    }
    let mut chosen = Vec::new();
    let weighted = reading.list(node, "weighted.targets").iter();
    for one in weighted.chain(reading.list(node, "failover.targets")) {
        let Some(name) = reading.need_str(one, "modelRef.name") else { continue };
        let Some(concrete) = of(name) else {
            let what = format!("there is no model `{name}` with the provider Bedrock");
            reading.say(Diagnostic::error(one.origin(), what).hint("add it to the files"));
            continue;
        };
        let number = |number: Option<u64>, otherwise: u32| {
            number.map_or(otherwise, |number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        let named = reading.str(one, "model").map(str::to_owned);
        let target = concrete.provided.target.clone();
        if named.is_none() && target.model.is_none() {
            let what =
                format!("`{name}` is for many models ({}): which is meant?", concrete.wanted);
            reading.say(Diagnostic::error(one.origin(), what).hint("say it: `model: ID`"));
        }
        let weight = number(reading.int(one, "weight"), 1);
        let priority = number(reading.int(one, "priority"), 0);
        chosen
            .push((concrete, Target { model: named.or(target.model), weight, priority, ..target }));
    }
    chosen
}
