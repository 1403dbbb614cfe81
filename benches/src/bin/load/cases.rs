//! What is asked, and how much of it.

use benches::models::{CLAUDE, NOVA, PACED_CLAUDE, PACED_NOVA, is_paced, segment};
use benches::requests;
use bytes::Bytes;

/// Events in a streamed answer.
pub const EVENTS: u32 = 200;

#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub concurrency: usize,
    /// Requests of one round, if there is time for them.
    pub requests: usize,
}

#[derive(Debug)]
pub struct Case {
    pub name: &'static str,
    /// Where the gateway takes the request.
    pub path: String,
    /// Where Bedrock takes the same: the floor's path.
    pub floor_path: String,
    pub body: Bytes,
    /// Text that the gateway's answer must hold.
    pub expect: &'static str,
    pub unit: Unit,
    /// Largest CPU time that is aimed at, in multiples of the floor's.
    pub aim: f64,
    pub loads: Vec<Load>,
}

/// What CPU time is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Request,
    /// One of [`EVENTS`] events of an answer; the request's own cost is shared out among them.
    Event,
}

impl Unit {
    pub fn per_request(self) -> u32 {
        match self {
            Unit::Request => 1,
            Unit::Event => EVENTS,
        }
    }
}

const OPENAI: &str = "/v1/chat/completions";
const ANTHROPIC: &str = "/v1/messages";

pub fn all() -> Vec<Case> {
    let mut cases = small();
    cases.extend(large());
    cases.extend(streamed());
    cases
}

/// The same requests of two gateways.
pub fn pair() -> Vec<Case> {
    // Two seconds and more each: enough for credentials to be renewed.
    let loads = loads([20_000, 60_000, 60_000]);
    let alike = |case: Case| Case {
        floor_path: case.path.clone(),
        // Nothing beyond the noise of this machine.
        aim: 1.1,
        loads: loads.clone(),
        ..case
    };
    small().into_iter().map(alike).collect()
}

/// Short requests with short answers.
pub fn small() -> Vec<Case> {
    let loads = loads([1000, 4000, 4000]);
    let case = |name, path: String, floor_path, body: Vec<u8>, aim| Case {
        name,
        path,
        floor_path,
        body: body.into(),
        expect: "one door to many models",
        unit: Unit::Request,
        aim,
        loads: loads.clone(),
    };
    vec![
        case(
            "small chat, OpenAI → Converse",
            OPENAI.to_owned(),
            path(NOVA, "converse"),
            requests::openai_small(NOVA, false),
            1.4,
        ),
        case(
            "small chat, OpenAI → Claude",
            OPENAI.to_owned(),
            path(CLAUDE, "invoke"),
            requests::openai_small(CLAUDE, false),
            1.4,
        ),
        case(
            "small chat, Anthropic → Claude (relay)",
            ANTHROPIC.to_owned(),
            path(CLAUDE, "invoke"),
            requests::anthropic_small(CLAUDE, false),
            1.2,
        ),
        case(
            "small chat, Converse → Converse (relay)",
            path(NOVA, "converse"),
            path(NOVA, "converse"),
            requests::converse_small(),
            1.2,
        ),
    ]
}

fn large() -> Vec<Case> {
    let case = |name, floor_path, body: Vec<u8>, aim, loads| Case {
        name,
        path: OPENAI.to_owned(),
        floor_path,
        body: body.into(),
        expect: "one door to many models",
        unit: Unit::Request,
        aim,
        loads,
    };
    let (agent, image) = (loads([500, 1000, 1000]), loads([50, 100, 128]));
    vec![
        case(
            "40 KB agent, OpenAI → Claude",
            path(CLAUDE, "invoke"),
            requests::openai_agent(CLAUDE, 40_000),
            1.6,
            agent.clone(),
        ),
        case(
            "40 KB agent, OpenAI → Converse",
            path(NOVA, "converse"),
            requests::openai_agent(NOVA, 40_000),
            1.6,
            agent,
        ),
        case(
            "1 MB image, OpenAI → Claude",
            path(CLAUDE, "invoke"),
            requests::openai_image(CLAUDE),
            1.2,
            image.clone(),
        ),
        case(
            "1 MB image, OpenAI → Converse",
            path(NOVA, "converse"),
            requests::openai_image(NOVA),
            1.2,
            image,
        ),
    ]
}

/// Events as fast as they come.
pub fn streamed_at_once() -> impl Iterator<Item = Case> {
    streamed().into_iter().filter(|case| !is_paced(&case.floor_path))
}

/// Events as fast as they come, and at the pace of a fast model.
fn streamed() -> Vec<Case> {
    let (flat, paced) = (loads([20, 160, 320]), loads([2, 32, 128]));
    let case = |name, path: String, floor_path: String, body: Vec<u8>, expect| Case {
        name,
        path,
        loads: if is_paced(&floor_path) { paced.clone() } else { flat.clone() },
        floor_path,
        body: body.into(),
        expect,
        unit: Unit::Event,
        aim: 1.4,
    };
    let claude = |model| path(model, "invoke-with-response-stream");
    let nova = |model| path(model, "converse-stream");
    let relayed = |model| requests::anthropic_small(model, true);
    let openai = |model| requests::openai_small(model, true);
    vec![
        case(
            "streamed event, Anthropic → Claude (relay)",
            ANTHROPIC.to_owned(),
            claude(CLAUDE),
            relayed(CLAUDE),
            "event: message_stop",
        ),
        case(
            "streamed event, Converse → Converse (relay)",
            nova(NOVA),
            nova(NOVA),
            requests::converse_small(),
            "messageStop",
        ),
        case(
            "streamed event, OpenAI → Claude",
            OPENAI.to_owned(),
            claude(CLAUDE),
            openai(CLAUDE),
            "data: [DONE]",
        ),
        case(
            "streamed event, OpenAI → Converse",
            OPENAI.to_owned(),
            nova(NOVA),
            openai(NOVA),
            "data: [DONE]",
        ),
        case(
            "streamed event, 1 per ms, Anthropic → Claude (relay)",
            ANTHROPIC.to_owned(),
            claude(PACED_CLAUDE),
            relayed(PACED_CLAUDE),
            "event: message_stop",
        ),
        case(
            "streamed event, 1 per ms, OpenAI → Converse",
            OPENAI.to_owned(),
            nova(PACED_NOVA),
            openai(PACED_NOVA),
            "data: [DONE]",
        ),
    ]
}

/// Where Bedrock takes a request.
fn path(model: &str, verb: &str) -> String {
    format!("/model/{}/{verb}", segment(model))
}

/// One, a few, and many at a time.
fn loads(requests: [usize; 3]) -> Vec<Load> {
    let concurrency = [1, 16, 64];
    concurrency
        .into_iter()
        .zip(requests)
        .map(|(concurrency, requests)| Load { concurrency, requests })
        .collect()
}
