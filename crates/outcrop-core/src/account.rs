//! What the gateway knows of one AWS account in one region: which models it can call, and which model is
//! behind an ARN that does not say so.
//!
//! 1. No request waits for a list. One waits for what is behind an ARN only the first time that the ARN
//!    is seen, and never longer than [`PATIENCE`]; without an answer the ARN is a model that nobody
//!    has described, as before.
//! 2. A list is swapped whole. One that fails leaves the last in place.
//! 3. What the identity may not ask is said once in the log, with the action to grant.
//! 4. Nothing here is shared between accounts: each [`AwsClient`] has its own.

mod arn;
mod ask;
mod disk;
mod entries;
mod lists;
mod models;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use outcrop_aws::AwsClient;
use outcrop_model::{Behind, Catalog, Charge, ErrorClass};
use tokio::sync::watch as channel;
use tokio::time::{Instant, timeout, timeout_at};

use self::arn::Kind;
pub use self::arn::{opaque, shown};
use self::ask::Missing;
pub use self::disk::Cache;
pub use self::lists::Lists;
pub use self::models::AccountModels;
pub use self::watch::{Listing, Watch};

/// How long a request may wait for what is behind its ARN: a control plane answers within half a second.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the question itself may take, retries and hops included.
const QUESTION: Duration = Duration::from_secs(20);
/// After this time an ARN that led to nothing is asked about again.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// ARNs that are kept in mind: more than an account has.
const MOST: usize = 1000;

/// See the module.
#[derive(Debug)]
pub struct Account {
    aws: Arc<AwsClient>,
    catalog: &'static Catalog,
    /// `None` until a list is known.
    models: ArcSwapOption<AccountModels>,
    /// By ARN.
    asked: Mutex<HashMap<String, Asked>>,
    /// Actions whose refusal is in the log.
    refused: Mutex<BTreeSet<&'static str>>,
}

/// A question about one ARN, under way or answered.
#[derive(Debug, Clone)]
struct Asked {
    at: Instant,
    /// `None` while under way.
    answer: channel::Receiver<Option<Answer>>,
}

/// The model behind, where there is one and it could be told.
type Answer = Option<Behind>;

// === impl Asked ===

impl Asked {
    fn found(&self) -> bool {
        matches!(*self.answer.borrow(), Some(Some(_)))
    }
}

// === impl Account ===

impl Account {
    pub fn new(aws: Arc<AwsClient>, catalog: &'static Catalog) -> Arc<Self> {
        Arc::new(Self {
            aws,
            catalog,
            models: ArcSwapOption::empty(),
            asked: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    /// Takes over what is known by another client of the same account and region. What that one found nothing
    /// behind is asked about anew.
    pub fn take_over(&self, before: &Self) {
        // The watch of this one may have been faster.
        self.models.compare_and_swap(&None::<Arc<AccountModels>>, before.models());
        let known = before.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.extend(known.into_iter().filter(|(_, asked)| asked.found()));
        drop(asked);
        let said = before.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).extend(said);
    }

    /// What the account can call; `None` while that is not known.
    pub fn models(&self) -> Option<Arc<AccountModels>> {
        self.models.load_full()
    }

    /// The ARN behind a short form of it, such as `imported-model/ab12`.
    pub fn whole(&self, id: &str) -> Option<String> {
        // Foundation ids and ARNs, which come with every request, need no look-up.
        if id.starts_with("arn:") || !id.contains('/') {
            return None;
        }
        Some(self.models.load().as_ref()?.whole(id)?.to_owned())
    }

    /// The profile to call instead of a model that has no id of its own to call.
    pub fn profile_for(&self, id: &str, geographies: &[String]) -> Option<String> {
        Some(self.models.load().as_ref()?.profile_for(id, geographies)?.to_owned())
    }

    /// The model behind an ARN, as far as is known; `None` for ids that name their model.
    pub fn behind(&self, id: &str) -> Option<Behind> {
        arn::kind(id)?;
        if let Some(behind) = self.models.load().as_ref().and_then(|models| models.behind(id)) {
            return Some(behind.clone());
        }
        if let Some(base) = arn::base(id) {
            return Some(Behind { model: base.to_owned(), charge: Charge::Other });
        }
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(id)?.answer.borrow().clone().flatten()
    }

    /// Sees to it that what is behind `id` is known, if it is an ARN that does not say so: rule 1.
    pub async fn acquaint(self: &Arc<Self>, id: &str) {
        // Nothing of Bedrock's is behind what was imported.
        if matches!(arn::kind(id), None | Some(Kind::Imported)) || self.behind(id).is_some() {
            return;
        }
        let Some(Asked { at, mut answer }) = self.ask(id) else { return };
        // Nothing is missing: who waited too long goes on without.
        let _answered = timeout_at(at + PATIENCE, answer.wait_for(Option::is_some)).await;
    }

    /// The question about an ARN, put unless it has been; `None` when no more can be kept in mind.
    fn ask(self: &Arc<Self>, id: &str) -> Option<Asked> {
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = all.get(id)
            && asked.at.elapsed() < ASK_AGAIN
        {
            return Some(asked.clone());
        }
        if all.len() >= MOST && !all.contains_key(id) {
            return None;
        }
        let (told, answer) = channel::channel(None);
        let asked = Asked { at: Instant::now(), answer };
        all.insert(id.to_owned(), asked.clone());
        let (account, id) = (Arc::clone(self), id.to_owned());
        tokio::spawn(async move {
            let answer = account.put(&id).await;
            // Nobody may be waiting any more; the answer stays in the channel.
            told.send_replace(Some(answer));
        });
        Some(asked)
    }

    async fn put(&self, id: &str) -> Answer {
        match timeout(QUESTION, ask::behind(&self.aws, self.catalog, id)).await {
            Ok(Ok(behind)) => behind,
            Ok(Err(missing)) => {
                self.warn(&[missing]);
                None
            }
            Err(_elapsed) => None,
        }
    }

    /// One line for all that the identity may not ask and that was not said before.
    fn warn(&self, missing: &[Missing]) {
        let mut known = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = Vec::new();
        for Missing { action, fault } in missing {
            if fault.class != ErrorClass::AccessDenied {
                tracing::debug!(action, class = fault.class.as_str(), "models were not told");
            } else if known.insert(action) {
                news.push(*action);
            }
        }
        if !news.is_empty() {
            tracing::warn!(
                grant = news.join(", "),
                "the AWS identity may not ask about models; what the catalog knows serves instead"
            );
        }
    }
}
