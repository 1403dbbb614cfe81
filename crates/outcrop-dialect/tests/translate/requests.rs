//! Requests: client body → what is sent to Bedrock, per model.

use std::borrow::Cow;

use outcrop_dialect::carry::Destination;
use outcrop_dialect::media;
use outcrop_dialect::plan::{Outgoing, Peeked};
use outcrop_dialect::responses::{Body, Recalled};
use outcrop_dialect::write::JsonWriter;
use outcrop_model::{Carrier, Catalog, Fault, Fidelity, Ledger};

use crate::golden::{self, Case};
use crate::pretty;

/// Models by the short word that names them in file names.
const MODELS: [(&str, &str); 15] = [
    ("claude", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("opus", "us.anthropic.claude-opus-4-8"),
    ("claude-4-6", "us.anthropic.claude-sonnet-4-6"),
    ("claude-3-haiku", "anthropic.claude-3-haiku-20240307-v1:0"),
    ("nova", "amazon.nova-lite-v1:0"),
    ("nova-micro", "amazon.nova-micro-v1:0"),
    ("nova-2", "us.amazon.nova-2-lite-v1:0"),
    ("titan", "amazon.titan-text-express-v1"),
    ("llama", "us.meta.llama3-3-70b-instruct-v1:0"),
    ("mistral-7b", "mistral.mistral-7b-instruct-v0:2"),
    ("mistral", "mistral.mistral-large-2407-v1:0"),
    ("gpt-oss", "openai.gpt-oss-120b-1:0"),
    ("gpt", "us.openai.gpt-5.6-sol"),
    ("deepseek-r1", "us.deepseek.r1-v1:0"),
    (
        "unknown",
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ab12cd34ef56",
    ),
];

/// Models of a case that names none.
const USUAL: [&str; 3] = ["claude", "opus", "nova"];

#[test]
fn requests_are_planned() {
    golden::each("requests", |case| {
        let named = case.words("models");
        let models = if named.is_empty() { USUAL.to_vec() } else { named };
        models.into_iter().flat_map(|model| check(case, model)).collect()
    });
}

fn check(case: &Case, word: &str) -> Vec<String> {
    let (_, id) = MODELS.iter().find(|(w, _)| *w == word).expect("a model of the table");
    let mut ledger = Ledger::default();
    let body = case.read("request.json");
    let body = match case.setting("media") {
        Some("fetched") => fetched(case, &body),
        Some(other) => panic!("media are fetched or not, never {other}"),
        None => body,
    };
    let outcome = plan(case, &body, id, &mut ledger);
    let (expected, fault) = match &outcome {
        Ok(outgoing) => (sent(outgoing), String::new()),
        Err(fault) => (String::new(), refused(fault)),
    };
    [
        case.check(&format!("expected.{word}.json"), &expected),
        case.check(&format!("fault.{word}.json"), &fault),
        case.check(&format!("losses.{word}.txt"), &pretty::losses(&ledger)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The body after its media came: an address ends with the name of a file of the case.
fn fetched(case: &Case, body: &[u8]) -> Vec<u8> {
    let wanted = media::wanted(body).expect("an address");
    let files: Vec<Vec<u8>> = wanted
        .places
        .iter()
        .map(|place| case.read(place.url.rsplit('/').next().expect("a name")))
        .collect();
    media::put(body, &wanted.places, |i| {
        wanted.places[i].identify(&files[i], None).expect("media that the member takes")
    })
}

fn plan(case: &Case, body: &[u8], id: &str, ledger: &mut Ledger) -> Result<Outgoing, Fault> {
    let recalled = Recalled::default();
    let peeked = match case.setting("dialect").expect("a dialect") {
        "openai" => Peeked::openai(body)?,
        "responses" => Peeked::responses(Body::read(body)?, &recalled, body.len())?,
        "anthropic" => {
            let betas = case.words("betas").into_iter().map(Cow::Borrowed).collect();
            Peeked::anthropic(body, betas)?
        }
        other => panic!("no dialect is called {other}"),
    };
    let to = Destination::of(Catalog::built_in(), id).pinned(case.setting("carrier").map(carrier));
    let outgoing = peeked.plan(to, ledger)?;
    ledger.verdict(Fidelity::Report)?;
    Ok(outgoing)
}

fn carrier(word: &str) -> Carrier {
    Carrier::PINS.into_iter().find(|carrier| carrier.as_str() == word).expect("a carrier")
}

fn sent(outgoing: &Outgoing) -> String {
    let Outgoing { carrier, path, stream, headers, body, way: _ } = outgoing;
    let mut all = Vec::new();
    let mut w = JsonWriter::new(&mut all);
    w.open_object();
    match path {
        None => w.member_str("to", carrier.path_segment(*stream)),
        Some(path) => w.member_str("to", &format!("{} {path}", carrier.as_str())),
    }
    if !headers.is_empty() {
        w.key("headers");
        w.open_object();
        for (name, value) in headers {
            w.member_str(name, value);
        }
        w.close_object();
    }
    w.key("body");
    w.raw_bytes(body);
    w.close_object();
    pretty::json(&all)
}

fn refused(fault: &Fault) -> String {
    let mut all = Vec::new();
    let mut w = JsonWriter::new(&mut all);
    w.open_object();
    w.member_str("class", fault.class.as_str());
    fault.param.iter().for_each(|p| w.member_str("param", p));
    w.member_str("message", &fault.message);
    w.close_object();
    pretty::json(&all)
}
