//! What is asked, and how much of it.

use benches::models::{CLAUDE, CLAUDE_SEGMENT, NOVA, NOVA_SEGMENT};
use benches::requests;
use bytes::Bytes;

/// Events in a streamed answer.
pub const EVENTS: u32 = 200;

#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub concurrency: usize,
    /// Requests of one round.
    pub requests: usize,
}

#[derive(Debug)]
pub struct Case {
    pub name: &'static str,
    /// Where the gateway takes the request.
    pub path: &'static str,
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

fn small() -> Vec<Case> {
    let loads = loads([1000, 4000, 4000]);
    let case = |name, path, floor_path, body: Vec<u8>, aim| Case {
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
            OPENAI,
            nova("converse"),
            requests::openai_small(NOVA, false),
            1.4,
        ),
        case(
            "small chat, OpenAI → Claude",
            OPENAI,
            claude("invoke"),
            requests::openai_small(CLAUDE, false),
            1.4,
        ),
        case(
            "small chat, Anthropic → Claude (relay)",
            ANTHROPIC,
            claude("invoke"),
            requests::anthropic_small(false),
            1.2,
        ),
        case(
            "small chat, Converse → Converse (relay)",
            "/model/amazon.nova-pro-v1%3A0/converse",
            nova("converse"),
            requests::converse_small(),
            1.2,
        ),
    ]
}

fn large() -> Vec<Case> {
    let case = |name, floor_path, body: Vec<u8>, aim, loads| Case {
        name,
        path: OPENAI,
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
            claude("invoke"),
            requests::openai_agent(CLAUDE, 40_000),
            1.6,
            agent.clone(),
        ),
        case(
            "40 KB agent, OpenAI → Converse",
            nova("converse"),
            requests::openai_agent(NOVA, 40_000),
            1.6,
            agent,
        ),
        case(
            "1 MB image, OpenAI → Claude",
            claude("invoke"),
            requests::openai_image(CLAUDE),
            1.2,
            image.clone(),
        ),
        case(
            "1 MB image, OpenAI → Converse",
            nova("converse"),
            requests::openai_image(NOVA),
            1.2,
            image,
        ),
    ]
}

fn streamed() -> Vec<Case> {
    let loads = loads([2, 32, 128]);
    let case = |name, path, floor_path, body: Vec<u8>, expect| Case {
        name,
        path,
        floor_path,
        body: body.into(),
        expect,
        unit: Unit::Event,
        aim: 1.4,
        loads: loads.clone(),
    };
    let (invoke, converse) = ("invoke-with-response-stream", "converse-stream");
    vec![
        case(
            "streamed event, Anthropic → Claude (relay)",
            ANTHROPIC,
            claude(invoke),
            requests::anthropic_small(true),
            "event: message_stop",
        ),
        case(
            "streamed event, Converse → Converse (relay)",
            "/model/amazon.nova-pro-v1%3A0/converse-stream",
            nova(converse),
            requests::converse_small(),
            "messageStop",
        ),
        case(
            "streamed event, OpenAI → Claude",
            OPENAI,
            claude(invoke),
            requests::openai_small(CLAUDE, true),
            "data: [DONE]",
        ),
        case(
            "streamed event, OpenAI → Converse",
            OPENAI,
            nova(converse),
            requests::openai_small(NOVA, true),
            "data: [DONE]",
        ),
    ]
}

fn claude(verb: &str) -> String {
    format!("/model/{CLAUDE_SEGMENT}/{verb}")
}

fn nova(verb: &str) -> String {
    format!("/model/{NOVA_SEGMENT}/{verb}")
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
