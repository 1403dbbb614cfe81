//! Requests: client body → what is sent to Bedrock, for every model of `models.txt`.
//!
//! `expected.txt` has a section for each outcome, under the words of all models that share it: the
//! carrier and headers, the body, then the losses; or the refusal. A section that differs little from
//! an earlier one is told by its difference.

use outcrop_dialect::plan::Outgoing;
use outcrop_model::{Fault, Ledger};

use crate::golden::{self, Case};
use crate::planning::{plan, request};
use crate::{pretty, sections};

#[test]
fn requests_are_planned() {
    let models = golden::table("models.txt");
    golden::each("requests", |case| {
        let outcomes = models.iter().map(|(word, id)| (word.as_str(), outcome(case, id)));
        case.check("expected.txt", &sections::write(outcomes.collect())).into_iter().collect()
    });
}

fn outcome(case: &Case, id: &str) -> String {
    let mut ledger = Ledger::default();
    let body = request(&case.settings, &case.folder);
    let outcome = match plan(&case.settings, &body, id, &mut ledger) {
        Ok(outgoing) => sent(&outgoing),
        Err(fault) => refused(&fault),
    };
    outcome + &pretty::losses(&ledger)
}

fn sent(outgoing: &Outgoing) -> String {
    let Outgoing { carrier, path, stream, headers, body, way: _ } = outgoing;
    let mut text = match path {
        None => format!("to {}\n", carrier.path_segment(*stream)),
        Some(path) => format!("to {} {path}\n", carrier.as_str()),
    };
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text + &pretty::json(body)
}

fn refused(fault: &Fault) -> String {
    let at = fault.param.as_deref().map(|param| format!(" at {param}")).unwrap_or_default();
    format!("{}{at}: {}\n", fault.class.as_str(), fault.message)
}
