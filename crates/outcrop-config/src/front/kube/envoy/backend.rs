//! AIServiceBackend with the Backend or Service behind it.

use outcrop_model::Carrier;

use super::{ENVOY, GATEWAY, identity};
use crate::backend::Backend;
use crate::document::Node;
use crate::front::Reading;
use crate::front::kube::object::{Object, Objects, Reference, aim};
use crate::front::kube::place::{Place, Service};
use crate::origin::{Diagnostic, Origin};

/// The backend that it is; `None` where it is not Bedrock, or wrong, which is said.
pub(super) fn of(
    service: &Object<'_>,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<Backend> {
    let carrier = carrier(service, objects, reading)?;
    let place = place(service, objects, reading)?;
    let (identity, region) = identity::of(service, objects, reading)?;
    let mut backend = Backend { carrier, identity, region, ..Backend::new(service.root.origin()) };
    place.put_in(&mut backend, reading);
    Some(backend)
}

/// The name of its schema.
pub(super) fn schema<'n>(service: &Object<'n>) -> Option<&'n str> {
    let schema = service.spec().get("schema")?;
    for key in ["version", "prefix"] {
        schema.get(key).map(Node::dismiss);
    }
    schema.get("name").unwrap_or(schema).text()
}

/// What the schema says of the way to the model; `None` where it is not Bedrock, which is said.
fn carrier(
    service: &Object<'_>,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<Option<Carrier>> {
    let Some(name) = schema(service) else {
        reading.missing(service.spec().origin(), "schema.name");
        return None;
    };
    let host = host(service, objects).unwrap_or_default();
    match (name, Service::of(host)) {
        // Bedrock's best API for client and model, as with no carrier at all.
        ("AWSBedrock" | "AWSAnthropic", _) => Some(None),
        ("OpenAI" | "Anthropic", Some(Service::Mantle)) => Some(Some(Carrier::Mantle)),
        ("OpenAI", Some(Service::Runtime)) => Some(Some(Carrier::OpenAi)),
        ("Anthropic", Some(Service::Runtime)) => Some(Some(Carrier::Anthropic)),
        (other, _) => {
            let at = if host.is_empty() { String::new() } else { format!(" at {host}") };
            let what = format!("{}: the schema `{other}`{at} is not Bedrock", service.title());
            let hint = "it is left out: AWSBedrock and AWSAnthropic are Bedrock, and OpenAI and Anthropic at AWS's own hosts";
            reading.say(Diagnostic::warning(service.root.origin(), what).hint(hint));
            service.root.dismiss();
            None
        }
    }
}

/// The host behind it, as far as that is written; nothing of it counts as read.
fn host<'n>(service: &Object<'n>, objects: &Objects<'n>) -> Option<&'n str> {
    let reference = service.spec().peek("backendRef")?;
    let text = |key: &str| reference.peek(key).and_then(Node::text);
    let kind = text("kind").unwrap_or("Backend");
    let namespace = text("namespace").unwrap_or(service.namespace);
    let to = Reference { kind, namespace, name: text("name")? };
    let spec = objects.look(to, &[ENVOY, ""])?.root.peek("spec")?;
    match spec.peek("endpoints") {
        Some(endpoints) => endpoints.items().first()?.peek("fqdn")?.peek("hostname")?.text(),
        None => spec.peek("externalName")?.text(),
    }
}

fn place(service: &Object<'_>, objects: &Objects<'_>, reading: &mut Reading<'_>) -> Option<Place> {
    let spec = service.spec();
    let Some(reference) = spec.get("backendRef") else {
        reading.missing(spec.origin(), "backendRef");
        return None;
    };
    reference.get("group").map(Node::dismiss);
    let name = reading.need_str(reference, "name")?;
    let kind = reading.str(reference, "kind").unwrap_or("Backend");
    let namespace = reading.str(reference, "namespace").unwrap_or(service.namespace);
    let port = reading.int(reference, "port").and_then(|port| u16::try_from(port).ok());
    let Some(object) = objects.find(Reference { kind, namespace, name }, &[ENVOY, ""]) else {
        let what = format!("there is no {kind} {namespace}/{name}");
        reading.say(Diagnostic::error(reference.origin(), what).hint("add it to the files"));
        return None;
    };
    let (host, own, origin) = match kind {
        "Service" => of_service(object.spec(), port, reading)?,
        _ => of_backend(object.spec(), reading)?,
    };
    let port = own.unwrap_or(443);
    let tls = has_tls(object, &host, objects, reading) || port == 443;
    Some(Place { host, port, tls, origin })
}

/// Host, port where one is written, and where the host is.
type Host = (String, Option<u16>, Origin);

fn of_service(spec: &Node, port: Option<u16>, reading: &mut Reading<'_>) -> Option<Host> {
    spec.get("type").map(Node::dismiss);
    let ports = reading.list(spec, "ports");
    for key in ["name", "protocol", "port", "targetPort", "nodePort", "appProtocol"] {
        for port in ports {
            port.get(key);
        }
    }
    let first = ports.first().and_then(|node| node.get("port")?.int());
    let first = first.and_then(|port| u16::try_from(port).ok());
    let host = reading.need_str(spec, "externalName")?.to_owned();
    Some((host, port.or(first), spec.origin()))
}

fn of_backend(spec: &Node, reading: &mut Reading<'_>) -> Option<Host> {
    let endpoints = reading.list(spec, "endpoints");
    let Some(first) = endpoints.first() else {
        reading.missing(spec.origin(), "endpoints");
        return None;
    };
    for other in &endpoints[1..] {
        let what = "of several endpoints the first is used";
        reading.say(Diagnostic::warning(other.origin(), what).hint("give each a backend"));
        other.dismiss();
    }
    let known = [("fqdn", "hostname"), ("ip", "address")].into_iter();
    let Some((part, key)) = known.filter_map(|(kind, key)| Some((first.get(kind)?, key))).next()
    else {
        let what = "this endpoint has neither `fqdn` nor `ip`: nothing else leads to Bedrock";
        let hint = "write `fqdn` with the `hostname` of Bedrock in your region";
        reading.say(Diagnostic::error(first.origin(), what).hint(hint));
        return None;
    };
    let host = reading.need_str(part, key)?.to_owned();
    let port = reading.int(part, "port").and_then(|port| u16::try_from(port).ok());
    Some((host, port, part.origin()))
}

/// Whether the object's own settings or a BackendTLSPolicy for it want TLS.
///
/// The certificate is judged for the host that is connected to, by the system's roots: another is told.
fn has_tls(
    object: &Object<'_>,
    host: &str,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> bool {
    let own = object.spec().get("tls");
    let mut names: Vec<&Node> = own.and_then(|tls| tls.get("sni")).into_iter().collect();
    own.and_then(|tls| tls.get("wellKnownCACertificates")).map(Node::dismiss);
    let mut any = own.is_some();
    let policies = objects.every("BackendTLSPolicy", &[GATEWAY]);
    for policy in policies.iter().filter(|policy| policy.namespace == object.namespace) {
        let spec = policy.spec();
        let targets = reading.list(spec, "targetRefs").iter();
        // All of them are read, whichever is the one.
        let meant = targets.filter(|target| {
            let group = reading.str(target, "group").unwrap_or_default();
            let (kind, name) = aim(target, reading);
            (group, kind, name) == (object.group, Some(object.kind), Some(object.name))
        });
        if meant.count() > 0 {
            spec.at("validation.wellKnownCACertificates").map(Node::dismiss);
            names.extend(spec.at("validation.hostname"));
            any = true;
        }
    }
    for node in names {
        let Some(name) = node.text().filter(|name| !name.eq_ignore_ascii_case(host)) else {
            continue;
        };
        let what = format!(
            "the certificate is judged for {host}, which is connected to, and not for {name}"
        );
        let hint = "write the host that the certificate is for in both";
        reading.say(Diagnostic::warning(node.origin(), what).hint(hint));
    }
    any
}
