//! Which id Bedrock is asked for, and what the process has learned about the models behind the ids.
//!
//! 1. A friendly name is resolved first ([`alias`]). An id that the caller wrote out is asked for as it
//!    is, unless the account's list or Bedrock's refusal says that it can be called through a profile
//!    only; then its profile of the chosen geography is asked for, and the answer says so.
//! 2. A profile outside of the chosen geographies is never asked for.
//! 3. What was learned ends with the process. There is a bound on it, past which nothing more is
//!    learned.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use outcrop_dialect::lesson::Lesson;
use outcrop_model::{Behind, Catalog, ErrorClass, Fault, Phase, alias};

use crate::account::{self, Account};

/// Models of which something can be learned: more than an account has.
const MOST: usize = 1000;

/// Whose inference profiles stand in for models that have no id of their own to call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Geography {
    /// Those near the gateway's own region.
    #[default]
    Home,
    /// This one's, such as `eu` or `global`.
    Named(String),
    /// None: the caller's id is never changed.
    Off,
}

/// What is to be called for the name that a caller wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callee {
    /// The id without what was learned: the key of everything that is.
    pub id: String,
    /// The id to ask Bedrock for.
    pub target: String,
    /// A beta of Anthropic's that the name asks for.
    pub beta: Option<&'static str>,
    /// The model behind the target, where the target does not name it.
    pub behind: Option<Behind>,
}

/// What was learned since the process began.
#[derive(Debug)]
pub struct Learned {
    /// Geographies to look for profiles in, nearest first.
    geographies: Vec<String>,
    account: Arc<Account>,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By target.
    lessons: HashMap<String, Arc<Lesson>>,
    /// By id: the place in `geographies` of the profile to call.
    profiles: HashMap<String, usize>,
}

// === impl Geography ===

impl Geography {
    /// What `word` stands for.
    ///
    /// # Errors
    /// When there is no such geography; says which there are.
    pub fn named(word: &str, catalog: &Catalog) -> Result<Self, String> {
        match word {
            "home" => Ok(Self::Home),
            "off" => Ok(Self::Off),
            word if catalog.is_geography(word) => Ok(Self::Named(word.to_owned())),
            _ => Err("choose home, off, us, us-gov, eu, apac, jp, au, in, ca, sa, me or global"
                .to_owned()),
        }
    }
}

// === impl Callee ===

impl Callee {
    /// The id that tells which model it is: the one behind the target, where that is known.
    pub fn model(&self) -> &str {
        self.behind.as_ref().map_or(&self.target, |behind| &behind.model)
    }

    /// The target as others than the operator may see it, unless they asked for just that.
    pub fn told(&self, asked: &str) -> Option<String> {
        let shown = account::shown(&self.target);
        (self.target != asked && shown != asked).then(|| shown.to_owned())
    }
}

// === impl Learned ===

impl Learned {
    pub fn new(
        geography: &Geography,
        account: Arc<Account>,
        region: &str,
        catalog: &Catalog,
    ) -> Self {
        let geographies = match geography {
            Geography::Home => catalog.homes(region).to_vec(),
            Geography::Named(name) => vec![name.clone()],
            Geography::Off => Vec::new(),
        };
        Self { geographies, account, inner: RwLock::default() }
    }

    /// At the same place, with nothing learned yet. What is listed there stays known.
    pub fn blank(&self) -> Self {
        let (geographies, account) = (self.geographies.clone(), Arc::clone(&self.account));
        Self { geographies, account, inner: RwLock::default() }
    }

    /// Takes over what was learned of the same account at the same place.
    pub fn take_over(&mut self, before: &Self) {
        self.account.take_over(&before.account);
        self.take_lessons(before);
    }

    /// The same, where the account's lists are shared.
    pub fn take_lessons(&mut self, before: &Self) {
        let known = before.inner.read().unwrap_or_else(PoisonError::into_inner);
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.lessons.clone_from(&known.lessons);
        if self.geographies == before.geographies {
            inner.profiles.clone_from(&known.profiles);
        }
    }

    /// What to call for `name`.
    pub fn callee(&self, name: &str) -> Callee {
        let alias::Named { id, beta } = alias::resolve(name);
        let id = self.account.whole(&id).map_or(id, Cow::Owned);
        let listed = || self.account.profile_for(&id, &self.geographies);
        let target = self.profile(&id).or_else(listed).unwrap_or_else(|| id.to_string());
        let behind = self.account.behind(&target);
        Callee { id: id.into_owned(), target, beta, behind }
    }

    /// Geographies whose profiles may stand in, nearest first.
    pub fn geographies(&self) -> &[String] {
        &self.geographies
    }

    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    fn profile(&self, id: &str) -> Option<String> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let geography = self.geographies.get(*inner.profiles.get(id)?)?;
        Some(format!("{geography}.{id}"))
    }

    /// What is known of a model beyond its card.
    pub fn about(&self, callee: &Callee) -> Option<Arc<Lesson>> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.lessons.get(&callee.target).cloned()
    }

    /// Learns from the refusal of `sent`. Whether the request is worth another plan.
    pub fn learn(&self, callee: &Callee, sent: &Bytes, fault: &Fault, catalog: &Catalog) -> bool {
        self.learn_target(callee, fault, catalog) || self.take_lesson(callee, sent, fault, catalog)
    }

    /// Learns from a refusal which id to call. Whether there is another one to try.
    pub fn learn_target(&self, callee: &Callee, fault: &Fault, catalog: &Catalog) -> bool {
        let is_early = matches!(fault.phase, Phase::AwaitingHead | Phase::BeforeCommit);
        let learned = is_early
            && match fault.class {
                ErrorClass::ProfileNeeded => self.go_through_profile(callee, catalog),
                ErrorClass::UnknownModel => self.try_next_profile(callee),
                _other_classes_are_not_about_the_id => false,
            };
        if learned {
            tracing::info!(model = callee.target, "not callable by this id; a profile is tried");
        }
        learned
    }

    /// Only a bare foundation id has profiles.
    fn go_through_profile(&self, callee: &Callee, catalog: &Catalog) -> bool {
        let Callee { id, target, .. } = callee;
        let is_bare = id == target && catalog.foundation_id(id) == id.as_str();
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if !is_bare || self.geographies.is_empty() || inner.profiles.len() >= MOST {
            return false;
        }
        inner.profiles.entry(id.clone()).or_insert(0);
        true
    }

    /// A profile that was guessed is not there: the next, or none.
    fn try_next_profile(&self, callee: &Callee) -> bool {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let tried = |at: usize| self.geographies.get(at).map(|g| format!("{g}.{}", callee.id));
        let Some(at) = inner.profiles.get_mut(&callee.id) else { return false };
        if tried(*at).as_deref() != Some(callee.target.as_str()) {
            // Another request has gone on from here.
            return callee.id != callee.target;
        }
        *at += 1;
        let any_left = *at < self.geographies.len();
        if !any_left {
            inner.profiles.remove(&callee.id);
        }
        any_left
    }

    fn take_lesson(&self, callee: &Callee, sent: &Bytes, fault: &Fault, catalog: &Catalog) -> bool {
        let known = self.about(callee);
        let known = known.map_or_else(
            || Lesson::of(catalog.card(callee.model())),
            |known| Lesson::clone(&known),
        );
        let Some(lesson) = known.learn(fault, sent) else { return false };
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let is_full = inner.lessons.len() >= MOST && !inner.lessons.contains_key(&callee.target);
        if !is_full {
            tracing::info!(
                model = callee.target,
                detail = fault.message.as_ref(),
                "what Bedrock refused is left out from now on"
            );
            inner.lessons.insert(callee.target.clone(), Arc::new(lesson));
        }
        !is_full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_aws::{
        AwsClient, ClientConfig, CredentialSource, Credentials, Endpoint, Endpoints, Region,
    };

    const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

    fn learned(geography: Geography, region: &str) -> Learned {
        let region = Region::new(region, "test").unwrap();
        let endpoint = Endpoint::parse("http://127.0.0.1:1", "test").unwrap();
        let credentials = Credentials::keys("AKIDEXAMPLE", "secret", None).unwrap();
        let endpoints = Endpoints::single(region.clone(), endpoint);
        let config = ClientConfig::new(endpoints, CredentialSource::Static(credentials));
        let catalog = Catalog::built_in();
        let account = Account::new(Arc::new(AwsClient::new(config).unwrap()), catalog);
        Learned::new(&geography, account, region.as_str(), catalog)
    }

    fn hear(learned: &Learned, name: &str, class: ErrorClass) -> bool {
        let fault = Fault::new(class, Phase::AwaitingHead, "no");
        learned.learn(&learned.callee(name), &Bytes::new(), &fault, Catalog::built_in())
    }

    #[test]
    fn rule_1_a_profile_is_called_once_it_is_needed() {
        let learned = learned(Geography::Home, "eu-west-1");
        assert_eq!(learned.callee("claude-sonnet-4-5").target, SONNET);
        assert!(hear(&learned, "claude-sonnet-4-5", ErrorClass::ProfileNeeded));
        assert_eq!(learned.callee(SONNET).target, format!("eu.{SONNET}"));
        assert!(!hear(&learned, SONNET, ErrorClass::ProfileNeeded));
        for written_out in [format!("us.{SONNET}"), "arn:aws:bedrock:x:1:y/z".to_owned()] {
            assert!(!hear(&learned, &written_out, ErrorClass::ProfileNeeded));
        }
    }

    #[test]
    fn rule_2_only_chosen_geographies_are_tried() {
        let off = learned(Geography::Off, "us-east-1");
        assert!(!hear(&off, SONNET, ErrorClass::ProfileNeeded));
        let japan = learned(Geography::Home, "ap-northeast-1");
        let mut tried = Vec::new();
        assert!(hear(&japan, SONNET, ErrorClass::ProfileNeeded));
        loop {
            tried.push(japan.callee(SONNET).target);
            if !hear(&japan, SONNET, ErrorClass::UnknownModel) {
                break;
            }
        }
        assert_eq!(tried, [format!("jp.{SONNET}"), format!("apac.{SONNET}")]);
        assert_eq!(japan.callee(SONNET).target, SONNET);
    }

    #[test]
    fn a_model_that_is_not_known_teaches_nothing() {
        assert!(!hear(&learned(Geography::Home, "us-east-1"), "nope.x", ErrorClass::UnknownModel));
    }
}
