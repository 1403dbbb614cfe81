//! mcp-cli's files: `config/providers/*.yaml` and `config/embeddings/*.yaml`, or all of them in one `config.yaml`.
//!
//! Which of the two a file is, its default model says if the file lists it among embeddings models, else its
//! folder, else what the catalog knows of the model; without one, whether the file lists embeddings models. In one
//! file it is the section, `ai` or `embeddings`, and under `interfaces` are the types, under these `providers` by name.
//!
//! 1. Keys that come to nothing, as `${AWS_ACCESS_KEY_ID}` does where it is not set, leave the
//!    credentials to where any AWS tool finds them. Those of AWS's own variables come with their session token.
//! 2. The default model stands in where a request names none.
//! 3. Requests for embeddings go by the embeddings file, all others by the provider's.
//! 4. A default provider may be in another section or file than the one that names it; one that is in none is an
//!    error: another must not take its requests.

mod dotenv;

use std::time::Duration;

use outcrop_model::{Catalog, Specialist, alias};

use super::{FrontEnd, Item, Kind, Reading};
use crate::backend::{AssumeRole, Backend, Identity, IdentitySource};
use crate::document::{Document, Node};
use crate::name::ModelName;
use crate::origin::Diagnostic;
use crate::policy::{Policy, RetryPolicy, Timeouts};
use crate::route::{Match, ModelIs, PathMatch, Pattern, Route, Surface, Target};
use crate::secret::Secret;
use crate::variables::Variables;
use crate::words;

/// mcp-cli's format.
pub struct McpCli;

/// Its word for Bedrock.
const INTERFACE: &str = "aws_bedrock";
/// Seconds that the document gives as defaults, for providers and embeddings.
const TIMEOUTS: (u64, u64) = (300, 30);
/// Retries that the document gives as a default.
const RETRIES: u64 = 3;
/// Sections of a file that has everything in it, and whether they are about embeddings.
const SECTIONS: [(&str, bool); 2] = [("embeddings", true), ("ai", false)];
/// AWS's own variables for a pair of keys; where they are temporary, a third has their session token.
const PAIR: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
/// Where embeddings are asked for.
const EMBEDDINGS: [&str; 2] = ["/v1/embeddings", "/openai/v1/embeddings"];

impl FrontEnd for McpCli {
    fn name(&self) -> &'static str {
        "mcp-cli"
    }

    fn claims(&self, root: &Node) -> bool {
        root.peek("interface_type").is_some() || has_all(root)
    }

    fn variables(&self) -> Variables {
        Variables::Optional
    }

    fn read(&self, documents: &[&Document], reading: &mut Reading<'_>) {
        let known: Vec<Named<'_>> = documents.iter().flat_map(|one| named(&one.root)).collect();
        let mut files = Vec::new();
        let mut defaults = Vec::new();
        for document in documents {
            match has_all(&document.root) {
                true => {
                    files.extend(sections(&document.root, reading));
                    defaults.extend(default_providers(&document.root, &known, reading));
                }
                false => files.extend(File::of(&document.root, reading)),
            }
        }
        // Those of embeddings come first: their routes match less.
        files.sort_by_key(|file| (!file.is_embeddings, !defaults.contains(&file.named())));
        let (mut first, mut others) = (Vec::new(), Vec::new());
        for file in &files {
            let embeds = (file.provider.as_str(), true);
            let is_first = defaults.contains(&embeds) && !known.contains(&embeds);
            let (of_embeddings, own) = file.push(reading);
            if is_first { &mut first } else { &mut others }.extend(of_embeddings);
            others.extend(own);
        }
        first.into_iter().chain(others).for_each(|route| reading.push(route));
        reading.ask_for_a_route();
    }
}

/// Whether the file is one that has providers under their types.
fn has_all(root: &Node) -> bool {
    let has = |(section, _): &(&str, bool)| {
        root.peek(section).is_some_and(|section| section.peek("interfaces").is_some())
    };
    root.peek("includes").is_none() && SECTIONS.iter().any(has)
}

/// A provider's name, and whether it is one of embeddings.
type Named<'n> = (&'n str, bool);

/// The providers of a file, of any type.
fn named(root: &Node) -> Vec<Named<'_>> {
    if !has_all(root) {
        let name = root.peek("provider_name").and_then(Node::text);
        let config = root.peek("config").unwrap_or(root);
        let named = |name| (name, is_of_embeddings(&root.origin().source, config));
        return name.map(named).into_iter().collect();
    }
    let mut all = Vec::new();
    for (name, is_embeddings) in SECTIONS {
        let Some(section) = root.peek(name) else { continue };
        let types = section.peek("interfaces").map(Node::members).unwrap_or_default();
        // Without a type, as in older files.
        let sections = types.iter().map(|one| &one.value).chain([section]);
        let providers = sections.filter_map(|section| section.peek("providers"));
        let names = providers.flat_map(Node::members).map(|provider| provider.key.as_str());
        all.extend(names.map(|name| (name, is_embeddings)));
    }
    all
}

/// What such a file says of Bedrock.
fn sections<'n>(root: &'n Node, reading: &mut Reading<'_>) -> Vec<File<'n>> {
    let mut files = Vec::new();
    for (name, is_embeddings) in SECTIONS {
        let Some(section) = root.get(name) else { continue };
        for interface in section.get("interfaces").map(Node::entries).unwrap_or_default() {
            let is_ours = interface.key == INTERFACE;
            let Some(providers) = interface.value.get("providers") else {
                match is_ours {
                    true => reading.missing(interface.value.origin(), "providers"),
                    false => reading.say(elsewhere(&interface.value, &interface.key)),
                }
                continue;
            };
            for provider in providers.entries() {
                match is_ours {
                    true => {
                        files.push(File::in_section(&provider.key, &provider.value, is_embeddings));
                    }
                    false => reading.say(elsewhere(&provider.value, &interface.key)),
                }
            }
        }
    }
    files
}

/// The providers that come first, of those that there are.
fn default_providers<'n>(
    root: &'n Node,
    known: &[Named<'_>],
    reading: &mut Reading<'_>,
) -> Vec<Named<'n>> {
    let mut defaults = Vec::new();
    for (name, is_embeddings) in SECTIONS {
        let Some(section) = root.get(name) else { continue };
        let default = reading.str(section, "default_provider").filter(|name| !name.is_empty());
        let Some(default) = default else { continue };
        let names = known.iter().map(|(name, _)| *name);
        if !known.is_empty() && !names.clone().any(|name| name == default) {
            let what = format!("there is no provider `{default}`");
            let origin = section.get("default_provider").unwrap_or(section).origin();
            let mut error = Diagnostic::error(origin, what);
            error.hint = words::instead(default, names);
            reading.say(error);
        }
        defaults.push((default, is_embeddings));
    }
    defaults
}

/// A provider that is not Bedrock.
fn elsewhere(node: &Node, interface: &str) -> Diagnostic {
    node.dismiss();
    let what = format!("a provider of type `{interface}`: Outcrop asks Bedrock only");
    Diagnostic::notice(node.origin(), what)
}

/// A file for Bedrock, or a provider's part of one.
struct File<'n> {
    root: &'n Node,
    config: &'n Node,
    provider: String,
    /// Of backend and route.
    name: String,
    is_embeddings: bool,
}

impl<'n> File<'n> {
    fn of(root: &'n Node, reading: &mut Reading<'_>) -> Option<Self> {
        let interface = reading.str(root, "interface_type")?;
        if interface != INTERFACE {
            reading.say(elsewhere(root, interface));
            return None;
        }
        let provider = reading.need_str(root, "provider_name")?.to_owned();
        let Some(config) = root.get("config") else {
            reading.missing(root.origin(), "config");
            reading.push(Item::LeftOut(Kind::Backend, provider));
            return None;
        };
        let is_embeddings = is_of_embeddings(&root.origin().source, config);
        Some(Self { root, ..Self::in_section(&provider, config, is_embeddings) })
    }

    fn in_section(provider: &str, config: &'n Node, is_embeddings: bool) -> Self {
        let name = match is_embeddings {
            true => format!("{provider}-embeddings"),
            false => provider.to_owned(),
        };
        Self { root: config, config, provider: provider.to_owned(), name, is_embeddings }
    }

    fn named(&self) -> Named<'_> {
        (&self.provider, self.is_embeddings)
    }

    /// Pushes the backend. Returns the routes: for embeddings, and for what the file is for.
    fn push(&self, reading: &mut Reading<'_>) -> (Option<Item>, Option<Item>) {
        let errors = reading.errors();
        dotenv::tell(self, reading);
        let backend = self.backend(reading);
        let policy = self.policy(reading);
        let default = self.text(self.default_key(), reading);
        let embedding = match self.is_embeddings {
            true => None,
            false => self.text("default_embedding_model", reading),
        };
        self.names(reading);
        if reading.errors() > errors {
            reading.push(Item::LeftOut(Kind::Backend, self.name.clone()));
            return (None, None);
        }
        reading.push(Item::Backend(self.name.clone(), Box::new(backend)));
        let of_embeddings = embedding.map(|model| {
            let name = format!("{}-embeddings-of-provider", self.name);
            self.route(name, true, Some(model), policy.clone())
        });
        let own = self.route(self.name.clone(), self.is_embeddings, default, policy);
        (of_embeddings, Some(own))
    }

    /// Where the model is for requests that name none. In a file of embeddings either word may be meant.
    fn default_key(&self) -> &'static str {
        match self.is_embeddings && !self.is_filled("default_model") {
            true => "default_embedding_model",
            false => "default_model",
        }
    }

    fn backend(&self, reading: &mut Reading<'_>) -> Backend {
        let text = |reading: &mut Reading<'_>, key| self.text(key, reading).map(str::to_owned);
        let region = text(reading, "aws_region");
        let external_id = self.secret("external_id", reading);
        let role =
            text(reading, "role").map(|arn| AssumeRole { external_id, ..AssumeRole::of(&arn) });
        let profile = text(reading, "profile");
        Backend {
            region: region.or_else(|| text(reading, "region")),
            endpoint: text(reading, "api_endpoint"),
            identity: Identity {
                source: self.source(profile, reading),
                roles: role.into_iter().collect(),
                ..Identity::default()
            },
            ..Backend::new(self.root.origin())
        }
    }

    fn source(&self, profile: Option<String>, reading: &mut Reading<'_>) -> IdentitySource {
        if let Some(key) = self.secret("api_key", reading) {
            return IdentitySource::ApiKey(key);
        }
        match (profile, self.keys(reading)) {
            // Variables for keys that are not set say nothing against the profile.
            (Some(profile), IdentitySource::Chain) => IdentitySource::Profile(profile),
            (_, keys) => keys,
        }
    }

    fn keys(&self, reading: &mut Reading<'_>) -> IdentitySource {
        let session_token = self.secret("aws_session_token", reading);
        let id = self.secret("aws_access_key_id", reading);
        let secret = self.secret("aws_secret_access_key", reading);
        match (id, secret) {
            (Some(access_key_id), Some(secret_access_key)) => {
                let pair = [&access_key_id, &secret_access_key];
                let is_of_environment = self.config.peek("aws_session_token").is_none()
                    && pair == PAIR.map(variable).each_ref();
                let token = || variable("AWS_SESSION_TOKEN");
                let session_token = session_token.or_else(|| is_of_environment.then(token));
                IdentitySource::Keys { access_key_id, secret_access_key, session_token }
            }
            (None, None) => IdentitySource::Chain,
            (Some(_), None) => self.half_a_pair("aws_secret_access_key", reading),
            (None, Some(_)) => self.half_a_pair("aws_access_key_id", reading),
        }
    }

    /// A secret; one of a variable that is not set is none, in quotes too.
    fn secret(&self, key: &str, reading: &mut Reading<'_>) -> Option<Secret> {
        let secret = reading.secret(self.config, key);
        secret.filter(|_| self.is_filled(key))
    }

    fn text(&self, key: &str, reading: &mut Reading<'_>) -> Option<&'n str> {
        reading.str(self.config, key).filter(|_| self.is_filled(key))
    }

    fn int(&self, key: &str, reading: &mut Reading<'_>) -> Option<u64> {
        let value = self.config.get(key)?;
        let is_empty = value.text().is_some() && !self.is_filled(key);
        if is_empty { None } else { reading.int(self.config, key) }
    }

    fn is_filled(&self, key: &str) -> bool {
        let text = self.config.peek(key).and_then(Node::text);
        text.is_some_and(|text| !text.trim().is_empty())
    }

    fn half_a_pair(&self, missing: &str, reading: &mut Reading<'_>) -> IdentitySource {
        let what = format!("half a key pair: `{missing}` is not there or empty");
        let hint = "give both, or neither to use the credentials of the environment";
        reading.say(Diagnostic::error(self.config.origin(), what).hint(hint));
        IdentitySource::Chain
    }

    fn policy(&self, reading: &mut Reading<'_>) -> Policy {
        let default = if self.is_embeddings { TIMEOUTS.1 } else { TIMEOUTS.0 };
        let seconds = self.int("timeout_seconds", reading).filter(|seconds| *seconds > 0);
        let timeout = Duration::from_secs(seconds.unwrap_or(default));
        let retries = self.int("max_retries", reading).unwrap_or(RETRIES);
        let attempts = u32::try_from(retries).unwrap_or(u32::MAX).saturating_add(1);
        Policy {
            timeouts: Timeouts { attempt: Some(timeout), ..Timeouts::default() },
            retry: RetryPolicy { attempts: Some(attempts), ..RetryPolicy::default() },
            ..Policy::default()
        }
    }

    /// The models that the file lists; what it says of them, the catalog knows.
    fn names(&self, reading: &mut Reading<'_>) {
        let listed = reading.list(self.config, "available_models");
        let mut named: Vec<(String, &Node)> =
            listed.iter().filter_map(|node| Some((node.text()?.to_owned(), node))).collect();
        if let Some(models) = self.config.get("embedding_models") {
            for entry in models.entries() {
                // The catalog knows them.
                for key in ["description", "dimensions", "max_tokens"] {
                    entry.value.get(key);
                }
            }
            named.extend(models.entries().iter().map(|entry| (entry.key.clone(), &entry.value)));
            let default = self.config.peek(self.default_key()).filter(|_| self.is_embeddings);
            let default = default.and_then(|node| Some((node.text()?.to_owned(), node)));
            named.extend(default.filter(|(id, _)| !id.is_empty()));
        }
        for (id, node) in named {
            let pattern = Pattern::Exact(id.clone());
            let known = reading
                .items
                .iter()
                .any(|item| matches!(item, Item::Name(name) if name.pattern == pattern));
            if !known {
                let origin = node.origin();
                reading.push(Item::Name(ModelName { pattern, model: id, listed: true, origin }));
            }
        }
    }

    fn route(
        &self,
        name: String,
        is_embeddings: bool,
        default: Option<&str>,
        policy: Policy,
    ) -> Item {
        let exact = |path: &&str| Match {
            path: Some(PathMatch::Exact((*path).to_owned())),
            ..Match::default()
        };
        let target = Target {
            model: default.map(str::to_owned),
            model_is: if default.is_some() { ModelIs::Default } else { ModelIs::Set },
            ..Target::new(self.name.clone())
        };
        Item::Route(Box::new(Route {
            name,
            listeners: Vec::new(),
            matches: if is_embeddings {
                EMBEDDINGS.iter().map(exact).collect()
            } else {
                Vec::new()
            },
            surface: Surface::ByPath,
            targets: vec![target],
            policy,
            owned_by: None,
            origin: self.root.origin(),
        }))
    }
}

fn variable(name: &str) -> Secret {
    Secret::Env(name.to_owned())
}

fn is_of_embeddings(source: &str, config: &Node) -> bool {
    let default = config.peek("default_model").and_then(Node::text).filter(|id| !id.is_empty());
    let listed = config.peek("embedding_models");
    let is_listed = listed.zip(default).is_some_and(|(all, default)| all.peek(default).is_some());
    is_listed
        || match source.rsplit(['/', '\\']).nth(1) {
            Some("embeddings") => true,
            Some("providers") => false,
            Some(_) | None => default.map_or(listed.is_some(), makes_vectors),
        }
}

fn makes_vectors(model: &str) -> bool {
    match Catalog::built_in().specialist(&alias::resolve(model).id) {
        Some(Specialist::Embeddings(_)) => true,
        Some(Specialist::Rerank(_) | Specialist::Images(_)) | None => false,
    }
}
