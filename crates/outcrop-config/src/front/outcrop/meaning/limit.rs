//! Limits and their store.

use std::time::Duration;

use outcrop_model::PicoUsd;

use super::route::{header_matches, patterns};
use super::{Context, Needed};
use crate::front::Item;
use crate::front::outcrop::print::{Printing, text};
use crate::front::outcrop::short::{Many, Short, Table};
use crate::front::outcrop::written;
use crate::limit::{Budget, Limit, Measure, OnStoreLoss, Per, Selector, Store, Unless, Window};
use crate::route::Pattern;
use crate::words;

impl Context<'_, '_> {
    pub(in crate::front::outcrop) fn limit(&mut self, written: written::Limit) -> Option<Item> {
        let measured = self.measure(&written);
        let written::Limit { name, window, soft, webhook, when, unless, each, .. } = written;
        let budget = Budget {
            soft: soft.map(|soft| soft.0),
            webhook: webhook.map(|webhook| self.secret(webhook, "webhook")),
        };
        let (measure, amount) = measured?;
        let (measure, window) = match measure {
            Measure::Concurrent => (Measure::Concurrent, Some(Window::Rolling(Duration::ZERO))),
            Measure::Money(_) => (Measure::Money(budget.clone()), self.window(window.as_deref())),
            other => (other, self.window(window.as_deref())),
        };
        if !matches!(measure, Measure::Money(_)) && budget != Budget::default() {
            self.error("", "`soft` and `webhook` are for budgets", Some("a budget has `money`"));
        }
        Some(Item::Limit(Limit {
            name,
            selector: selector((when, unless), each.0),
            measure,
            amount,
            window: window?,
            origin: self.origin(),
        }))
    }

    fn measure(&mut self, written: &written::Limit) -> Option<(Measure, u128)> {
        let count =
            |measure: Measure, number: Option<u64>| number.map(|n| (measure, u128::from(n)));
        let cel = written.cel.clone().map(Measure::Cel);
        let is_half = cel.is_some() != written.amount.is_some();
        if is_half && !self.gaps.hide("amount") {
            self.error("cel", "`cel` and `amount` belong together", None);
            return None;
        }
        let choices = vec![
            ("requests", count(Measure::Requests, written.requests)),
            ("input_tokens", count(Measure::InputTokens, written.input_tokens)),
            ("output_tokens", count(Measure::OutputTokens, written.output_tokens)),
            ("total_tokens", count(Measure::TotalTokens, written.total_tokens)),
            ("cached_input_tokens", count(Measure::CachedInputTokens, written.cached_input_tokens)),
            ("cache_write_tokens", count(Measure::CacheWriteTokens, written.cache_write_tokens)),
            ("reasoning_tokens", count(Measure::ReasoningTokens, written.reasoning_tokens)),
            ("concurrent", count(Measure::Concurrent, written.concurrent)),
            (
                "money",
                written.money.map(|money| (Measure::Money(Budget::default()), money.0.get())),
            ),
            ("cel", cel.zip(written.amount.map(u128::from))),
        ];
        self.only(choices, Needed::Yes)
    }

    fn window(&mut self, word: Option<&str>) -> Option<Window> {
        let second = Duration::from_secs(1);
        let window = match word {
            None => {
                self.error(
                    "",
                    "`window` is missing",
                    Some("write day, week, month, minute, 30s, …"),
                );
                return None;
            }
            Some("second") => Window::Rolling(second),
            Some("minute") => Window::Rolling(second * 60),
            Some("hour") => Window::Rolling(second * 3_600),
            Some("day") => Window::Day,
            Some("week") => Window::Week,
            Some("month") => Window::Month,
            Some(other) => match words::duration(other) {
                Ok(stretch) if stretch > Duration::ZERO => Window::Rolling(stretch),
                Ok(_) | Err(_) => {
                    let hint =
                        "write second, minute, hour, day, week, month, or a duration such as 30s";
                    self.error("window", format!("`{other}` is no window"), Some(hint));
                    return None;
                }
            },
        };
        Some(window)
    }

    pub(in crate::front::outcrop) fn store(&mut self, written: written::Store) -> Option<Item> {
        let store = match written {
            written::Store::Memory => Store::Memory,
            written::Store::File(path) => Store::File(path.into()),
            written::Store::Redis(written::Redis { url, on_loss }) => Store::Redis {
                // An address need not have a password in it.
                url: self.quiet_secret(url, "redis.url"),
                on_loss: match on_loss {
                    written::OnLoss::Local => OnStoreLoss::Local,
                    written::OnLoss::Refuse => OnStoreLoss::Refuse,
                },
            },
        };
        Some(Item::Store(store, self.origin()))
    }
}

fn selector(
    (when, unless): (written::When, written::Unless),
    each: Vec<written::Each>,
) -> Selector {
    let written::When { routes, keys, models, tags, headers } = when;
    let models_of = |many: Many<Short<written::Pattern>>| -> Vec<Pattern> {
        many.0.into_iter().map(|Short(pattern)| pattern.into()).collect()
    };
    let per = |each| match each {
        written::Each::Key => Per::Key,
        written::Each::Route => Per::Route,
        written::Each::Model => Per::Model,
        written::Each::Peer => Per::Peer,
        written::Each::Tag(name) => Per::Tag(name),
        written::Each::Header(name) => Per::Header(name),
    };
    Selector {
        routes: routes.0,
        keys: keys.0,
        models: models_of(models),
        tags: tags.0,
        headers: header_matches(headers),
        unless: Unless {
            keys: unless.keys.0,
            models: models_of(unless.models),
            headers: header_matches(unless.headers),
        },
        per: each.into_iter().map(per).collect(),
    }
}

impl Printing {
    pub(in crate::front::outcrop) fn limit(&mut self, limit: &Limit) -> written::Limit {
        let Limit { name, selector, measure, amount, window, origin: _ } = limit;
        let Selector { routes, keys, models, tags, headers, unless, per } = selector;
        let written_models =
            |models: &[Pattern]| Many(models.iter().map(|model| Short(model.into())).collect());
        let mut written = written::Limit {
            name: name.clone(),
            window: (*measure != Measure::Concurrent).then(|| written_window(*window)),
            when: written::When {
                routes: Many(routes.clone()),
                keys: Many(keys.clone()),
                models: written_models(models),
                tags: Table(tags.clone()),
                headers: patterns(headers),
            },
            unless: written::Unless {
                keys: Many(unless.keys.clone()),
                models: written_models(&unless.models),
                headers: patterns(&unless.headers),
            },
            each: Many(per.iter().map(written_per).collect()),
            ..written::Limit::default()
        };
        let count = Some(u64::try_from(*amount).unwrap_or(u64::MAX));
        match measure {
            Measure::Requests => written.requests = count,
            Measure::InputTokens => written.input_tokens = count,
            Measure::OutputTokens => written.output_tokens = count,
            Measure::TotalTokens => written.total_tokens = count,
            Measure::CachedInputTokens => written.cached_input_tokens = count,
            Measure::CacheWriteTokens => written.cache_write_tokens = count,
            Measure::ReasoningTokens => written.reasoning_tokens = count,
            Measure::Concurrent => written.concurrent = count,
            Measure::Cel(expression) => {
                written.cel = Some(expression.clone());
                written.amount = count;
            }
            Measure::Money(Budget { soft, webhook }) => {
                written.money = Some(written::MoneyText(PicoUsd::new(*amount)));
                written.soft = soft.map(written::MoneyText);
                written.webhook = webhook.as_ref().map(|webhook| self.secret(webhook));
            }
        }
        written
    }

    pub(in crate::front::outcrop) fn store(&mut self, store: &Store) -> Option<written::Store> {
        match store {
            Store::Memory => None,
            Store::File(path) => Some(written::Store::File(text(path))),
            Store::Redis { url, on_loss } => Some(written::Store::Redis(written::Redis {
                url: self.secret(url),
                on_loss: match on_loss {
                    OnStoreLoss::Local => written::OnLoss::Local,
                    OnStoreLoss::Refuse => written::OnLoss::Refuse,
                },
            })),
        }
    }
}

fn written_window(window: Window) -> String {
    match window {
        Window::Rolling(stretch) => match (stretch.subsec_nanos(), stretch.as_secs()) {
            (0, 1) => "second".to_owned(),
            (0, 60) => "minute".to_owned(),
            (0, 3_600) => "hour".to_owned(),
            (_, _) => humantime::format_duration(stretch).to_string(),
        },
        Window::Day => "day".to_owned(),
        Window::Week => "week".to_owned(),
        Window::Month => "month".to_owned(),
    }
}

fn written_per(per: &Per) -> written::Each {
    match per {
        Per::Key => written::Each::Key,
        Per::Route => written::Each::Route,
        Per::Model => written::Each::Model,
        Per::Peer => written::Each::Peer,
        Per::Tag(name) => written::Each::Tag(name.clone()),
        Per::Header(name) => written::Each::Header(name.clone()),
    }
}
