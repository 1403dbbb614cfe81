//! A client of its own making: signer, HTTP/1.1 exchange, event-stream reader.

use std::time::{Duration, SystemTime};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use outcrop_emulator::{Config, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_SECRET_ACCESS_KEY, Emulator};
use serde_json::Value;
use tokio::net::TcpStream;

pub const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1%3A0";
pub const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0";
pub const NOVA: &str = "us.amazon.nova-lite-v1%3A0";

pub async fn emulator() -> Emulator {
    with(Config::default()).await
}

pub async fn with(config: Config) -> Emulator {
    Emulator::bind("127.0.0.1:0", config).await.unwrap()
}

/// A request in the making; every field can be spoilt.
#[derive(Clone)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    pub body: Vec<u8>,
    /// Signed headers besides `host` and `x-amz-date`.
    pub signed: Vec<(String, String)>,
    pub unsigned: Vec<(String, String)>,
    pub key: (String, String),
    pub region: String,
    pub service: String,
    pub at: SystemTime,
    /// Encodes the path once more for the signature, as the rule is.
    pub double_encode: bool,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the body ended before its end.
    pub broken: bool,
}

/// One event-stream message: headers as text, payload.
#[derive(Debug, Clone)]
pub struct Message {
    pub headers: Vec<(String, String)>,
    pub payload: Bytes,
    pub crc_fits: bool,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            body: Vec::new(),
            signed: Vec::new(),
            unsigned: Vec::new(),
            key: (EXAMPLE_ACCESS_KEY_ID.into(), EXAMPLE_SECRET_ACCESS_KEY.into()),
            region: "us-east-1".into(),
            service: "bedrock".into(),
            at: SystemTime::now(),
            double_encode: true,
        }
    }

    pub fn post(model: &str, verb: &str, body: &Value) -> Self {
        let mut ask = Self::new("POST", format!("/model/{model}/{verb}"));
        ask.body = body.to_string().into_bytes();
        ask.signed.push(("content-type".into(), "application/json".into()));
        ask
    }

    pub fn get(path: &str, query: &str) -> Self {
        Self { query: query.into(), ..Self::new("GET", path) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.unsigned.push((name.into(), value.into()));
        self
    }

    pub fn fault(self, text: &str) -> Self {
        self.header("x-outcrop-emulator-fault", text)
    }

    pub fn engine(self, text: &str) -> Self {
        self.header("x-outcrop-emulator", &format!("engine={text}"))
    }

    pub async fn send(&self, emulator: &Emulator) -> Answer {
        self.send_spoilt(emulator, |_| {}).await
    }

    /// Sends after `spoil` changed the signed request.
    pub async fn send_spoilt(
        &self,
        emulator: &Emulator,
        spoil: impl FnOnce(&mut Request<Full<Bytes>>),
    ) -> Answer {
        let mut request = self.sign(&emulator.local_addr().to_string());
        spoil(&mut request);
        exchange(emulator, request).await
    }

    fn sign(&self, host: &str) -> Request<Full<Bytes>> {
        let stamp = timestamp(self.at);
        let mut headers = self.signed.clone();
        headers.push(("host".into(), host.into()));
        headers.push(("x-amz-date".into(), stamp.clone()));
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let path = if self.double_encode { encode(&self.path) } else { self.path.clone() };
        let canonical = format!(
            "{}\n{path}\n{}\n{lines}\n{}\n{}",
            self.method,
            self.query,
            names.join(";"),
            sha256(&self.body)
        );
        let scope = format!("{}/{}/{}/aws4_request", &stamp[..8], self.region, self.service);
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let mut key = mac(format!("AWS4{}", self.key.1).as_bytes(), &stamp[..8]);
        for part in [self.region.as_str(), &self.service, "aws4_request"] {
            key = mac(&key, part);
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={}",
            self.key.0,
            names.join(";"),
            hex(&mac(&key, &to_sign))
        );
        let target = if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        };
        let mut request = Request::builder().method(self.method).uri(target);
        for (name, value) in headers.iter().chain(&self.unsigned) {
            request = request.header(name, value);
        }
        request
            .header("authorization", authorization)
            .body(Full::new(self.body.clone().into()))
            .unwrap()
    }
}

/// One exchange on a connection of its own.
pub async fn exchange(emulator: &Emulator, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(emulator.local_addr()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (parts, mut body) = sender.send_request(request).await.unwrap().into_parts();
    let mut whole = Vec::new();
    let mut broken = false;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => whole.extend(frame.into_data().unwrap_or_default()),
            Err(_) => {
                broken = true;
                break;
            }
        }
    }
    Answer { status: parts.status, headers: parts.headers, body: whole.into(), broken }
}

/// A call of the emulator itself.
pub async fn admin(emulator: &Emulator, method: &str, path: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/_emulator/{path}"))
        .header("host", "x")
        .body(Full::new(body.to_string().into()))
        .unwrap();
    exchange(emulator, request).await
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?} {:?}", self.status, self.body))
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{:?}", self.body);
        self
    }

    /// Status, exception name and message of a refusal.
    pub fn refusal(&self) -> (u16, String, String) {
        let name = self.headers.get("x-amzn-errortype").map_or("", |value| value.to_str().unwrap());
        let message = self.json()["message"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), name.to_owned(), message)
    }

    /// All complete messages; what is left over is not looked at.
    pub fn messages(&self) -> Vec<Message> {
        let mut rest = self.body.clone();
        let mut messages = Vec::new();
        while rest.len() >= 16 {
            let total = word(&rest, 0);
            if rest.len() < total {
                break;
            }
            messages.push(Message::decode(&rest.split_to(total)));
        }
        messages
    }

    /// (type, payload without padding) of each event.
    pub fn events(&self) -> Vec<(String, Value)> {
        self.messages()
            .iter()
            .map(|message| {
                assert!(message.crc_fits);
                let mut payload: Value = serde_json::from_slice(&message.payload).unwrap();
                payload.as_object_mut().unwrap().remove("p");
                (message.kind().to_owned(), payload)
            })
            .collect()
    }

    /// The model's own JSON in each chunk.
    pub fn chunks(&self) -> Vec<Value> {
        self.events()
            .into_iter()
            .map(|(_, payload)| {
                let bytes = STANDARD.decode(payload["bytes"].as_str().unwrap()).unwrap();
                serde_json::from_slice(&bytes).unwrap()
            })
            .collect()
    }
}

impl Message {
    fn decode(bytes: &[u8]) -> Self {
        let head = word(bytes, 4);
        let end = bytes.len() - 4;
        let crc_fits = word(bytes, 8) == crc32fast::hash(&bytes[..8]) as usize
            && word(bytes, end) == crc32fast::hash(&bytes[..end]) as usize;
        let mut headers = Vec::new();
        let mut at = 12;
        while at < 12 + head {
            let name = usize::from(bytes[at]);
            let value_at = at + 1 + name + 3;
            let length = usize::from(bytes[value_at - 2]) << 8 | usize::from(bytes[value_at - 1]);
            let text = |from: usize, length: usize| {
                String::from_utf8(bytes[from..from + length].to_vec()).unwrap()
            };
            headers.push((text(at + 1, name), text(value_at, length)));
            at = value_at + length;
        }
        let payload = Bytes::copy_from_slice(&bytes[12 + head..end]);
        Self { headers, payload, crc_fits }
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }

    /// Event type, exception type or error code.
    pub fn kind(&self) -> &str {
        [":event-type", ":exception-type", ":error-code"]
            .into_iter()
            .map(|name| self.header(name))
            .find(|value| !value.is_empty())
            .unwrap_or_default()
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

pub fn timestamp(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).unwrap().strftime("%Y%m%dT%H%M%SZ").to_string()
}

pub fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

pub fn encode(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
