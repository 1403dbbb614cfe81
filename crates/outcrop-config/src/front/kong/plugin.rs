//! Plugins, and the targets that those which ask Bedrock make.

use std::time::Duration;

use super::{reference, secret};
use crate::backend::{AssumeRole, Backend, Identity, IdentitySource};
use crate::document::Node;
use crate::edit::{BodyEdit, BodyEdits, Mode};
use crate::front::Reading;
use crate::origin::Diagnostic;
use crate::policy::Timeouts;
use crate::route::{Surface, SurfaceWord, Target};

/// A plugin that is enabled.
#[derive(Debug, Clone)]
pub(super) struct Plugin<'n> {
    pub(super) what: Use,
    pub(super) node: &'n Node,
    service: Option<&'n str>,
    route: Option<&'n str>,
    pub(super) consumer: Option<&'n str>,
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
    RateLimiting,
    Other,
}

/// What a plugin makes of a route.
pub(super) struct Asking {
    pub(super) surface: Surface,
    /// Backends by name, with the target at each.
    pub(super) ways: Vec<(Backend, Target)>,
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
        let what = match name {
            "bedrock-proxy" => Use::BedrockProxy,
            "ai-proxy" => Use::AiProxy,
            "ai-proxy-advanced" => Use::AiProxyAdvanced,
            "key-auth" => Use::KeyAuth,
            "basic-auth" | "jwt" | "oauth2" | "openid-connect" | "hmac-auth" | "ldap-auth" => {
                Use::OtherAuth
            }
            "rate-limiting" => Use::RateLimiting,
            _ => Use::Other,
        };
        if matches!(what, Use::Other | Use::OtherAuth) {
            node.dismiss();
            let said = format!("the plugin `{name}` is not honoured");
            let diagnostic = match what {
                Use::OtherAuth => Diagnostic::warning(node.origin(), said)
                    .hint("use key-auth, or `keys` and `jwt` in outcrop.yaml"),
                _ => Diagnostic::notice(node.origin(), said),
            };
            reading.say(diagnostic);
        }
        let (service, route, consumer) =
            (reference(node, "service"), reference(node, "route"), reference(node, "consumer"));
        Self { what, node, service, route, consumer: None }.of_consumer(consumer, reading)
    }

    /// The plugin for this consumer alone. Limits are; what asks Bedrock is the same for all.
    pub(super) fn of_consumer(
        self,
        consumer: Option<&'n str>,
        reading: &mut Reading<'_>,
    ) -> Option<Self> {
        let (Some(name), false) = (consumer, matches!(self.what, Use::Other | Use::OtherAuth))
        else {
            return Some(self);
        };
        if self.what == Use::RateLimiting {
            return Some(Self { consumer, ..self });
        }
        self.node.dismiss();
        let what =
            format!("a plugin for the consumer `{name}` alone is not honoured: it is left out");
        let hint = "rate-limiting can be for one consumer; others are for all of a route";
        reading.say(Diagnostic::warning(self.node.origin(), what).hint(hint));
        None
    }

    /// Whether a plugin that is written at the top applies to a route, and how closely: 0 to all.
    pub(super) fn applies(&self, service: Option<&str>, route: Option<&str>) -> Option<u8> {
        match (self.route, self.service) {
            (Some(own), _) => (Some(own) == route).then_some(2),
            (None, Some(own)) => (Some(own) == service).then_some(1),
            (None, None) => Some(0),
        }
    }

    /// What the plugin asks Bedrock for; `None` for plugins that do not, which is said.
    pub(super) fn asking(&self, name: &str, reading: &mut Reading<'_>) -> Option<Asking> {
        let config = self.node.get("config").unwrap_or(self.node);
        match self.what {
            Use::BedrockProxy => Some(bedrock_proxy(config, name, reading)),
            Use::AiProxy => {
                let surface = surface(config, reading);
                let way = ai_way(config, name, reading)?;
                Some(Asking { surface, ways: vec![way] })
            }
            Use::AiProxyAdvanced => {
                let targets = reading.list(config, "targets");
                let mut ways = Vec::new();
                for (index, node) in targets.iter().enumerate() {
                    let Some((backend, mut target)) =
                        ai_way(node, &format!("{name}-{index}"), reading)
                    else {
                        continue;
                    };
                    target.weight = reading
                        .int(node, "weight")
                        .map_or(1, |weight| u32::try_from(weight).unwrap_or(u32::MAX));
                    ways.push((backend, target));
                }
                let surface = surface(targets.first()?, reading);
                for other in &targets[1..] {
                    let _the_first_decides = self::surface(other, reading);
                }
                (!ways.is_empty()).then_some(Asking { surface, ways })
            }
            Use::KeyAuth | Use::OtherAuth | Use::RateLimiting | Use::Other => None,
        }
    }
}

/// The plugin of the document: region, model, max_tokens and a timeout in milliseconds.
fn bedrock_proxy(config: &Node, name: &str, reading: &mut Reading<'_>) -> Asking {
    let region = reading.str(config, "region").map(str::to_owned);
    let model = reading.str(config, "model").map(str::to_owned);
    let timeout = reading.int(config, "timeout").map(Duration::from_millis);
    let mut body = BodyEdits::new();
    if let Some(most) = reading.int(config, "max_tokens") {
        body.push(default("max_tokens", most.to_string()));
    }
    let timeouts = Timeouts { attempt: timeout, ..Timeouts::default() };
    let backend = Backend { region, timeouts, ..Backend::new(config.origin()) };
    let target = Target { model, body, ..Target::new(name) };
    Asking { surface: Surface::Fixed(SurfaceWord::KongChat), ways: vec![(backend, target)] }
}

/// A target of `ai-proxy`; `None` where it is another provider's, which is said.
fn ai_way(config: &Node, name: &str, reading: &mut Reading<'_>) -> Option<(Backend, Target)> {
    let model = config.get("model").unwrap_or(config);
    let provider = reading.need_str(model, "provider")?;
    if provider != "bedrock" {
        let what = format!("ai-proxy with the provider `{provider}`: Outcrop asks Bedrock only");
        config.dismiss();
        reading.say(Diagnostic::warning(config.origin(), what));
        return None;
    }
    let id = reading.str(model, "name").map(str::to_owned);
    let mut body = BodyEdits::new();
    for key in ["max_tokens", "temperature", "top_p", "top_k"] {
        let value = reading.str(model, &format!("options.{key}"));
        if let Some(value) = value.filter(|value| value.parse::<f64>().is_ok()) {
            body.push(default(key, value.to_owned()));
        }
    }
    let text = |reading: &mut Reading<'_>, path: &str| {
        reading.str(model, path).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let region = text(reading, "options.bedrock.aws_region");
    let endpoint = text(reading, "options.upstream_url");
    let sts = text(reading, "options.bedrock.aws_sts_endpoint_url");
    let role = text(reading, "options.bedrock.aws_assume_role_arn").map(|arn| AssumeRole {
        arn,
        external_id: None,
        session_name: text(reading, "options.bedrock.aws_role_session_name"),
        duration: None,
        tags: Vec::new(),
        policy: None,
    });
    let identity = Identity {
        source: source(config, reading),
        roles: role.into_iter().collect(),
        ..Identity::default()
    };
    let endpoints = sts.map(|url| ("sts".to_owned(), url)).into_iter().collect();
    let backend =
        Backend { region, endpoint, endpoints, identity, ..Backend::new(config.origin()) };
    Some((backend, Target { model: id, body, ..Target::new(name) }))
}

fn source(config: &Node, reading: &mut Reading<'_>) -> IdentitySource {
    let Some(auth) = config.get("auth") else { return IdentitySource::Chain };
    let id = secret(reading, auth, "aws_access_key_id");
    let key = secret(reading, auth, "aws_secret_access_key");
    if let (Some(access_key_id), Some(secret_access_key)) = (id, key) {
        return IdentitySource::Keys { access_key_id, secret_access_key, session_token: None };
    }
    let is_bearer = auth
        .peek("header_name")
        .and_then(Node::text)
        .is_some_and(|name| name.eq_ignore_ascii_case("authorization"));
    match is_bearer {
        true => {
            auth.get("header_name").map(Node::dismiss);
            match secret(reading, auth, "header_value") {
                Some(key) => IdentitySource::ApiKey(key),
                None => IdentitySource::Chain,
            }
        }
        false => IdentitySource::Chain,
    }
}

/// What the route's path means, by `route_type` and `llm_format`.
fn surface(config: &Node, reading: &mut Reading<'_>) -> Surface {
    let native = match reading.str(config, "llm_format") {
        Some("bedrock") => Some(SurfaceWord::Bedrock),
        Some("anthropic") => Some(SurfaceWord::Messages),
        Some("cohere") => Some(SurfaceWord::Rerank),
        Some(_) | None => None,
    };
    let word = match reading.str(config, "route_type") {
        Some("llm/v1/chat") | None => SurfaceWord::ChatCompletions,
        Some("llm/v1/completions") => SurfaceWord::Completions,
        Some("llm/v1/responses") => SurfaceWord::Responses,
        Some("llm/v1/embeddings") => SurfaceWord::Embeddings,
        Some("image/v1/images/generations") => SurfaceWord::Images,
        Some("preserve") => return Surface::ByPath,
        Some(other) => {
            let what = format!("the route type `{other}` is not served");
            let place = config.peek("route_type").unwrap_or(config).origin();
            reading.say(Diagnostic::error(place, what).hint("llm/v1/chat is"));
            SurfaceWord::ChatCompletions
        }
    };
    match native {
        Some(SurfaceWord::Bedrock) => Surface::ByPath,
        Some(native) => Surface::Fixed(native),
        None => Surface::Fixed(word),
    }
}

fn default(path: &str, value: String) -> BodyEdit {
    BodyEdit::Set { path: path.to_owned(), value, mode: Mode::Default }
}
