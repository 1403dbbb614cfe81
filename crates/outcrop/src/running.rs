//! The configuration of a running gateway: where it comes from, and how it is put to work.
//!
//! 1. What cannot be used never replaces what is at work; all that is wrong is in the log at once.
//! 2. One is put to work at a time, and a request sees one for its whole life (`core::snapshot`). Who is
//!    let in changes after the limits that hold for them.
//! 3. Of listeners the certificates change: new connections are shown those of the configuration at work.
//!
//! Does not do: open and close listeners, and move the store of limits; that needs a restart, and the log
//! says so.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{Discriminant, discriminant};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use outcrop_config::{Backend, Config, Diagnostic, Listener, ListenerTls, Secret, Severity};
use outcrop_core::{Around, Gateway};
use outcrop_server::Metrics;

use crate::admission::Admission;
use crate::check;
use crate::configuration::{Gaps, emulated_instead, told};
use crate::listen::Certified;
use crate::sources::{Files, Text};

/// For how long files stay as they are before they count as written.
const SETTLE: Duration = Duration::from_millis(100);
/// How often files that keep changing are looked at before they count as they are.
const MOST_LOOKS: usize = 20;

/// Where the configuration comes from.
#[derive(Debug)]
pub enum Plan {
    /// The command line.
    Flags(Box<Config>),
    Files {
        files: Files,
        gaps: Box<Gaps>,
        /// Takes the place of all listeners.
        listen: Option<SocketAddr>,
        /// Takes the place of all backends.
        emulated: Option<Box<Backend>>,
    },
}

/// See the module.
pub struct Running {
    plan: Plan,
    gateway: Arc<Gateway>,
    metrics: Arc<Metrics>,
    admission: Admission,
    addresses: Vec<SocketAddr>,
    certified: Certified,
    at_work: Mutex<AtWork>,
    /// Held by whoever loads.
    last: tokio::sync::Mutex<Last>,
}

/// What a running gateway is made of, beside its configuration.
pub struct Parts {
    /// With no configuration yet.
    pub gateway: Gateway,
    pub metrics: Arc<Metrics>,
    pub admission: Admission,
    /// Where it will listen.
    pub addresses: Vec<SocketAddr>,
    /// Who of those there takes certificates from the configuration.
    pub certified: Certified,
}

/// What is at work, and what went wrong since.
#[derive(Debug, Clone)]
pub struct AtWork {
    pub config: Arc<Config>,
    pub generation: u64,
    pub since: SystemTime,
    pub trouble: Option<Trouble>,
}

/// Why the last attempt to load came to nothing.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub when: SystemTime,
    pub what: String,
}

/// What lies in the files, or why that cannot be read.
type Written = Result<Vec<Text>, String>;

/// What lies in the files that a configuration refers to.
type Referred = BTreeMap<PathBuf, Result<Vec<u8>, String>>;

/// What was read, to be told from what is there later.
#[derive(PartialEq)]
struct Read {
    written: Written,
    referred: Referred,
}

/// What was read last.
struct Last {
    read: Read,
    /// What was understood of it, whether or not it could be put to work: what it refers to may still come.
    understood: Arc<Config>,
}

/// What was read, and what is to be said of it.
pub struct Loaded {
    pub config: Config,
    notes: Vec<Diagnostic>,
    texts: Vec<Text>,
}

// === impl Plan ===

impl Plan {
    /// The configuration as it is now.
    ///
    /// # Errors
    /// All that is wrong with it, as `outcrop check` shows it.
    pub async fn load(&self) -> anyhow::Result<Loaded> {
        self.understand(self.read().map_err(anyhow::Error::msg)?).await
    }

    fn read(&self) -> Written {
        match self {
            Self::Flags(_) => Ok(Vec::new()),
            Self::Files { files, .. } => {
                // A file system that is far away may take its time.
                let read = tokio::task::block_in_place(|| files.read());
                read.map_err(|error| format!("{error:#}"))
            }
        }
    }

    async fn understand(&self, texts: Vec<Text>) -> anyhow::Result<Loaded> {
        match self {
            Self::Flags(config) => {
                Ok(Loaded { config: (**config).clone(), notes: Vec::new(), texts })
            }
            Self::Files { gaps, emulated, listen, .. } => {
                let (mut config, mut notes) = check::understand(&texts)?;
                if listen.is_some() {
                    notes.retain(|note| !is_of_a_listener(note));
                }
                gaps.fill(&mut config);
                if let Some(emulated) = emulated {
                    emulated_instead(&mut config, emulated, &Around::default()).await;
                }
                Ok(Loaded { config, notes, texts })
            }
        }
    }

    /// The files and folders that were named.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Flags(_) => Vec::new(),
            Self::Files { files, .. } => files.names(),
        }
    }
}

// === impl Read ===

impl Read {
    /// Whether all of it is in `last`, which may have read more: files that the configuration before referred to.
    fn is_in(&self, last: &Self) -> bool {
        let is_same = |(path, text)| last.referred.get(path) == Some(text);
        self.written == last.written && self.referred.iter().all(is_same)
    }
}

// === impl Running ===

impl Running {
    /// Puts the first configuration to work.
    ///
    /// # Errors
    /// All that is wrong with it, at once.
    pub async fn start(plan: Plan, loaded: Loaded, parts: Parts) -> anyhow::Result<Self> {
        let Parts { gateway, metrics, admission, addresses, certified } = parts;
        let at_work = AtWork {
            config: Arc::default(),
            generation: 0,
            since: SystemTime::now(),
            trouble: None,
        };
        let running = Self {
            plan,
            gateway: Arc::new(gateway),
            metrics,
            admission,
            last: tokio::sync::Mutex::new(Last {
                read: Read {
                    written: Ok(loaded.texts.clone()),
                    referred: referred(&[&loaded.config], &certified),
                },
                understood: Arc::new(loaded.config.clone()),
            }),
            addresses,
            certified,
            at_work: Mutex::new(at_work),
        };
        running.put_to_work(loaded).await?;
        Ok(running)
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Whether whoever shows no key is served.
    pub fn is_anonymous(&self) -> bool {
        self.admission.is_anonymous(&self.at_work().config.admission)
    }

    pub fn at_work(&self) -> AtWork {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files and folders that were named.
    pub fn names(&self) -> Vec<String> {
        self.plan.names()
    }

    /// Loads the configuration anew, and logs what came of it, `cause` included.
    ///
    /// # Errors
    /// All that is wrong with it, at once; what was at work before stays.
    pub async fn reload(&self, cause: &str) -> Result<u64, String> {
        let mut last = self.last.lock().await;
        self.load(self.read(&last.understood), &mut last, cause).await
    }

    /// Loads the configuration anew if its files have changed. What is being written is left to be.
    pub async fn look(&self) {
        let mut last = self.last.lock().await;
        let mut now = self.read(&last.understood);
        if now.is_in(&last.read) {
            return;
        }
        for _ in 0..MOST_LOOKS {
            tokio::time::sleep(SETTLE).await;
            let then = std::mem::replace(&mut now, self.read(&last.understood));
            if now == then {
                break;
            }
        }
        if !now.is_in(&last.read) {
            // What went wrong has been said.
            let _told = self.load(now, &mut last, "a file has changed").await;
        }
    }

    fn read(&self, understood: &Config) -> Read {
        Read { written: self.plan.read(), referred: self.referred(understood) }
    }

    /// What the configuration at work and `next` refer to.
    fn referred(&self, next: &Config) -> Referred {
        referred(&[&self.at_work().config, next], &self.certified)
    }

    async fn load(&self, now: Read, last: &mut Last, cause: &str) -> Result<u64, String> {
        let before = self.at_work().config;
        let written = now.written.clone();
        last.read = now;
        let outcome = match written {
            Ok(texts) => match self.plan.understand(texts).await {
                Ok(loaded) => {
                    last.understood = Arc::new(loaded.config.clone());
                    // Before it is used: what changes from here on is seen when it is looked at next.
                    last.read.referred = self.referred(&loaded.config);
                    self.put_to_work(loaded).await
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(anyhow::Error::msg(error)),
        };
        match outcome {
            Ok(()) => {
                let AtWork { config, generation, .. } = self.at_work();
                needs_restart(&before, &config);
                tracing::info!(cause, generation, "the configuration was loaded");
                Ok(generation)
            }
            Err(error) => {
                self.renew_keys(&before.admission);
                let what = format!("{error:#}");
                let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
                let generation = at_work.generation;
                let when = SystemTime::now();
                self.metrics.not_loaded(when);
                at_work.trouble = Some(Trouble { when, what: what.clone() });
                // Told last: whoever reads it finds the rest.
                tracing::error!(
                    cause,
                    generation,
                    "the configuration was not loaded, and the one before stays: {what}"
                );
                Err(what)
            }
        }
    }

    /// Lets callers in by what the files of the keys at work say now: a token that was taken away, or changed,
    /// counts whatever else is wrong.
    fn renew_keys(&self, at_work: &outcrop_config::Admission) {
        match self.admission.prepare(at_work, &self.addresses) {
            Ok(admission) => self.gateway.admit(self.admission.keep(admission)),
            Err(why) => tracing::error!("the files of client keys were not read again: {why}"),
        }
    }

    async fn put_to_work(&self, Loaded { config, notes, texts }: Loaded) -> anyhow::Result<()> {
        // Judged first, as it can fail; it counts last.
        let admission = self.admission.prepare(&config.admission, &self.addresses);
        let admission = admission.map_err(anyhow::Error::msg)?;
        let certificates = self.certified.renewed(&config.listeners).map_err(anyhow::Error::msg)?;
        let more = self.gateway.reload(&config).await.map_err(|found| match &self.plan {
            Plan::Flags(_) => anyhow::anyhow!(told(&found, Severity::Error)),
            Plan::Files { .. } => {
                // A warning may say why, such as of variables that are set elsewhere.
                let warnings = notes.iter().filter(|note| note.severity == Severity::Warning);
                let all: Vec<_> = warnings.cloned().chain(found).collect();
                check::wrong(&all, &texts)
            }
        })?;
        self.gateway.admit(self.admission.keep(admission));
        certificates.put_to_work();
        let notes = notes.into_iter().chain(more);
        for note in notes {
            let said = told(std::slice::from_ref(&note), Severity::Notice);
            match note.severity {
                Severity::Notice => tracing::info!("{said}"),
                Severity::Warning | Severity::Error => tracing::warn!("{said}"),
            }
        }
        let next = AtWork {
            config: Arc::new(config),
            generation: self.gateway.generation(),
            since: SystemTime::now(),
            trouble: None,
        };
        self.metrics.loaded(next.since);
        *self.at_work.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

/// Whether this only tells where a Gateway's listener is opened.
fn is_of_a_listener(note: &Diagnostic) -> bool {
    note.severity == Severity::Notice && note.origin.path.starts_with("spec.listeners")
}

/// What lies in the files that `configs` refer to: keys of clients, roots to trust, and certificates.
fn referred(configs: &[&Config], certified: &Certified) -> Referred {
    // Each once: many backends may trust the same.
    let files: BTreeSet<_> = configs.iter().flat_map(|config| files(config, certified)).collect();
    let read =
        |path: &Path| (path.to_owned(), std::fs::read(path).map_err(|error| error.to_string()));
    tokio::task::block_in_place(|| files.into_iter().map(read).collect())
}

fn files<'a>(config: &'a Config, certified: &'a Certified) -> impl Iterator<Item = &'a Path> {
    let secrets = config.admission.keys.iter().flat_map(|key| key.proof.secrets());
    let keys = secrets.filter_map(|secret| match secret {
        Secret::File(path) => Some(path.as_path()),
        Secret::Env(_) | Secret::Inline(_) => None,
    });
    let roots = config.backends.values().filter_map(|backend| backend.ca_bundle.as_deref());
    keys.chain(roots).chain(certified.files(&config.listeners))
}

/// Says what of a new configuration counts after a restart only.
fn needs_restart(before: &Config, now: &Config) {
    let parts = [
        ("listeners", doors(&before.listeners) != doors(&now.listeners)),
        ("the store of limits", before.store != now.store),
    ];
    for (part, _) in parts.into_iter().filter(|(_, changed)| *changed) {
        tracing::warn!("{part}: what has changed there counts after a restart");
    }
}

/// What of listeners is as it was at the start.
fn doors(listeners: &[Listener]) -> Vec<(&str, SocketAddr, Option<Discriminant<ListenerTls>>)> {
    let doors = listeners.iter().map(|Listener { name, address, tls }| {
        (name.as_str(), *address, tls.as_ref().map(discriminant))
    });
    doors.collect()
}
