//! The member splitter, and the relays that are built on it.

use outcrop_dialect::relay::correct_version;
use outcrop_dialect::write::JsonWriter;
use outcrop_model::json::{Members, parse_body, path_at};
use outcrop_model::{Catalog, Ledger};
use serde_json::Value;
use serde_json::value::RawValue;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

pub fn run(body: &[u8]) {
    match parse_body::<Members<'_>>(body) {
        Ok(members) => split(body, &members),
        Err(fault) => {
            assert!(!fault.message.is_empty() && fault.param.is_some());
            let value = serde_json::from_slice::<Value>(body);
            assert!(!value.is_ok_and(|value| value.is_object()), "an object is never refused");
        }
    }
    for offset in 0..body.len().min(64) {
        let _ = path_at(body, offset);
    }
    version_is_corrected_in_place(body);
}

/// What was split can be put together again, and says the same.
fn split(body: &[u8], members: &Members<'_>) {
    let mut again = Vec::new();
    let mut w = JsonWriter::new(&mut again);
    w.open_object();
    for (key, raw) in &members.0 {
        w.key_escaped(key);
        w.raw(raw);
        let (place, within) = (raw.get().as_bytes().as_ptr_range(), body.as_ptr_range());
        assert!(within.start < place.end && place.end <= within.end, "a copy");
    }
    w.close_object();
    // A parser with a limit to nesting may have met it; the splitter has none.
    let (Ok(before), Ok(after)) =
        (serde_json::from_slice::<Value>(body), serde_json::from_slice::<Value>(&again))
    else {
        assert!(serde_json::from_slice::<&RawValue>(&again).is_ok(), "JSON is put together");
        return;
    };
    assert_eq!(before, after);
    for (key, value) in before.as_object().expect("an object is split") {
        let raw = members.get(key).expect("every member is there");
        assert_eq!(serde_json::from_str::<Value>(raw.get()).ok().as_ref(), Some(value), "{key}");
    }
}

/// One string changes, and not a byte around it.
fn version_is_corrected_in_place(body: &[u8]) {
    let mut ledger = Ledger::default();
    let card = Catalog::built_in().card(CLAUDE);
    let Some(corrected) = correct_version(body, card, &mut ledger) else {
        assert!(ledger.is_empty(), "no change, no entry");
        return;
    };
    assert_eq!(ledger.losses().len(), 1);
    let before: Members<'_> = serde_json::from_slice(body).expect("only an object is corrected");
    let after: Members<'_> = serde_json::from_slice(&corrected).expect("it stays one");
    assert_eq!(before.0.len(), after.0.len());
    let changed = before.0.iter().zip(&after.0).filter(|((a, v), (b, w))| {
        assert_eq!(a, b);
        v.get() != w.get()
    });
    assert_eq!(changed.count(), 1);
}
