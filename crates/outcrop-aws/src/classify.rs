//! What AWS said → a [`Fault`]: for HTTP responses and for frames of a stream.
//!
//! 1. The error's name is sought in this order (as botocore does): header `x-amzn-errortype`, body
//!    `code`/`Code`, body `__type`, then the body's `error` as OpenAI and Anthropic write it, status. Name
//!    and text decide the class by the tables beside this file. Where a vendor's word is a general one, the status
//!    says more.
//! 2. `message` never holds an ARN, account id, host, or a word of a body that is not AWS's JSON;
//!    `detail` holds what was said, word for word and cut at [`MAX_DETAIL`].
//! 3. Errors about the gateway's own identity or endpoint get a fixed message: their words are for the
//!    operator only.
//! 4. Texts that clients match on (a full context) come out exactly as the model wrote them.
//! 5. Nothing here fails: an answer that makes no sense is classified by its status.

mod tables;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use outcrop_model::scrub::scrub;
use outcrop_model::{ErrorClass, Fault, FrameKind, Phase};
use serde_json::{Map, Value};

use tables::{
    NAMES, NameRow, Origin, Scope, TEXTS, VENDOR_WORDS, VendorRow, by_status, private_message,
};

/// Bytes of the upstream's words kept for the log.
pub const MAX_DETAIL: usize = 4096;
/// AWS's request ids are UUIDs; older services have had ids of 52 to 80 characters.
const MAX_REQUEST_ID: usize = 128;
/// A longer wait than this is not believed; it also keeps sums of times far from overflow.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// What Bedrock puts before a model's own words; clients match on those words alone.
const MODEL_SAYS: &str = "The model returned the following errors: ";

/// What could be read of an error, whatever carried it.
#[derive(Default)]
struct Said<'a> {
    name: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    /// `originalStatusCode`: what the model's own server answered.
    original_status: Option<u64>,
    /// The vendor's word for the error, where the body is written as OpenAI's or Anthropic's are.
    vendor: Option<&'static VendorRow>,
    /// Where in the body the error is, as the vendor says it.
    param: Option<String>,
    /// Whether the words are AWS's JSON; only then may the caller read them.
    is_json: bool,
}

/// The fault in a response whose status is not 2xx.
pub fn classify_http(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let mut said = Said::from_body(body);
    if let Some(name) =
        headers.get("x-amzn-errortype").and_then(|value| bare_name(value.to_str().ok()?))
    {
        said.name = Some(name.to_owned().into());
    }
    let named = said.name.as_deref().and_then(row_of).map(|row| row.class);
    let by_vendor = || said.vendor.map(|row| row.class_at(status));
    let class = named.or_else(by_vendor).unwrap_or_else(|| by_status(status));
    let mut fault = said.into_fault(class, Phase::AwaitingHead, body);
    fault.status = Some(status);
    fault.request_id = request_id(headers);
    fault.retry_after = retry_after(headers);
    fault
}

/// The fault in a frame, `None` if the frame is an ordinary event.
pub fn classify_stream(kind: &FrameKind<'_>, payload: &[u8], phase: Phase) -> Option<Fault> {
    let said = match *kind {
        FrameKind::Exception(name) => Said::from_body(payload).named(name),
        // Some servers send a modelled exception as if it were an event.
        FrameKind::Event(name) if is_modelled_exception(name) => {
            Said::from_body(payload).named(name)
        }
        FrameKind::Error { code, message } => {
            Said { message: Some(message.into()), is_json: true, ..Said::default() }.named(code)
        }
        FrameKind::Sent(_) => sent_error(payload)?,
        FrameKind::Event(_) | FrameKind::Unknown(_) => return None,
    };
    let row = said.name.as_deref().and_then(row_of);
    let class = row.map(|row| row.class).or(said.vendor.map(|row| row.class));
    let mut fault = said.into_fault(class.unwrap_or(ErrorClass::Internal), phase, payload);
    fault.status = row.map(|row| row.status);
    Some(fault)
}

/// `x-amzn-requestid`, if it looks like one: it goes to the caller and into logs.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-amzn-requestid")?.to_str().ok()?;
    (value.len() <= MAX_REQUEST_ID).then(|| value.to_owned())
}

/// The response's `date`.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

// === impl Said ===

impl<'a> Said<'a> {
    fn from_body(body: &'a [u8]) -> Self {
        let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(body) else {
            return Self::from_query_protocol(body);
        };
        let name = ["code", "Code", "__type"]
            .iter()
            .find_map(|key| bare_name(text(&members, key)?).map(str::to_owned));
        let message =
            ["message", "Message"].iter().find_map(|key| text(&members, key).map(str::to_owned));
        let original_status = members.get("originalStatusCode").and_then(Value::as_u64);
        let said = Self {
            name: name.map(Cow::Owned),
            message: message.map(Cow::Owned),
            original_status,
            is_json: true,
            ..Self::default()
        };
        match members.get("error") {
            Some(Value::Object(error)) => said.by_vendor(error),
            _ => said,
        }
    }

    /// STS writes `<Error><Code>…</Code><Message>…</Message></Error>`; nothing else of XML is looked at.
    fn from_query_protocol(body: &'a [u8]) -> Self {
        let element = |name: &str| {
            let text = std::str::from_utf8(body).ok()?;
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once("</")?.0.trim())
        };
        let Some(name) = element("Code").and_then(bare_name) else { return Self::default() };
        Self {
            name: Some(name.into()),
            message: element("Message").map(Cow::Borrowed),
            ..Self::default()
        }
    }

    /// Adds what an `error` says in OpenAI's or Anthropic's form.
    fn by_vendor(mut self, error: &Map<String, Value>) -> Self {
        let words = || ["code", "type"].iter().filter_map(|key| text(error, key));
        self.vendor = words().find_map(|word| VENDOR_WORDS.iter().find(|row| row.word == word));
        let word = self.vendor.map(|row| row.word).or_else(|| words().next());
        self.name = self.name.or_else(|| word.map(|word| word.to_owned().into()));
        self.message =
            self.message.or_else(|| text(error, "message").map(|text| text.to_owned().into()));
        self.param = text(error, "param").map(str::to_owned);
        self
    }

    fn named(mut self, name: &'a str) -> Self {
        if let Some(name) = bare_name(name) {
            self.name = Some(name.into());
        }
        self
    }

    fn into_fault(self, class: ErrorClass, phase: Phase, body: &[u8]) -> Fault {
        let class = self.refine(class);
        let mut fault = Fault::new(class, phase, self.client_message(class));
        fault.detail = self.detail(body);
        fault.param.clone_from(&self.param);
        fault.code = self.name.map(Cow::into_owned);
        fault
    }

    /// The class once the original status and the text have been heard.
    fn refine(&self, class: ErrorClass) -> ErrorClass {
        let class = match (class, self.original_status) {
            (ErrorClass::ModelFailed, Some(400..=499)) => ErrorClass::ModelRejected,
            _ => class,
        };
        let (Some(scope), Some(message)) = (Scope::of(class), &self.message) else {
            return class;
        };
        let message = message.to_ascii_lowercase();
        let hit = TEXTS.iter().find(|row| row.within == scope && message.contains(row.text));
        hit.map_or(class, |row| row.class)
    }

    fn client_message(&self, class: ErrorClass) -> Cow<'static, str> {
        if let Some(fixed) = private_message(class) {
            return fixed.into();
        }
        let words = self
            .message
            .as_deref()
            .map(str::trim)
            .filter(|words| self.is_json && !words.is_empty());
        match (words, &self.name) {
            (Some(words), _) => scrub(without_wrapper(words, class)).into(),
            (None, Some(name)) => format!("Bedrock answered {name} without a message").into(),
            (None, None) => "Bedrock answered with an error that it did not explain".into(),
        }
    }

    fn detail(&self, body: &[u8]) -> Option<String> {
        let words = self.message.as_deref().map(Cow::Borrowed);
        let words = words.or_else(|| (!body.is_empty()).then(|| String::from_utf8_lossy(body)))?;
        let end = words.floor_char_boundary(MAX_DETAIL);
        Some(words[..end].to_owned())
    }
}

// === helpers ===

/// The error in a server-sent event, in any of the three forms: `{"error": {…}}`, an event `error` that
/// is one itself, a failed answer that holds one.
fn sent_error(payload: &[u8]) -> Option<Said<'static>> {
    // Inside of texts the quotes are escaped, so only a key or a whole word can match.
    memchr::memmem::find(payload, b"\"error\"")?;
    let Ok(Value::Object(members)) = serde_json::from_slice(payload) else { return None };
    let inner = match text(&members, "type") {
        Some("error") if !members.contains_key("error") => Some(&members),
        Some("response.failed") => members.get("response")?.as_object()?.get("error")?.as_object(),
        Some("error") | None => members.get("error").and_then(Value::as_object),
        Some(_) => None,
    };
    Some(Said { is_json: true, ..Said::default() }.by_vendor(inner?))
}

fn text<'m>(members: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
    members.get(key)?.as_str()
}

/// `Name` out of `com.amazon#Name:http://…`; `None` if nothing that looks like a name is left.
fn bare_name(name: &str) -> Option<&str> {
    let name = name.split(':').next().unwrap_or(name);
    let name = name.rsplit('#').next().unwrap_or(name).trim();
    let looks_like_one =
        !name.is_empty() && name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric());
    looks_like_one.then_some(name)
}

/// The row for a name in any of its spellings: with `Exception` or without, lowerCamel or Pascal.
fn row_of(name: &str) -> Option<&'static NameRow> {
    let stem = name.strip_suffix("Exception").unwrap_or(name);
    NAMES.iter().find(|row| row.name.eq_ignore_ascii_case(stem))
}

fn is_modelled_exception(name: &str) -> bool {
    name.ends_with("Exception") && row_of(name).is_some_and(|row| row.origin == Origin::Modelled)
}

fn without_wrapper(words: &str, class: ErrorClass) -> &str {
    match class {
        ErrorClass::ContextOverflow => words.strip_prefix(MODEL_SAYS).unwrap_or(words),
        _ => words,
    }
}

/// `x-amz-retry-after` (milliseconds), else `retry-after` (seconds, or a date as seen from the
/// response's own `date`).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let wait = if let Some(millis) =
        header("x-amz-retry-after").and_then(|value| value.parse().ok())
    {
        Duration::from_millis(millis)
    } else {
        let value = header(RETRY_AFTER.as_str())?;
        match value.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(date(headers)?).ok()?,
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}
