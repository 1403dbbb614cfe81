//! Gateways: where to listen.
//!
//! 1. A Gateway's listener becomes a port on loopback: whether anyone else may come in, a file that was
//!    written for a cluster does not say. `--listen` decides otherwise.
//! 2. A listener of HTTPS is opened with the certificates of its Secrets. Without any, and where it is for
//!    another protocol, it keeps its name, so that what is for it does not come to others, and is not opened.
//! 3. Listeners of one port are one, with the certificates of all.
//! 4. A route comes to no listener that none of its parents means, unless no Gateway is there at all.

use std::net::{Ipv4Addr, SocketAddr};

use super::listener_tls;
use super::object::{Object, Objects};
use crate::config::{Listener, ListenerTls};
use crate::document::Node;
use crate::front::{Item, Kind, Reading};
use crate::origin::{Diagnostic, Origin};

/// Listeners of a Gateway among the objects.
pub(super) struct Known {
    namespace: String,
    gateway: String,
    section: String,
    port: u16,
    /// The name of the port's listener.
    listener: String,
}

/// A port that listeners are for.
struct Port {
    port: u16,
    name: String,
    tls: Option<ListenerTls>,
    origin: Origin,
}

/// Pushes the listeners of all Gateways.
pub(super) fn listeners(objects: &Objects<'_>, reading: &mut Reading<'_>) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    let mut ports: Vec<Port> = Vec::new();
    for gateway in objects.every("Gateway", &["gateway.networking.k8s.io"]) {
        let spec = gateway.spec();
        for key in ["gatewayClassName", "infrastructure", "addresses"] {
            spec.get(key).map(Node::dismiss);
        }
        for node in reading.list(spec, "listeners") {
            allowed_routes(node);
            let section = reading.need_str(node, "name").unwrap_or("").to_owned();
            let port = reading.int(node, "port").and_then(|port| u16::try_from(port).ok());
            let Some(port) = port.filter(|port| *port > 0) else {
                reading.missing(node.origin(), "port");
                continue;
            };
            let tls = tls(gateway, node, objects, reading);
            let name = match ports.iter_mut().find(|taken| taken.port == port) {
                Some(taken) => {
                    share(taken, tls, node, reading);
                    taken.name.clone()
                }
                None => {
                    let name = format!("{}/{section}", gateway.title());
                    ports.push(Port { port, name: name.clone(), tls, origin: node.origin() });
                    name
                }
            };
            known.push(Known {
                namespace: gateway.namespace.to_owned(),
                gateway: gateway.name.to_owned(),
                section,
                port,
                listener: name,
            });
        }
    }
    for Port { port, name, tls, origin } in ports {
        reading.say(told(port, tls.as_ref(), origin.clone()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        reading.push(Item::Listener(Listener { name, address, tls }, origin));
    }
    known
}

/// All routes among the files may be for a listener: what says that is honoured, what says less is not.
fn allowed_routes(listener: &Node) {
    let Some(allowed) = listener.get("allowedRoutes") else { return };
    allowed.get("kinds").map(Node::dismiss);
    if let Some(namespaces) = allowed.get("namespaces")
        && namespaces.peek("from").and_then(Node::text) == Some("All")
    {
        namespaces.get("from");
    }
}

/// How a listener speaks TLS; none for plain HTTP.
fn tls(
    gateway: &Object<'_>,
    node: &Node,
    objects: &Objects<'_>,
    reading: &mut Reading<'_>,
) -> Option<ListenerTls> {
    match reading.str(node, "protocol").unwrap_or("HTTP") {
        "HTTP" => None,
        "HTTPS" => {
            let certificates = listener_tls::certificates(gateway, node, objects, reading);
            Some(match certificates.is_empty() {
                true => ListenerTls::Elsewhere,
                false => ListenerTls::Certificates(certificates),
            })
        }
        protocol => {
            let what = format!("the protocol {protocol} is not honoured: HTTP and HTTPS are");
            reading.say(Diagnostic::warning(node.origin(), what));
            node.get("tls").map(Node::dismiss);
            Some(ListenerTls::Elsewhere)
        }
    }
}

/// A further listener of a port.
fn share(port: &mut Port, tls: Option<ListenerTls>, node: &Node, reading: &mut Reading<'_>) {
    match (&mut port.tls, tls) {
        (Some(ListenerTls::Certificates(all)), Some(ListenerTls::Certificates(more))) => {
            all.extend(more);
        }
        (mine @ Some(ListenerTls::Elsewhere), Some(more)) => *mine = Some(more),
        (None, None) | (Some(_), Some(ListenerTls::Elsewhere | ListenerTls::SelfSigned)) => {}
        (None, Some(_)) | (Some(_), None) | (Some(ListenerTls::SelfSigned), Some(_)) => {
            let what = format!(
                "another protocol than that of {}, which has the port {} too: that one counts",
                port.name, port.port
            );
            reading.say(Diagnostic::warning(node.origin(), what).hint("choose another port"));
        }
    }
}

/// What becomes of a port.
fn told(port: u16, tls: Option<&ListenerTls>, origin: Origin) -> Diagnostic {
    let opened = format!("the port {port} is opened on loopback only");
    match tls {
        None => Diagnostic::notice(origin, opened)
            .hint(format!("--listen 0.0.0.0:{port} opens it to others")),
        Some(ListenerTls::Certificates(_) | ListenerTls::SelfSigned) => {
            let hint = "--listen with --tls-cert and --tls-key opens it to others";
            Diagnostic::notice(origin, opened).hint(format!("{hint}, say 0.0.0.0:{port}"))
        }
        Some(ListenerTls::Elsewhere) => {
            let what = format!(
                "the port {port} is not opened, as nothing can be served there; what is for it comes to no other"
            );
            Diagnostic::warning(origin, what)
                .hint("--listen with --tls-cert and --tls-key serves it in its place")
        }
    }
}

/// What a route names as its parents. Older AIGatewayRoutes have them as `targetRefs`.
pub(super) fn references<'n>(spec: &'n Node, reading: &mut Reading<'_>) -> &'n [Node] {
    let key = if spec.peek("parentRefs").is_some() { "parentRefs" } else { "targetRefs" };
    reading.list(spec, key)
}

/// The listeners that a route's parents mean; none of them stands for all: where no Gateway is among the
/// objects, and where the route names no parent. `None` where the route is for others than those that are
/// among the objects, which is said.
pub(super) fn parents(
    object: &Object<'_>,
    known: &[Known],
    reading: &mut Reading<'_>,
) -> Option<Vec<String>> {
    let (mut listeners, errors) = (Vec::new(), reading.errors());
    let parents = references(object.spec(), reading);
    for parent in parents {
        parent.get("group").map(Node::dismiss);
        if let Some(kind) = reading.str(parent, "kind").filter(|kind| *kind != "Gateway") {
            let what = format!("a {kind} is no parent that is known: listeners of Gateways are");
            reading.say(Diagnostic::warning(parent.origin(), what));
            parent.dismiss();
            continue;
        }
        for known in fitting(parent, object.namespace, known, reading) {
            if !listeners.contains(&known.listener) {
                listeners.push(known.listener.clone());
            }
        }
    }
    let is_elsewhere = listeners.is_empty() && !parents.is_empty() && !known.is_empty();
    if is_elsewhere && reading.errors() == errors {
        let what = "none of the Gateways in the files is a parent: the route is not honoured";
        let mut names: Vec<String> = known.iter().map(Known::gateway).collect();
        names.dedup();
        let hint =
            format!("add its Gateway to the files, or name one of theirs: {}", names.join(", "));
        reading.say(Diagnostic::warning(object.root.origin(), what).hint(hint));
        reading.push(Item::LeftOut(Kind::Route, object.title()));
        return None;
    }
    Some(listeners)
}

/// The listeners that one parent means. That its Gateway has no such listener is an error.
fn fitting<'k>(
    parent: &Node,
    namespace: &str,
    known: &'k [Known],
    reading: &mut Reading<'_>,
) -> Vec<&'k Known> {
    let gateway = reading.str(parent, "name").unwrap_or_default();
    let namespace = reading.str(parent, "namespace").unwrap_or(namespace);
    let section = reading.str(parent, "sectionName");
    let port = reading.int(parent, "port");
    let of_it =
        known.iter().filter(|known| known.gateway == gateway && known.namespace == namespace);
    let of_it: Vec<&Known> = of_it.collect();
    let fits = |known: &&&Known| {
        section.is_none_or(|section| known.section == section)
            && port.is_none_or(|port| u64::from(known.port) == port)
    };
    let fitting: Vec<&Known> = of_it.iter().filter(fits).copied().collect();
    if let (true, Some(first)) = (fitting.is_empty(), of_it.first()) {
        let asked = match (section, port) {
            (Some(section), Some(port)) => format!("`{section}` at port {port}"),
            (Some(section), None) => format!("`{section}`"),
            (None, port) => format!("at port {}", port.unwrap_or_default()),
        };
        let what = format!("the Gateway {} has no listener {asked}", first.gateway());
        let there = of_it.iter().map(|known| format!("`{}` at port {}", known.section, known.port));
        let hint = format!("it has {}", there.collect::<Vec<_>>().join(", "));
        reading.say(Diagnostic::error(parent.origin(), what).hint(hint));
    }
    fitting
}

impl Known {
    fn gateway(&self) -> String {
        format!("{}/{}", self.namespace, self.gateway)
    }
}
