//! Injections that wait for a request to match.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Fault, Injection};

#[derive(Debug, Default)]
pub(crate) struct Pending {
    injections: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    injection: Injection,
    /// It is the turn of each so-many-th request that matches.
    every: u32,
    matched: u32,
}

impl Pending {
    pub(crate) fn add(&self, injection: Injection, every: u32) {
        self.lock().push(Waiting { injection, every: every.max(1), matched: 0 });
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The faults for one request; each injection that matches, and whose turn it is, is used up by one.
    pub(crate) fn take(&self, operation: Option<&str>, path: &str) -> Vec<Fault> {
        let mut injections = self.lock();
        let mut faults = Vec::new();
        for Waiting { injection, every, matched } in injections.iter_mut() {
            if !injection.matches(operation, path) {
                continue;
            }
            *matched += 1;
            if matched.is_multiple_of(*every) {
                faults.extend(injection.faults.iter().cloned());
                injection.times = injection.times.max(1) - 1;
                // Kept as 0 until the end of this pass, when it is removed.
                if injection.times == 0 {
                    injection.faults.clear();
                }
            }
        }
        injections.retain(|waiting| !waiting.injection.faults.is_empty());
        faults
    }

    pub(crate) fn to_json(&self) -> Value {
        let shown: Vec<Value> = self
            .lock()
            .iter()
            .map(|Waiting { injection, every, matched: _ }| {
                json!({
                    "faults": format!("{:?}", injection.faults),
                    "times": injection.times.max(1),
                    "every": every,
                    "operation": injection.operation,
                    "model": injection.model,
                })
            })
            .collect();
        json!({"faults": shown})
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.injections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Injection {
    /// Reads the body of the admin call: `{"fault": "…", "times": 2, "every": 50,
    /// "operation": "…", "model": "…"}`; gives the injection and `every`.
    pub(crate) fn from_json(body: &Value) -> Result<(Self, u32), String> {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let faults = text("fault").ok_or("the member 'fault' is missing")?;
        let faults = Fault::parse_list(&faults)?;
        if faults.is_empty() {
            return Err("the member 'fault' is empty".to_owned());
        }
        let number = |name: &str| {
            body[name].as_u64().map_or(1, |number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        let injection = Self {
            faults,
            times: number("times"),
            operation: text("operation"),
            model: text("model"),
        };
        Ok((injection, number("every")))
    }

    fn matches(&self, operation: Option<&str>, path: &str) -> bool {
        let operation_fits =
            self.operation.as_deref().is_none_or(|wanted| operation == Some(wanted));
        operation_fits && self.model.as_ref().is_none_or(|part| path.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injection_is_used_up_by_matching_requests_only() {
        let pending = Pending::default();
        let add = |body: Value| {
            let (injection, every) = Injection::from_json(&body).unwrap();
            pending.add(injection, every);
        };
        add(json!({"fault": "empty", "times": 2, "operation": "Converse"}));
        assert!(pending.take(Some("CountTokens"), "").is_empty());
        assert_eq!(pending.take(Some("Converse"), "").len(), 1);
        assert_eq!(pending.take(Some("Converse"), "").len(), 1);
        assert!(pending.take(Some("Converse"), "").is_empty());
        add(json!({"fault": "empty", "times": 9, "every": 3}));
        let faults = || pending.take(Some("Converse"), "").len();
        assert_eq!(
            [faults(), faults(), faults(), faults(), faults(), faults()],
            [0, 0, 1, 0, 0, 1]
        );
    }
}
