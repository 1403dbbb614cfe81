//! Backend and AgentgatewayBackend: providers to backends and targets.

use super::ai::{self, Ai};
use super::identity;
use super::layers::{Layers, Place as Aim, Policies, Way};
use crate::backend::Backend;
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::object::{Object, Objects};
use crate::front::kube::place::Place;
use crate::origin::Diagnostic;
use crate::route::Target;

/// Where a provider is asked that names no region.
const REGION: &str = "us-east-1";

/// One provider of a backend.
pub(super) struct Provided {
    pub(super) backend: Backend,
    pub(super) target: Target,
    pub(super) ai: Ai,
    /// How many of this backend have the same priority.
    pub(super) peers: u32,
}

/// A provider as it is written.
pub(super) struct Written<'n> {
    pub(super) node: &'n Node,
    pub(super) name: Option<&'n str>,
    pub(super) priority: u32,
}

impl<'n> Written<'n> {
    /// One that stands alone.
    pub(super) fn new(node: &'n Node) -> Self {
        Self { node, name: None, priority: 0 }
    }
}

/// What is behind an object: `None` where nothing of it is Bedrock's, which is said.
pub(super) fn provided<'n>(
    object: &Object<'n>,
    way: Way<'_, 'n>,
    (objects, policies): (&Objects<'n>, &Policies<'n>),
    reading: &mut Reading<'_>,
) -> Option<Vec<Provided>> {
    let spec = object.spec();
    let kind = reading.str(spec, "type");
    let Some(ai) =
        spec.get("ai").filter(|_| kind.is_none_or(|kind| kind.eq_ignore_ascii_case("AI")))
    else {
        let what =
            format!("{} {} is no AI backend: nothing is sent there", object.kind, object.name);
        let place = spec.peek("type").unwrap_or(spec).origin();
        reading.say(Diagnostic::warning(place, what));
        spec.dismiss();
        return None;
    };
    let mut all: Vec<Provided> = Vec::new();
    let providers = providers(ai, reading);
    let many = providers.len() > 1;
    for (index, written) in providers.iter().enumerate() {
        let place = Aim { namespace: object.namespace, name: object.name, section: written.name };
        let way = Way { backend: Some((object.kind, place)), ..way };
        let layers = policies
            .layers("backend", way)
            .under(spec.get("policies"), object.namespace)
            .under(written.node.get("policies"), object.namespace);
        let name = written.name.map_or_else(|| index.to_string(), str::to_owned);
        let title = match many {
            true => format!("{}/{name}", object.title()),
            false => object.title(),
        };
        if let Some(one) = provider(written, (&layers, title, object.namespace), objects, reading) {
            all.push(one);
        }
    }
    let priorities: Vec<u32> = all.iter().map(|one| one.target.priority).collect();
    for one in &mut all {
        let same = priorities.iter().filter(|priority| **priority == one.target.priority);
        one.peers = u32::try_from(same.count()).unwrap_or(u32::MAX);
    }
    (!all.is_empty()).then_some(all)
}

/// All providers, in any of the shapes.
fn providers<'n>(ai: &'n Node, reading: &mut Reading<'_>) -> Vec<Written<'n>> {
    let mut all = Vec::new();
    for node in ["llm", "provider"].into_iter().filter_map(|key| ai.get(key)) {
        all.push(Written::new(node));
    }
    for (groups, members) in
        [("groups", "providers"), ("priorityGroups", "providers"), ("multipool.priorities", "pool")]
    {
        for (priority, group) in (0..).zip(reading.list(ai, groups)) {
            for node in reading.list(group, members) {
                let name = reading.str(node, "name");
                all.push(Written { name, priority, ..Written::new(node) });
            }
        }
    }
    all
}

/// One provider; `None` where it is not Bedrock, or wrong, which is said.
pub(super) fn provider<'n>(
    written: &Written<'n>,
    (layers, title, namespace): (&Layers<'n>, String, &'n str),
    objects: &Objects<'n>,
    reading: &mut Reading<'_>,
) -> Option<Provided> {
    let node = written.node;
    let bedrock = node.get("bedrock").or_else(|| node.at("provider.bedrock"));
    let named = node.get("provider").and_then(Node::text);
    if bedrock.is_none() && !named.is_some_and(|name| name.eq_ignore_ascii_case("bedrock")) {
        let members = node.get("provider").unwrap_or(node).entries().iter();
        let kind = members.map(|entry| entry.key.as_str()).find(|key| !OTHERS.contains(key));
        let what = format!("the provider `{}` is not Bedrock", named.or(kind).unwrap_or("?"));
        reading.say(Diagnostic::warning(node.origin(), what).hint("it is left out"));
        node.dismiss();
        return None;
    }
    let member = |path: &str, reading: &mut Reading<'_>| {
        let text = reading.str(bedrock?, path).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let auth = bedrock.and_then(|bedrock| bedrock.get("auth")).map(|auth| (auth, namespace));
    let auth = auth.or(layers.get("auth"));
    let (identity, signed_for) = identity::of(auth, objects, reading)?;
    let region = member("region", reading);
    let signing = signed_for.clone().filter(|_| region.is_some());
    let region = region.or(signed_for);
    let mut backend = Backend { identity, region, ..Backend::new(node.origin()) };
    if let Some(place) = place(node, layers, reading) {
        place.put_in(&mut backend, reading);
    }
    let region = backend.region.as_deref();
    if let (Some((auth, _)), Some(_)) = (auth, signing.filter(|other| Some(&**other) != region)) {
        let what = "requests are signed for the region of the models, not for this one";
        let place = auth.at("aws.region").unwrap_or(auth).origin();
        reading.say(Diagnostic::warning(place, what).hint("name one region in both places"));
    }
    backend.timeouts.connect = layers.duration("tcp.connectTimeout", reading);
    backend.timeouts.first_byte = layers.duration("http.requestTimeout", reading);
    let region = backend.region.get_or_insert_with(|| REGION.to_owned()).clone();
    let mut ai = ai::of(layers, &region, reading);
    if let Some(own) = bedrock.and_then(|bedrock| bedrock.get("guardrail")) {
        let guardrail = ai::bedrocks(own, reading)?;
        if ai.guardrail.replace(guardrail.clone()).is_some_and(|other| other != guardrail) {
            ai::tell_of_second(own, reading);
        }
    }
    if let Some(routes) = node.get("routes") {
        ai.ends = Some(super::surface::Ends::of(routes, reading));
    }
    let target = Target {
        model: member("model", reading).map(|model| of_alias(&model, &ai)),
        priority: written.priority,
        body: std::mem::take(&mut ai.body),
        ..Target::new(title)
    };
    Some(Provided { backend, target, ai, peers: 1 })
}

/// Members of a provider that say nothing of whose it is.
const OTHERS: [&str; 12] = [
    "name",
    "policies",
    "host",
    "port",
    "path",
    "pathPrefix",
    "authHeader",
    "routes",
    "provider",
    "hostOverride",
    "pathOverride",
    "authHeaderOverride",
];

/// The model that is meant where the backend's own is a name for it.
fn of_alias(model: &str, ai: &Ai) -> String {
    let exact = crate::route::Pattern::Exact(model.to_owned());
    let named = ai.aliases.iter().find(|(name, _)| *name == exact);
    named.map_or(model, |(_, meant)| meant).to_owned()
}

/// `host` and `port`, in any of the shapes, or `baseURL`.
fn place(node: &Node, layers: &Layers<'_>, reading: &mut Reading<'_>) -> Option<Place> {
    let tls = layers.node("tls").is_some();
    let (host, port, tls, origin) = match reading.str(node, "baseURL") {
        Some(url) => {
            let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
            let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            if !matches!(path, "" | "/") {
                let what =
                    "the path of `baseURL` is not honoured: Bedrock's paths are what they are";
                let place = node.at("baseURL").unwrap_or(node).origin();
                reading.say(Diagnostic::warning(place, what));
            }
            let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
            let port = port.parse().unwrap_or(if scheme == "http" { 80 } else { 443 });
            (host, port, scheme != "http", node.origin())
        }
        None => {
            let node = node.get("hostOverride").unwrap_or(node);
            let host = reading.str(node, "host")?;
            let port = reading.int(node, "port").and_then(|port| u16::try_from(port).ok());
            (host, port.unwrap_or(443), tls, node.origin())
        }
    };
    Some(Place { host: host.to_owned(), port, tls: tls || port == 443, origin })
}
