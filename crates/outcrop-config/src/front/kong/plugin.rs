//! Plugins: what they are for, and on which routes they hold.

use super::reference;
use crate::document::Node;
use crate::front::Reading;
use crate::origin::{Diagnostic, Origin};

/// A plugin that is enabled.
#[derive(Debug, Clone)]
pub(super) struct Plugin<'n> {
    pub(super) what: Use,
    pub(super) node: &'n Node,
    service: Option<&'n str>,
    route: Option<&'n str>,
    pub(super) consumer: Option<&'n str>,
    /// How closely it is written to the route that it is on: 0 for all, 1 by its service, more by its own
    /// name.
    pub(super) closeness: u8,
}

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The plugin of the Bedrock skill.
    BedrockProxy,
    AiProxy,
    AiProxyAdvanced,
    KeyAuth,
    OtherAuth,
    /// Keeps out callers who are known.
    Restriction,
    RateLimiting,
    Other,
}

/// What a route and its service are called: names and ids.
#[derive(Debug, Default)]
pub(super) struct Called<'n> {
    pub(super) service: Vec<&'n str>,
    pub(super) route: Vec<&'n str>,
}

/// All that a plugin can name.
#[derive(Debug, Default)]
pub(super) struct Known<'n> {
    pub(super) services: Vec<Vec<&'n str>>,
    pub(super) routes: Vec<Called<'n>>,
}

impl Use {
    fn of(name: &str) -> Self {
        match name {
            "bedrock-proxy" => Self::BedrockProxy,
            "ai-proxy" => Self::AiProxy,
            "ai-proxy-advanced" => Self::AiProxyAdvanced,
            "key-auth" => Self::KeyAuth,
            "basic-auth"
            | "header-cert-auth"
            | "hmac-auth"
            | "jwt"
            | "jwt-signer"
            | "key-auth-enc"
            | "ldap-auth"
            | "ldap-auth-advanced"
            | "mtls-auth"
            | "oauth2"
            | "oauth2-introspection"
            | "openid-connect"
            | "saml"
            | "vault-auth" => Self::OtherAuth,
            "acl" | "bot-detection" | "ip-restriction" | "opa" | "request-termination" => {
                Self::Restriction
            }
            "rate-limiting" => Self::RateLimiting,
            _ => Self::Other,
        }
    }

    /// What to use in the place of a plugin that is not honoured, where Outcrop lets in more than Kong for it.
    fn instead(self) -> Option<&'static str> {
        match self {
            Self::OtherAuth => Some("use key-auth, or `keys` and `jwt` in outcrop.yaml"),
            Self::Restriction => Some(
                "keep callers out before they come here, or give `keys` in outcrop.yaml `scopes`",
            ),
            Self::BedrockProxy
            | Self::AiProxy
            | Self::AiProxyAdvanced
            | Self::KeyAuth
            | Self::RateLimiting
            | Self::Other => None,
        }
    }
}

impl<'n> Plugin<'n> {
    pub(super) fn of(node: &'n Node, reading: &mut Reading<'_>) -> Option<Self> {
        let name = reading.need_str(node, "name")?;
        if reading.bool(node, "enabled") == Some(false) {
            node.dismiss();
            return None;
        }
        for key in ["id", "tags", "protocols", "instance_name"] {
            node.get(key).map(Node::dismiss);
        }
        let what = Use::of(name);
        let this = Self { what, node, service: None, route: None, consumer: None, closeness: 0 };
        if !this.is_honoured() {
            node.dismiss();
            let said = format!("the plugin `{name}` is not honoured");
            reading.say(match what.instead() {
                Some(hint) => Diagnostic::warning(node.origin(), said).hint(hint),
                None => Diagnostic::notice(node.origin(), said),
            });
        }
        let (service, route) = (reference(node, "service"), reference(node, "route"));
        let this =
            Self { service, route, ..this }.of_consumer(reference(node, "consumer"), reading)?;
        match node.peek("consumer_group").filter(|_| this.is_honoured()) {
            Some(_) => {
                let group = reference(node, "consumer_group").unwrap_or_default();
                this.leave_out(&format!("the consumer_group `{group}`"), reading);
                None
            }
            None => Some(this),
        }
    }

    fn is_honoured(&self) -> bool {
        !matches!(self.what, Use::OtherAuth | Use::Restriction | Use::Other)
    }

    /// Whether it asks Bedrock.
    pub(super) fn asks(&self) -> bool {
        matches!(self.what, Use::BedrockProxy | Use::AiProxy | Use::AiProxyAdvanced)
    }

    /// The plugin for this consumer alone. Limits are; what asks Bedrock is the same for all.
    pub(super) fn of_consumer(
        self,
        consumer: Option<&'n str>,
        reading: &mut Reading<'_>,
    ) -> Option<Self> {
        let Some(name) = consumer.filter(|_| self.is_honoured()) else { return Some(self) };
        if self.what == Use::RateLimiting {
            return Some(Self { consumer, ..self });
        }
        self.leave_out(&format!("the consumer `{name}`"), reading);
        None
    }

    fn leave_out(&self, whom: &str, reading: &mut Reading<'_>) {
        self.node.dismiss();
        let what = format!("a plugin for {whom} alone is not honoured: it is left out");
        let hint = "rate-limiting can be for one consumer; others are for all of a route";
        reading.say(Diagnostic::warning(self.node.origin(), what).hint(hint));
    }

    pub(super) fn at(self, closeness: u8) -> Self {
        Self { closeness, ..self }
    }

    /// Whether a plugin that is written at the top applies to a route, and how closely.
    pub(super) fn applies(&self, to: &Called<'_>) -> Option<u8> {
        let fits = |own: Option<&str>, names: &[&str]| own.is_none_or(|own| names.contains(&own));
        let (service, route) = (self.service, self.route);
        let all_fit = fits(service, &to.service) && fits(route, &to.route);
        all_fit.then(|| 2 * u8::from(route.is_some()) + u8::from(service.is_some()))
    }
}

/// Says which of the plugins that are written at the top hold nowhere: a key that nobody is asked for
/// would open a route.
pub(super) fn tell_of_strays(plugins: &[Plugin<'_>], known: &Known<'_>, reading: &mut Reading<'_>) {
    let Known { services, routes } = known;
    for plugin in plugins.iter().filter(|plugin| plugin.is_honoured()) {
        let (service, route) = (plugin.service, plugin.route);
        let no_service = service.filter(|name| !services.iter().any(|one| one.contains(name)));
        let no_route = route.filter(|name| !routes.iter().any(|one| one.route.contains(name)));
        let strays = !routes.iter().any(|one| plugin.applies(one).is_some());
        let origin = |key: &str| plugin.node.peek(key).unwrap_or(plugin.node).origin();
        let stray = match (no_service, no_route) {
            (Some(name), _) => unknown("service", name, origin("service")),
            (None, Some(name)) => unknown("route", name, origin("route")),
            (None, None) if !strays || (service.is_none() && route.is_none()) => continue,
            (None, None) if route.is_some() => {
                let what = "the route is none of this service: the plugin would hold nowhere";
                Diagnostic::error(origin("route"), what).hint("name the route alone")
            }
            (None, None) => {
                let what = "the service has no routes: the plugin is for no route";
                Diagnostic::warning(origin("service"), what)
            }
        };
        reading.say(stray);
        plugin.node.dismiss();
    }
}

fn unknown(key: &str, name: &str, origin: Origin) -> Diagnostic {
    let what = format!("there is no {key} `{name}`: the plugin would hold nowhere");
    Diagnostic::error(origin, what)
        .hint(format!("write the name or the id of a {key} of these files"))
}
