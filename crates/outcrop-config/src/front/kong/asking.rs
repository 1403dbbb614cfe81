//! What the plugins that ask Bedrock make of a route: what its paths mean, and the targets.

use std::time::Duration;

use super::plugin::{Plugin, Use};
use super::{bearer, emptied, plain, secret};
use crate::backend::{AssumeRole, Backend, Identity, IdentitySource};
use crate::document::Node;
use crate::edit::{BodyEdit, BodyEdits, Mode};
use crate::front::Reading;
use crate::origin::Diagnostic;
use crate::policy::AttemptTimeouts;
use crate::route::{Surface, SurfaceWord, Target};

/// What a plugin makes of a route.
pub(super) struct Asking {
    pub(super) meaning: Meaning,
    pub(super) ways: Vec<Way>,
}

/// What the paths of a route mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Of(SurfaceWord),
    /// Messages, and the count of their tokens.
    Anthropic,
    /// What they are once the route's own path is taken from them.
    AsTheyAre,
}

/// One place to send to.
pub(super) struct Way {
    /// The model's name for callers.
    pub(super) alias: Option<String>,
    pub(super) backend: Backend,
    pub(super) target: Target,
}

impl Plugin<'_> {
    /// What the plugin asks Bedrock for; `None` for plugins that do not, which is said.
    pub(super) fn asking(&self, name: &str, reading: &mut Reading<'_>) -> Option<Asking> {
        let config = self.node.get("config").unwrap_or(self.node);
        match self.what {
            Use::BedrockProxy => Some(bedrock_proxy(config, name, reading)),
            Use::AiProxy => {
                let meaning = Meaning::read(config, config, reading);
                let way = ai_way(config, (name, &meaning), reading)?;
                // With one target the alias is just one of the names that callers may say.
                Some(Asking { meaning, ways: vec![Way { alias: None, ..way }] })
            }
            Use::AiProxyAdvanced => advanced(config, name, reading),
            Use::KeyAuth | Use::OtherAuth | Use::Restriction | Use::RateLimiting | Use::Other => {
                None
            }
        }
    }
}

/// Targets, each with a model.
fn advanced(config: &Node, name: &str, reading: &mut Reading<'_>) -> Option<Asking> {
    let targets = reading.list(config, "targets");
    let Some(first) = targets.first() else {
        reading.missing(config.origin(), "targets");
        return None;
    };
    let meaning = Meaning::read(config, first, reading);
    let is_weighed = targets.iter().any(|target| target.peek("weight").is_some());
    // Kong's own, which tells only beside others.
    let unsaid = if is_weighed { 100 } else { 1 };
    let mut ways = Vec::new();
    for (index, node) in targets.iter().enumerate() {
        let Some(mut way) = ai_way(node, (&format!("{name}-{index}"), &meaning), reading) else {
            continue;
        };
        if Meaning::read(config, node, reading) != meaning {
            let what = "the target is of another `route_type` than the first, which decides";
            reading.say(Diagnostic::warning(node.origin(), what));
        }
        let weight = reading.int(node, "weight").unwrap_or(unsaid);
        way.target.weight = u32::try_from(weight).unwrap_or(u32::MAX);
        ways.push(way);
    }
    (!ways.is_empty()).then_some(Asking { meaning, ways })
}

/// The plugin of the document: region, model, max_tokens and a timeout in milliseconds.
fn bedrock_proxy(config: &Node, name: &str, reading: &mut Reading<'_>) -> Asking {
    let region = plain(reading, config, "region");
    let model = plain(reading, config, "model");
    let timeout = reading.int(config, "timeout").map(Duration::from_millis);
    let mut body = BodyEdits::new();
    if let Some(most) = reading.int(config, "max_tokens") {
        body.push(set("max_tokens", most.to_string(), Mode::Default));
    }
    let timeouts = AttemptTimeouts { attempt: timeout, ..AttemptTimeouts::default() };
    let backend = Backend { region, timeouts, ..Backend::new(config.origin()) };
    let target = Target { model, body, ..Target::new(name) };
    Asking {
        meaning: Meaning::Of(SurfaceWord::KongChat),
        ways: vec![Way { alias: None, backend, target }],
    }
}

/// A target of `ai-proxy`; `None` where it is another provider's, which is said.
fn ai_way(
    config: &Node,
    (name, meaning): (&str, &Meaning),
    reading: &mut Reading<'_>,
) -> Option<Way> {
    let model = config.get("model").unwrap_or(config);
    let provider = reading.need_str(model, "provider")?;
    if provider != "bedrock" {
        let what = format!("ai-proxy with the provider `{provider}`: Outcrop asks Bedrock only");
        config.dismiss();
        reading.say(Diagnostic::warning(config.origin(), what));
        return None;
    }
    let id = plain(reading, model, "name");
    let alias = plain(reading, model, "model_alias");
    let body = options(model, meaning, reading);
    let region = plain(reading, model, "options.bedrock.aws_region");
    let endpoint = plain(reading, model, "options.upstream_url");
    let sts = plain(reading, model, "options.bedrock.aws_sts_endpoint_url");
    let role = plain(reading, model, "options.bedrock.aws_assume_role_arn");
    let role = role.map(|arn| AssumeRole {
        arn,
        external_id: None,
        session_name: plain(reading, model, "options.bedrock.aws_role_session_name"),
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
    Some(Way { alias, backend, target: Target { model: id, body, ..Target::new(name) } })
}

/// What Kong puts in the place of the caller's own. It does that with bodies of OpenAI's formats only; where
/// it does not, the options are left unread, which is told.
fn options(model: &Node, meaning: &Meaning, reading: &mut Reading<'_>) -> BodyEdits {
    let (most, has_top_k) = match meaning {
        Meaning::Of(SurfaceWord::ChatCompletions | SurfaceWord::Completions) => {
            ("max_tokens", true)
        }
        Meaning::Of(SurfaceWord::Responses) => ("max_output_tokens", false),
        Meaning::Of(_) | Meaning::Anthropic | Meaning::AsTheyAre => return BodyEdits::new(),
    };
    let mut body = BodyEdits::new();
    if let Some(tokens) = reading.int(model, "options.max_tokens") {
        body.push(set(most, tokens.to_string(), Mode::Override));
    }
    for key in ["temperature", "top_p"] {
        let path = format!("options.{key}");
        let Some(text) = reading.str(model, &path) else { continue };
        match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => body.push(set(key, number.to_string(), Mode::Override)),
            None => {
                let origin = model.at(&path).unwrap_or(model).origin();
                let what = format!("`{path}` is a text, where a number belongs");
                reading.say(Diagnostic::error(origin, what));
            }
        }
    }
    if let Some(k) = reading.int(model, "options.top_k").filter(|_| has_top_k) {
        body.push(set("top_k", k.to_string(), Mode::Override));
    }
    body
}

fn source(config: &Node, reading: &mut Reading<'_>) -> IdentitySource {
    let Some(auth) = config.get("auth") else { return IdentitySource::Chain };
    let errors = reading.errors();
    let source = keys(auth, reading).or_else(|| api_key(auth, reading));
    if reading.errors() == errors {
        tell_of_emptied(auth, source.as_ref(), reading);
    }
    source.unwrap_or(IdentitySource::Chain)
}

const PAIR: [&str; 2] = ["aws_access_key_id", "aws_secret_access_key"];

fn keys(auth: &Node, reading: &mut Reading<'_>) -> Option<IdentitySource> {
    let [id, key] = PAIR.map(|name| secret(reading, auth, name));
    match (id, key) {
        (Some(access_key_id), Some(secret_access_key)) => {
            let session_token = None;
            return Some(IdentitySource::Keys { access_key_id, secret_access_key, session_token });
        }
        (Some(_), None) => needed(auth, PAIR[1], reading),
        (None, Some(_)) => needed(auth, PAIR[0], reading),
        (None, None) => {}
    }
    None
}

fn api_key(auth: &Node, reading: &mut Reading<'_>) -> Option<IdentitySource> {
    let name = auth.peek("header_name").and_then(Node::text)?;
    if !name.eq_ignore_ascii_case("authorization") {
        return None;
    }
    auth.get("header_name").map(Node::dismiss);
    bearer(reading, auth, "header_value").map(IdentitySource::ApiKey)
}

/// Says that nothing is where credentials belong, and whose are taken.
fn tell_of_emptied(auth: &Node, source: Option<&IdentitySource>, reading: &mut Reading<'_>) {
    let is_emptied = |key: &&str| emptied(reading, auth, key).is_some();
    // What refers to variables is there, and leads to nothing.
    let is_no_pair =
        matches!(source, Some(IdentitySource::Keys { .. })) && PAIR.iter().all(is_emptied);
    if source.is_some() && !is_no_pair {
        return;
    }
    let names = PAIR.into_iter().chain(["header_value"]).filter(is_emptied);
    let names: Vec<&str> = names.collect();
    let Some(place) = names.first().and_then(|name| emptied(reading, auth, name)) else { return };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let what = format!(
        "nothing is in {}: Bedrock is asked with AWS's default chain of credentials",
        names.join(" and "),
    );
    let hint = "set the variables that are to hold them, or leave `auth` out";
    reading.say(Diagnostic::warning(place.origin(), what).hint(hint));
}

/// Says that half a pair of keys is not there; what is wrong with one that is has been said.
fn needed(auth: &Node, key: &str, reading: &mut Reading<'_>) {
    if auth.peek(key).is_none_or(|node| node.text() == Some("")) {
        reading.missing(auth.origin(), key);
    }
}

impl Meaning {
    /// By the plugin's `llm_format`, and the `route_type` of a target.
    fn read(config: &Node, target: &Node, reading: &mut Reading<'_>) -> Self {
        // It says what `route_type` says.
        for node in [config, target] {
            node.get("genai_category").map(Node::dismiss);
        }
        let of_type = Self::of_route_type(target, reading);
        match reading.str(config, "llm_format") {
            Some("openai") | None => of_type,
            Some("bedrock") => Self::Of(SurfaceWord::Bedrock),
            Some("anthropic") => Self::Anthropic,
            Some("cohere") => Self::Of(SurfaceWord::Rerank),
            Some(other) => {
                let what = format!("the format `{other}` is not served");
                let place = config.peek("llm_format").unwrap_or(config).origin();
                let hint = "openai, anthropic, bedrock and cohere are";
                reading.say(Diagnostic::error(place, what).hint(hint));
                of_type
            }
        }
    }

    fn of_route_type(target: &Node, reading: &mut Reading<'_>) -> Self {
        Self::Of(match reading.str(target, "route_type") {
            Some("llm/v1/chat") | None => SurfaceWord::ChatCompletions,
            Some("llm/v1/completions") => SurfaceWord::Completions,
            Some("llm/v1/responses") => SurfaceWord::Responses,
            Some("llm/v1/embeddings") => SurfaceWord::Embeddings,
            Some("image/v1/images/generations") => SurfaceWord::Images,
            Some("preserve") => return Self::AsTheyAre,
            Some(other) => {
                let what = format!("the route type `{other}` is not served");
                let place = target.peek("route_type").unwrap_or(target).origin();
                reading.say(Diagnostic::error(place, what).hint("llm/v1/chat is"));
                SurfaceWord::ChatCompletions
            }
        })
    }

    /// For requests at `prefix`, which is taken from them if there is one.
    pub(super) fn surface(&self, prefix: Option<&str>) -> Surface {
        match (self, prefix) {
            (Self::Of(word), _) => Surface::Fixed(*word),
            (Self::Anthropic, _) => Surface::BySuffix {
                suffixes: vec![("/messages/count_tokens".to_owned(), SurfaceWord::CountMessages)],
                otherwise: SurfaceWord::Messages,
            },
            (Self::AsTheyAre, Some(prefix)) if prefix != "/" => Surface::Under(prefix.to_owned()),
            (Self::AsTheyAre, _) => Surface::ByPath,
        }
    }
}

fn set(path: &str, value: String, mode: Mode) -> BodyEdit {
    BodyEdit::Set { path: path.to_owned(), value, mode }
}
