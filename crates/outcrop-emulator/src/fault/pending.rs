//! Injections that wait for a request to match.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Fault, Injection};

#[derive(Debug, Default)]
pub(crate) struct Pending {
    injections: Mutex<Vec<Injection>>,
}

impl Pending {
    pub(crate) fn add(&self, injection: Injection) {
        self.lock().push(injection);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The faults for one request; each injection that matches is used up by one.
    pub(crate) fn take(&self, operation: Option<&str>, path: &str) -> Vec<Fault> {
        let mut injections = self.lock();
        let mut faults = Vec::new();
        for injection in injections.iter_mut() {
            if injection.matches(operation, path) {
                faults.extend(injection.faults.iter().cloned());
                injection.times = injection.times.max(1) - 1;
                // Kept as 0 until the end of this pass, when it is removed.
                if injection.times == 0 {
                    injection.faults.clear();
                }
            }
        }
        injections.retain(|injection| !injection.faults.is_empty());
        faults
    }

    pub(crate) fn to_json(&self) -> Value {
        let shown: Vec<Value> = self
            .lock()
            .iter()
            .map(|injection| {
                json!({
                    "faults": format!("{:?}", injection.faults),
                    "times": injection.times.max(1),
                    "operation": injection.operation,
                    "model": injection.model,
                })
            })
            .collect();
        json!({"faults": shown})
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Injection>> {
        self.injections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Injection {
    /// Reads the body of the admin call: `{"fault": "…", "times": 2, "operation": "…", "model": "…"}`.
    pub(crate) fn from_json(body: &Value) -> Result<Self, String> {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let faults = text("fault").ok_or("the member 'fault' is missing")?;
        let faults = Fault::parse_list(&faults)?;
        if faults.is_empty() {
            return Err("the member 'fault' is empty".to_owned());
        }
        Ok(Self {
            faults,
            times: body["times"]
                .as_u64()
                .map_or(1, |times| u32::try_from(times).unwrap_or(u32::MAX)),
            operation: text("operation"),
            model: text("model"),
        })
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
        let body = json!({"fault": "empty", "times": 2, "operation": "Converse"});
        pending.add(Injection::from_json(&body).unwrap());
        assert!(pending.take(Some("CountTokens"), "").is_empty());
        assert_eq!(pending.take(Some("Converse"), "").len(), 1);
        assert_eq!(pending.take(Some("Converse"), "").len(), 1);
        assert!(pending.take(Some("Converse"), "").is_empty());
    }
}
