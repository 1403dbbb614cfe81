//! The task that keeps the lists up to date.
//!
//! 1. It is no part of any request or of the start, and it ends with its [`Watch`].
//! 2. A list becomes known when foundation models and profiles both are; before that the catalog's is.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::disk::Cache;
use super::lists::Lists;
use super::models::AccountModels;
use super::{Account, ask};

/// How far a pause may be from the wish, either way: gateways that start together do not ask together.
const JITTER: f64 = 0.1;

/// How an account's models are listed.
#[derive(Debug, Clone)]
pub struct Listing {
    pub period: Duration,
    /// Where the last lists are kept between runs.
    pub cache: Option<Cache>,
}

/// A task that refreshes the lists until this is dropped.
#[derive(Debug)]
pub struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Account {
    /// Keeps the lists up to date from now on: at once and then each `period`, starting with what
    /// the cache holds of an earlier run.
    pub fn watch(self: &Arc<Self>, listing: &Listing) -> Watch {
        let account = Arc::clone(self);
        let Listing { period, cache } = listing.clone();
        Watch(tokio::spawn(async move {
            let key = account.aws.account_key().await;
            let cache = cache.zip(key).map(|(cache, key)| cache.keyed(&key));
            // What is known already is younger than what is kept.
            let known = account.models().map(|models| models.lists().clone());
            let mut lists = known.or_else(|| {
                let kept = cache.as_ref()?.read()?;
                account.learn(kept.clone());
                Some(kept)
            });
            loop {
                lists = account.refresh(lists).await;
                if let (Some(cache), Some(lists)) = (&cache, &lists) {
                    cache.write(lists);
                }
                let scale = 1.0 + JITTER * (2.0 * fastrand::f64() - 1.0);
                tokio::time::sleep(period.mul_f64(scale)).await;
            }
        }))
    }

    /// Asks for all lists, once; a list that fails keeps what `last` holds. What is known now.
    pub async fn refresh(&self, last: Option<Lists>) -> Option<Lists> {
        let (lists, missing) = ask::everything(&self.aws, last).await;
        self.warn(&missing);
        if let Some(lists) = &lists {
            self.learn(lists.clone());
        }
        lists
    }

    fn learn(&self, lists: Lists) {
        let known = AccountModels::new(lists, self.catalog);
        tracing::debug!(models = known.lists().foundation.len(), "the account's models are known");
        self.models.store(Some(Arc::new(known)));
    }
}
