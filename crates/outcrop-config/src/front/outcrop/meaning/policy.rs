//! Policies, and changes to requests.

use outcrop_model::chat::CacheTtl;

use super::Context;
use crate::edit::{BodyEdit, BodyEdits, HeaderEdit, HeaderEdits, Message, Mode};
use crate::front::Item;
use crate::front::outcrop::short::Many;
use crate::front::outcrop::written;
use crate::policy::{AttemptTimeouts, CacheRule, Guardrail, Policy, RetryPolicy, Timeouts};

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
            cache: cache.map(Into::into),
            cost_header,
            route_header,
            session_header: session_header.map(|name| name.to_lowercase()),
            affinity,
        }
    }
}

impl From<written::Cache> for CacheRule {
    fn from(written: written::Cache) -> Self {
        let written::Cache { system, messages, tools, message_offset, min_tokens, ttl } = written;
        let ttl = ttl.map_or(CacheTtl::Default, |ttl| match ttl {
            written::CacheTtl::FiveMinutes => CacheTtl::FiveMinutes,
            written::CacheTtl::OneHour => CacheTtl::OneHour,
        });
        Self { system, messages, tools, message_offset, min_tokens, ttl }
    }
}

impl From<CacheRule> for written::Cache {
    fn from(rule: CacheRule) -> Self {
        let CacheRule { system, messages, tools, message_offset, min_tokens, ttl } = rule;
        let ttl = match ttl {
            CacheTtl::Default => None,
            CacheTtl::FiveMinutes => Some(written::CacheTtl::FiveMinutes),
            CacheTtl::OneHour => Some(written::CacheTtl::OneHour),
        };
        Self { system, messages, tools, message_offset, min_tokens, ttl }
    }
}

impl From<written::AttemptTimeouts> for AttemptTimeouts {
    fn from(written: written::AttemptTimeouts) -> Self {
        let written::AttemptTimeouts { connect, first_byte, idle, attempt } = written;
        Self {
            connect: connect.map(|duration| duration.0),
            first_byte: first_byte.map(|duration| duration.0),
            idle: idle.map(|duration| duration.0),
            attempt: attempt.map(|duration| duration.0),
        }
    }
}

impl From<written::Timeouts> for Timeouts {
    fn from(written: written::Timeouts) -> Self {
        let written::Timeouts { connect, first_byte, idle, attempt, begin, request } = written;
        Self {
            connect: connect.map(|duration| duration.0),
            first_byte: first_byte.map(|duration| duration.0),
            idle: idle.map(|duration| duration.0),
            attempt: attempt.map(|duration| duration.0),
            begin: begin.map(|duration| duration.0),
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

impl From<&Policy> for written::Policy {
    fn from(policy: &Policy) -> Self {
        let Policy {
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
            session_header,
            affinity,
        } = policy;
        Self {
            fidelity: fidelity.map(Into::into),
            carrier: carrier.and_then(written::CarrierWord::of),
            timeouts: timeouts.into(),
            retry: retry.into(),
            headers: header_steps(headers),
            body: body_steps(body),
            guardrail: guardrail.as_ref().map(|Guardrail { id, version, trace }| {
                written::Guardrail { id: id.clone(), version: version.clone(), trace: *trace }
            }),
            cache: cache.map(Into::into),
            cost_header: *cost_header,
            route_header: *route_header,
            session_header: session_header.clone(),
            affinity: *affinity,
        }
    }
}

impl From<&AttemptTimeouts> for written::AttemptTimeouts {
    fn from(timeouts: &AttemptTimeouts) -> Self {
        let AttemptTimeouts { connect, first_byte, idle, attempt } = timeouts;
        Self {
            connect: connect.map(written::DurationText),
            first_byte: first_byte.map(written::DurationText),
            idle: idle.map(written::DurationText),
            attempt: attempt.map(written::DurationText),
        }
    }
}

impl From<&Timeouts> for written::Timeouts {
    fn from(timeouts: &Timeouts) -> Self {
        let Timeouts { connect, first_byte, idle, attempt, begin, request } = timeouts;
        Self {
            connect: connect.map(written::DurationText),
            first_byte: first_byte.map(written::DurationText),
            idle: idle.map(written::DurationText),
            attempt: attempt.map(written::DurationText),
            begin: begin.map(written::DurationText),
            request: request.map(written::DurationText),
        }
    }
}

impl From<&RetryPolicy> for written::Retry {
    fn from(retry: &RetryPolicy) -> Self {
        let RetryPolicy { attempts, total_attempts, base, cap, also_on } = retry;
        Self {
            attempts: *attempts,
            total_attempts: *total_attempts,
            base: base.map(written::DurationText),
            cap: cap.map(written::DurationText),
            also_on: Many(also_on.clone()),
        }
    }
}

/// Edits in as few steps as keep their order.
pub(super) fn header_steps(edits: &HeaderEdits) -> Many<written::HeaderStep> {
    let mut steps: Vec<written::HeaderStep> = Vec::new();
    for edit in edits {
        let fits =
            steps.last().is_some_and(|written::HeaderStep { set, add, remove }| match edit {
                HeaderEdit::Set { name, .. } => {
                    add.0.is_empty() && remove.0.is_empty() && !set.has(name)
                }
                HeaderEdit::Add { name, .. } => remove.0.is_empty() && !add.has(name),
                HeaderEdit::Remove { .. } => true,
            });
        let mut step = if fits { steps.pop().unwrap_or_default() } else { Default::default() };
        match edit {
            HeaderEdit::Set { name, value } => step.set.0.push((name.clone(), value.clone())),
            HeaderEdit::Add { name, value } => step.add.0.push((name.clone(), value.clone())),
            HeaderEdit::Remove { name } => step.remove.0.push(name.clone()),
        }
        steps.push(step);
    }
    Many(steps)
}

/// The same for bodies.
pub(super) fn body_steps(edits: &BodyEdits) -> Many<written::BodyStep> {
    let mut steps: Vec<written::BodyStep> = Vec::new();
    for edit in edits {
        let fits =
            steps.last().is_some_and(|written::BodyStep { set, default, remove, prompt }| {
                prompt.is_none()
                    && match edit {
                        BodyEdit::Set { path, mode: Mode::Override, .. } => {
                            default.0.is_empty() && remove.0.is_empty() && !set.has(path)
                        }
                        BodyEdit::Set { path, mode: Mode::Default, .. } => {
                            remove.0.is_empty() && !default.has(path)
                        }
                        BodyEdit::Remove { .. } | BodyEdit::Prompt { .. } => true,
                    }
            });
        let mut step = if fits { steps.pop().unwrap_or_default() } else { Default::default() };
        match edit {
            BodyEdit::Set { path, value, mode } => {
                // What is not JSON was refused when it was compiled.
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
                match mode {
                    Mode::Override => step.set.0.push((path.clone(), value)),
                    Mode::Default => step.default.0.push((path.clone(), value)),
                }
            }
            BodyEdit::Remove { path } => step.remove.0.push(path.clone()),
            BodyEdit::Prompt { prepend, append } => {
                let (prepend, append) = (written_messages(prepend), written_messages(append));
                step.prompt = Some(written::Prompt { prepend, append });
            }
        }
        steps.push(step);
    }
    Many(steps)
}

fn written_messages(messages: &[Message]) -> Many<written::Message> {
    let message = |Message { role, content }: &Message| written::Message {
        role: role.clone(),
        content: content.clone(),
    };
    Many(messages.iter().map(message).collect())
}
