//! The Anthropic dialect against its fixtures: requests in, requests out, answers, streams.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod built;
mod dump;
mod golden;
mod roundtrip;

use outcrop_dialect::anthropic::{
    Answering, Envelope, MessageWriter, Reader, decode, decode_response, encode, encode_response,
};
use outcrop_dialect::sse::StreamWriter;
use outcrop_model::{Catalog, ChatRequest, Event, Ledger, Phase};

use golden::{Fixture, pretty};

/// `requests/NAME/request.json` (and `betas.txt`, one header value per line) → `ir.txt`.
#[test]
fn requests_become_the_ir() {
    golden::each("requests", |fixture| {
        let body = fixture.read("request.json").unwrap();
        let headers = fixture.read("betas.txt").unwrap_or_default();
        let betas: Vec<&str> = headers.lines().collect();
        let dump = match decode(body.as_bytes(), &betas) {
            Ok(request) => dump::request(&request),
            Err(fault) => dump::refusal(&fault),
        };
        fixture.expect("ir.txt", &dump);
    });
}

/// `encode/NAME/request.json` → `body.json` and `losses.txt`; folders without a request belong to
/// cases built in code.
#[test]
fn the_ir_becomes_an_invoke_body() {
    golden::each("encode", |fixture| {
        if let Some(body) = fixture.read("request.json") {
            check_encode(fixture, &decode(body.as_bytes(), &[]).unwrap());
        }
    });
}

/// What no Anthropic client can say, but other clients can.
#[test]
fn built_requests_become_invoke_bodies() {
    for (name, request) in built::cases() {
        check_encode(&golden::named("encode", name), &request);
    }
}

fn check_encode(fixture: &Fixture, request: &ChatRequest<'_>) {
    let card = Catalog::built_in().card(&request.model);
    let version = card.anthropic_versions.first().map_or("none", String::as_str);
    let (mut out, mut ledger) = (Vec::new(), Ledger::default());
    encode(request, card, Envelope::Invoke { version }, &mut out, &mut ledger);
    fixture.expect("body.json", &pretty(&out));
    fixture.expect("losses.txt", &dump::losses(&ledger));
}

fn answering() -> Answering {
    Answering { id: "msg_out".to_owned(), model: "the-model-asked-for".to_owned() }
}

/// `responses/NAME/response.json` → `ir.txt`, and back → `client.json` with `losses.txt`.
#[test]
fn answers_become_the_ir_and_answers_again() {
    golden::each("responses", |fixture| {
        let Some(body) = fixture.read("response.json") else { return };
        match decode_response(body.as_bytes(), Phase::BeforeCommit) {
            Ok(response) => {
                fixture.expect("ir.txt", &dump::response(&response));
                check_answer(fixture, &response);
            }
            Err(fault) => fixture.expect("ir.txt", &dump::fault(&fault)),
        }
    });
}

#[test]
fn built_answers_become_messages() {
    for (name, response) in built::answers() {
        check_answer(&golden::named("responses", name), &response);
    }
}

fn check_answer(fixture: &Fixture, response: &outcrop_model::ChatResponse<'_>) {
    let mut ledger = Ledger::default();
    let bytes = encode_response(response, &answering(), &mut ledger);
    fixture.expect("client.json", &pretty(&bytes));
    fixture.expect("losses.txt", &dump::losses(&ledger));
}

/// `streams/NAME/events.jsonl` → `ir.txt`, and the same events written → `client.sse`.
#[test]
fn streams_become_events_and_streams_again() {
    golden::each("streams", |fixture| {
        let lines = fixture.read("events.jsonl").unwrap();
        let (mut reader, mut writer) = (Reader::new(), MessageWriter::new(answering()));
        let (mut events, mut sse, mut order) = (String::new(), Vec::new(), Vec::new());
        for line in lines.lines() {
            reader.read(line.as_bytes(), &mut |event| {
                events.push_str(&dump::event(&event));
                writer.write(&renumbered(event, &mut order), &mut sse);
            });
        }
        fixture.expect("ir.txt", &events);
        fixture.expect("client.sse", &String::from_utf8(sse).unwrap());
    });
}

/// Block indices without gaps, as the sequencer hands them to writers.
fn renumbered<'a>(event: Event<'a>, order: &mut Vec<u32>) -> Event<'a> {
    let mut place = |index: u32| match order.iter().position(|known| *known == index) {
        Some(place) => place as u32,
        None => {
            order.push(index);
            order.len() as u32 - 1
        }
    };
    match event {
        Event::Open { index, block } => Event::Open { index: place(index), block },
        Event::Delta { index, delta } => Event::Delta { index: place(index), delta },
        Event::Close { index } => Event::Close { index: place(index) },
        other => other,
    }
}

/// Every prefix of a valid body, and every single-byte change, is read or refused; never a panic.
#[test]
fn broken_bodies_never_panic() {
    golden::each("requests", |fixture| {
        let body = fixture.read("request.json").unwrap();
        for end in 0..body.len() {
            let _ = decode(&body.as_bytes()[..end], &[]);
        }
        let mut bytes = body.into_bytes();
        for i in 0..bytes.len() {
            let kept = std::mem::replace(&mut bytes[i], b'0');
            let _ = decode(&bytes, &[]);
            let _ = decode_response(&bytes, Phase::BeforeCommit);
            Reader::new().read(&bytes, &mut |_| {});
            bytes[i] = kept;
        }
    });
}

#[test]
fn a_silent_stream_is_kept_alive_by_pings() {
    let ping = MessageWriter::new(answering()).keep_alive();
    assert_eq!(ping, Some(&b"event: ping\ndata: {\"type\":\"ping\"}\n\n"[..]));
    let mut events = 0;
    Reader::new().read(br#"{"type":"ping"}"#, &mut |_| events += 1);
    assert_eq!(events, 0);
}
