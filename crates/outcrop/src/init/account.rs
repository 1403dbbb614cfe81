//! Who is calling, and where.

use std::path::PathBuf;

use outcrop_config::{AssumeRole, Backend, Identity, IdentitySource, Redacted, Secret};
use outcrop_emulator::{Config, Emulator};

use super::asker::Asker;
use super::earlier::Earlier;
use super::failure;
use crate::cli::{Auth, InitArgs};
use crate::configuration::{emulated, of_environment};
use crate::doctor::glance::{Offer, glance};
use crate::exit::{Exit, Failure};

/// Looked at where the region is still to be asked for.
const ANY_REGION: &str = "us-east-1";

/// An account that has credentials.
pub struct Account {
    pub backend: Backend,
    pub region: String,
    /// `chain`, `profile`, `keys`, `bearer`, `role` or `emulator`.
    pub word: &'static str,
    /// In a few words.
    pub told: String,
    pub offer: Offer,
    /// Lines of the provider's file.
    pub settings: Vec<(&'static str, String)>,
    /// For `.env`.
    pub variables: Vec<(String, String)>,
    /// Answers as long as it is held.
    _emulator: Option<Emulator>,
}

/// A way to credentials.
struct Way {
    word: &'static str,
    identity: Identity,
    settings: Vec<(&'static str, String)>,
    variables: Vec<(String, String)>,
}

// === impl Account ===

impl Account {
    /// # Errors
    /// [`Exit::Init`] with the cause where there is no region, or nobody to call as.
    pub async fn find(
        args: &InitArgs,
        asker: Asker,
        (regions, earlier): (&[String], Option<Earlier>),
    ) -> anyhow::Result<Self> {
        let former_region = earlier.as_ref().and_then(|earlier| earlier.region.clone());
        let earlier = earlier.filter(|_| {
            args.auth.is_none() && args.profile.is_none() && args.role.is_none() && !args.emulator
        });
        if let Some(earlier) = as_before(args, asker, earlier)? {
            return match earlier.is_emulator {
                true => Self::emulated().await,
                false => Self::again(args, earlier).await,
            };
        }
        let providers = ["AWS Bedrock", "Emulator (a local Bedrock: no AWS account)"];
        let asks =
            asker.is_person() && !args.quick && args.auth.is_none() && args.profile.is_none();
        let first =
            args.emulator || asks && asker.choose("Provider:", &providers.map(str::to_owned))? == 1;
        if first {
            return Self::emulated().await;
        }
        let way = Way::choose(args, asker).await?;
        let region = region(args, asker, (regions, former_region), &way.identity).await?;
        let backend = of_environment(region.as_deref(), None, way.identity);
        let seen = glance(&backend).await.map_err(|finding| failure(&finding))?;
        Ok(Self {
            told: format!("{}, region {}", seen.source, seen.region),
            backend: Backend { region: Some(seen.region.clone()), ..backend },
            region: seen.region,
            word: way.word,
            offer: seen.models,
            settings: way.settings,
            variables: way.variables,
            _emulator: None,
        })
    }

    /// Whoever called before.
    async fn again(args: &InitArgs, earlier: Earlier) -> anyhow::Result<Self> {
        let region = args.region.clone().or_else(|| earlier.region.clone());
        let (word, _) = earlier.told();
        let backend = of_environment(region.as_deref(), None, earlier.identity);
        let seen = glance(&backend).await.map_err(|finding| failure(&finding))?;
        Ok(Self {
            told: format!("as before, {}, region {}", seen.source, seen.region),
            backend: Backend { region: Some(seen.region.clone()), ..backend },
            region: seen.region,
            word,
            offer: seen.models,
            settings: Vec::new(),
            variables: Vec::new(),
            _emulator: None,
        })
    }

    async fn emulated() -> anyhow::Result<Self> {
        let emulator = Emulator::bind("127.0.0.1:0", Config::default()).await?;
        let backend = emulated(&emulator);
        Ok(Self {
            region: backend.region.clone().unwrap_or_default(),
            backend,
            word: "emulator",
            told: "emulator inside the process".to_owned(),
            offer: Offer::default(),
            settings: Vec::new(),
            variables: Vec::new(),
            _emulator: Some(emulator),
        })
    }
}

/// The earlier choice, where it stands.
fn as_before(
    args: &InitArgs,
    asker: Asker,
    earlier: Option<Earlier>,
) -> anyhow::Result<Option<Earlier>> {
    let Some(earlier) = earlier else { return Ok(None) };
    if args.quick || !asker.is_person() {
        return Ok(Some(earlier));
    }
    let told = match earlier.is_emulator {
        true => "the emulator".to_owned(),
        false => {
            let region = earlier.region.as_deref().unwrap_or("as found");
            format!("{}, region {region}", earlier.told().1)
        }
    };
    let options = [format!("As before: {told}"), "Another".to_owned()];
    Ok((asker.choose("Account:", &options)? == 0).then_some(earlier))
}

// === impl Way ===

impl Way {
    async fn choose(args: &InitArgs, asker: Asker) -> anyhow::Result<Self> {
        let profile = args.profile.as_deref();
        match (args.auth, profile) {
            (Some(Auth::Keys), _) => Self::keys(asker),
            (Some(Auth::Bearer), _) => Self::bearer(asker),
            (Some(Auth::Role), profile) => {
                let arn = args.role.as_ref().map(|role| role.arn.clone()).unwrap_or_default();
                Ok(Self::chain(profile).assuming(&arn))
            }
            (Some(Auth::Chain), profile) | (None, profile @ Some(_)) => Ok(Self::chain(profile)),
            (None, None) if asker.is_person() => Self::asked(args, asker).await,
            (None, None) => Ok(Self::chain(None)),
        }
    }

    async fn asked(args: &InitArgs, asker: Asker) -> anyhow::Result<Self> {
        let region = args.region.as_deref().unwrap_or(ANY_REGION);
        let found = glance(&of_environment(Some(region), None, Identity::default())).await;
        let profiles = profiles();
        let mut options: Vec<String> =
            found.iter().map(|seen| format!("As found: {}", seen.source)).collect();
        let begin = options.len();
        if args.quick && begin > 0 {
            return Ok(Self::chain(None));
        }
        options.extend(profiles.iter().map(|name| format!("Profile {name}")));
        let end = options.len();
        let more = ["An access key, typed here", "A Bedrock API key, typed here", "A role (ARN)"];
        options.extend(more.map(str::to_owned));
        match asker.choose("Credentials:", &options)? {
            at if at < begin => Ok(Self::chain(None)),
            at if at < end => Ok(Self::chain(Some(&profiles[at - begin]))),
            at if at == end => Self::keys(asker),
            at if at == end + 1 => Self::bearer(asker),
            _role => Ok(Self::chain(None).assuming(&asker.text("ARN of the role:", "")?)),
        }
    }

    fn chain(profile: Option<&str>) -> Self {
        match profile {
            None => Self {
                word: "chain",
                identity: Identity::default(),
                settings: keys_of_variables(),
                variables: Vec::new(),
            },
            Some(profile) => Self {
                word: "profile",
                identity: of_source(IdentitySource::Profile(profile.to_owned())),
                settings: vec![("profile", profile.to_owned())],
                variables: Vec::new(),
            },
        }
    }

    fn assuming(mut self, arn: &str) -> Self {
        self.identity.roles.push(AssumeRole::of(arn));
        self.settings.push(("role", arn.to_owned()));
        Self { word: "role", ..self }
    }

    fn keys(asker: Asker) -> anyhow::Result<Self> {
        let id =
            typed("AWS_ACCESS_KEY_ID", asker.text_or_env("Access key id:", "AWS_ACCESS_KEY_ID")?)?;
        let secret = asker.secret_or_env("Secret access key:", "AWS_SECRET_ACCESS_KEY")?;
        let secret = typed("AWS_SECRET_ACCESS_KEY", secret)?;
        let token = asker.secret_or_env("Session token (if any):", "AWS_SESSION_TOKEN")?;
        let inline = |text: &str| Secret::Inline(Redacted::new(text));
        let source = IdentitySource::Keys {
            access_key_id: inline(&id),
            secret_access_key: inline(&secret),
            session_token: token.as_deref().map(inline),
        };
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID".to_owned(), id),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), secret),
        ];
        variables.extend(token.map(|token| ("AWS_SESSION_TOKEN".to_owned(), token)));
        Ok(Self {
            word: "keys",
            identity: of_source(source),
            settings: keys_of_variables(),
            variables,
        })
    }

    fn bearer(asker: Asker) -> anyhow::Result<Self> {
        const NAME: &str = "AWS_BEARER_TOKEN_BEDROCK";
        let key = typed(NAME, asker.secret_or_env("Bedrock API key:", NAME)?)?;
        let source = IdentitySource::ApiKey(Secret::Inline(Redacted::new(key.clone())));
        Ok(Self {
            word: "bearer",
            identity: of_source(source),
            settings: vec![("api_key", format!("${{{NAME}}}"))],
            variables: vec![(NAME.to_owned(), key)],
        })
    }
}

// === impl Asker ===

impl Asker {
    fn text_or_env(self, question: &str, name: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Nobody => Ok(set(name)),
            Self::Person => Ok(Some(self.text(question, "")?).filter(|text| !text.is_empty())),
        }
    }

    fn secret_or_env(self, question: &str, name: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Nobody => Ok(set(name)),
            Self::Person => self.secret(question),
        }
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What goes into a line of `.env`.
fn typed(name: &str, value: Option<String>) -> anyhow::Result<String> {
    let lack = || {
        Failure::new(Exit::Init, format!("There is no {name}."))
            .mend("Set it, or run at a terminal to type it.")
    };
    let value = value.ok_or_else(lack)?;
    if value.contains(['\'', '\n', '\r']) {
        let what = format!("{name} holds a character that no key has.");
        return Err(Failure::new(Exit::Init, what).into());
    }
    Ok(value)
}

fn of_source(source: IdentitySource) -> Identity {
    Identity { source, ..Identity::default() }
}

/// The lines of mcp-cli's document: where the variables are not set, the chain decides.
fn keys_of_variables() -> Vec<(&'static str, String)> {
    let keys = [
        ("aws_access_key_id", "${AWS_ACCESS_KEY_ID}"),
        ("aws_secret_access_key", "${AWS_SECRET_ACCESS_KEY}"),
        ("aws_session_token", "${AWS_SESSION_TOKEN}"),
    ];
    keys.into_iter().map(|(key, value)| (key, value.to_owned())).collect()
}

/// `None`: as the environment or the profile says.
async fn region(
    args: &InitArgs,
    asker: Asker,
    (regions, former): (&[String], Option<String>),
    identity: &Identity,
) -> anyhow::Result<Option<String>> {
    if args.region.is_some() || !asker.is_person() {
        return Ok(args.region.clone().or(former));
    }
    let usual = match former {
        Some(former) => Some(former),
        None => {
            let seen = glance(&of_environment(None, None, identity.clone())).await.ok();
            seen.map(|seen| seen.region)
        }
    };
    if args.quick && usual.is_some() {
        return Ok(usual);
    }
    let mut options: Vec<String> = usual.iter().cloned().collect();
    options.extend(regions.iter().filter(|region| Some(*region) != usual.as_ref()).cloned());
    options.push("another".to_owned());
    let at = asker.choose("Region:", &options)?;
    match at + 1 == options.len() {
        true => asker.text("Region:", &options[0]).map(Some),
        false => Ok(options.get(at).cloned()),
    }
}

/// The profiles of the shared AWS files.
fn profiles() -> Vec<String> {
    let home = std::env::home_dir().unwrap_or_default().join(".aws");
    let file = |variable: &str, name: &str| {
        std::env::var_os(variable).map_or_else(|| home.join(name), PathBuf::from)
    };
    let files =
        [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let mut names: Vec<String> = Vec::new();
    for text in files.iter().filter_map(|file| std::fs::read_to_string(file).ok()) {
        for line in text.lines().map(str::trim) {
            let head = line.strip_prefix('[').and_then(|line| line.split(']').next());
            let Some(head) = head.map(str::trim) else { continue };
            if head.starts_with("sso-session") || head.starts_with("services") {
                continue;
            }
            let name = head.strip_prefix("profile").map_or(head, str::trim).to_owned();
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}
