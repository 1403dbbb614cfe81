//! Policies, and changes to requests.

use super::Context;
use crate::edit::{BodyEdit, BodyEdits, HeaderEdit, HeaderEdits, Message, Mode};
use crate::front::Item;
use crate::front::outcrop::short::Many;
use crate::front::outcrop::written;
use crate::policy::{CacheRule, Guardrail, Policy, RetryPolicy, Timeouts};

impl Context<'_, '_> {
    pub(in crate::front::outcrop) fn defaults(&mut self, written: written::Policy) -> Option<Item> {
        Some(Item::Defaults(Box::new(written.into()), self.origin()))
    }
}

impl From<written::Policy> for Policy {
    fn from(written: written::Policy) -> Self {
        let written::Policy {
            fidelity,
            carrier,
            timeouts,
            retry,
            headers,
            body,
            guardrail,
            cache,
            cost_header,
            route_header,
            affinity,
            session_header,
        } = written;
        Self {
            fidelity: fidelity.map(Into::into),
            carrier: carrier.map(Into::into),
            timeouts: timeouts.into(),
            retry: retry.into(),
            headers: header_edits(headers),
            body: body_edits(body),
            guardrail: guardrail.map(|written::Guardrail { id, version, trace }| Guardrail {
                id,
                version,
                trace,
            }),
            cache: cache.map(|written::Cache { system, messages, tools, min_tokens }| CacheRule {
                system,
                messages,
                tools,
                min_tokens,
            }),
            cost_header,
            route_header,
            session_header: session_header.map(|name| name.to_lowercase()),
            affinity,
        }
    }
}

impl From<written::Timeouts> for Timeouts {
    fn from(written: written::Timeouts) -> Self {
        let written::Timeouts { connect, first_byte, idle, attempt, request } = written;
        Self {
            connect: connect.map(|duration| duration.0),
            first_byte: first_byte.map(|duration| duration.0),
            idle: idle.map(|duration| duration.0),
            attempt: attempt.map(|duration| duration.0),
            request: request.map(|duration| duration.0),
        }
    }
}

impl From<written::Retry> for RetryPolicy {
    fn from(written: written::Retry) -> Self {
        let written::Retry { attempts, total_attempts, base, cap, also_on } = written;
        Self {
            attempts,
            total_attempts,
            base: base.map(|duration| duration.0),
            cap: cap.map(|duration| duration.0),
            also_on: also_on.0,
        }
    }
}

pub(super) fn header_edits(steps: Many<written::HeaderStep>) -> HeaderEdits {
    let mut edits = Vec::new();
    for written::HeaderStep { set, add, remove } in steps.0 {
        edits.extend(set.0.into_iter().map(|(name, value)| HeaderEdit::Set { name, value }));
        edits.extend(add.0.into_iter().map(|(name, value)| HeaderEdit::Add { name, value }));
        edits.extend(remove.0.into_iter().map(|name| HeaderEdit::Remove { name }));
    }
    edits
}

pub(super) fn body_edits(steps: Many<written::BodyStep>) -> BodyEdits {
    let mut edits = Vec::new();
    for written::BodyStep { set, default, remove, prompt } in steps.0 {
        let put = |mode| {
            move |(path, value): (String, serde_json::Value)| BodyEdit::Set {
                path,
                value: value.to_string(),
                mode,
            }
        };
        edits.extend(set.0.into_iter().map(put(Mode::Override)));
        edits.extend(default.0.into_iter().map(put(Mode::Default)));
        edits.extend(remove.0.into_iter().map(|path| BodyEdit::Remove { path }));
        edits.extend(prompt.map(|written::Prompt { prepend, append }| BodyEdit::Prompt {
            prepend: messages(prepend),
            append: messages(append),
        }));
    }
    edits
}

fn messages(written: Many<written::Message>) -> Vec<Message> {
    let message = |written::Message { role, content }| Message { role, content };
    written.0.into_iter().map(message).collect()
}
