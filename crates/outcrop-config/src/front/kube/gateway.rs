//! Gateways: where to listen.
//!
//! A Gateway's listener becomes a port on loopback: whether anyone else may come in, a file that was
//! written for a cluster does not say. `--listen` decides otherwise. A listener of TLS keeps its name, so that
//! what is for it does not come to others, and is not opened: its certificate is in the cluster.

use std::net::{Ipv4Addr, SocketAddr};

use super::object::Objects;
use crate::config::{Listener, ListenerTls};
use crate::document::Node;
use crate::front::{Item, Reading};
use crate::origin::Diagnostic;

/// Listeners of a Gateway among the objects.
pub(super) struct Known {
    namespace: String,
    gateway: String,
    section: String,
    /// The name of the port's listener.
    listener: String,
}

/// Pushes the listeners of all Gateways.
pub(super) fn listeners(objects: &Objects<'_>, reading: &mut Reading<'_>) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    let mut ports: Vec<(u16, String)> = Vec::new();
    for gateway in objects.every("Gateway", &["gateway.networking.k8s.io"]) {
        let spec = gateway.spec();
        for key in ["gatewayClassName", "infrastructure", "addresses"] {
            spec.get(key).map(Node::dismiss);
        }
        for node in reading.list(spec, "listeners") {
            node.get("allowedRoutes").map(Node::dismiss);
            let section = reading.need_str(node, "name").unwrap_or("").to_owned();
            let port = reading.int(node, "port").and_then(|port| u16::try_from(port).ok());
            let Some(port) = port.filter(|port| *port > 0) else {
                reading.missing(node.origin(), "port");
                continue;
            };
            let is_plain = reading.str(node, "protocol").is_none_or(|protocol| protocol == "HTTP");
            if !is_plain {
                node.dismiss();
            }
            let name = match ports.iter().find(|(taken, _)| *taken == port) {
                Some((_, name)) => name.clone(),
                None => {
                    let name = format!("{}/{section}", gateway.title());
                    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    let tls = (!is_plain).then_some(ListenerTls::Elsewhere);
                    let listener = Listener { name: name.clone(), address, tls };
                    reading.push(Item::Listener(listener, node.origin()));
                    reading.say(told(node, &section, (port, is_plain)));
                    ports.push((port, name.clone()));
                    name
                }
            };
            known.push(Known {
                namespace: gateway.namespace.to_owned(),
                gateway: gateway.name.to_owned(),
                section,
                listener: name,
            });
        }
    }
    known
}

/// What becomes of a listener.
fn told(node: &Node, section: &str, (port, is_plain): (u16, bool)) -> Diagnostic {
    if is_plain {
        let what = format!("the port {port} is opened on loopback only");
        return Diagnostic::notice(node.origin(), what)
            .hint(format!("--listen 0.0.0.0:{port} opens it to others"));
    }
    let what = format!(
        "the listener `{section}` is not for plain HTTP: it is not opened, and what is for it comes to no other"
    );
    Diagnostic::warning(node.origin(), what)
        .hint("--listen with --tls-cert and --tls-key serves it in its place")
}

/// The listeners that a route's `parentRefs` mean. None where the Gateway is not among the objects: the
/// route is then for all.
pub(super) fn parents(
    spec: &Node,
    namespace: &str,
    known: &[Known],
    reading: &mut Reading<'_>,
) -> Vec<String> {
    let mut listeners = Vec::new();
    for parent in reading.list(spec, "parentRefs") {
        for key in ["group", "port"] {
            parent.get(key).map(Node::dismiss);
        }
        if let Some(kind) = reading.str(parent, "kind").filter(|kind| *kind != "Gateway") {
            let what = format!("a {kind} is no parent that is known: listeners of Gateways are");
            reading.say(Diagnostic::warning(parent.origin(), what));
            parent.dismiss();
            continue;
        }
        let gateway = reading.str(parent, "name").unwrap_or_default();
        let namespace = reading.str(parent, "namespace").unwrap_or(namespace);
        let section = reading.str(parent, "sectionName");
        let fitting = known.iter().filter(|known| {
            known.gateway == gateway
                && known.namespace == namespace
                && section.is_none_or(|section| known.section == section)
        });
        for known in fitting {
            if !listeners.contains(&known.listener) {
                listeners.push(known.listener.clone());
            }
        }
    }
    listeners
}
