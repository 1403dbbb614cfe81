//! Same dialect, other envelope: edits a few top-level members and leaves the rest byte for byte.

use std::borrow::Cow;
use std::sync::LazyLock;

use outcrop_model::catalog::Gate;
use outcrop_model::json::{Members, next_str, parse_raw, skip};
use outcrop_model::{Card, Fault, Lane, Ledger, Object, read_as_object};
use serde::de::MapAccess;
use serde_json::value::RawValue;

pub(crate) mod openai;
mod target;

pub(crate) use target::sets_format;

use crate::anthropic::{Envelope, OLDEST_VERSION};
use crate::gate;
use crate::invoke::METRICS;
use crate::write::JsonWriter;

/// Anthropic Messages in another envelope. Members that Bedrock is known to refuse go ([`gate`]); all
/// others keep their bytes and order. Beside the body the betas of header and body that are taken, for an
/// envelope that has them in a header.
pub fn messages<'a>(
    members: &Members<'a>,
    header_betas: &[Cow<'a, str>],
    envelope: Envelope<'_>,
    to: Toward<'_>,
    ledger: &mut Ledger,
) -> Result<(Vec<u8>, Vec<Cow<'a, str>>), Fault> {
    check(members)?;
    uncounted_messages(members, header_betas, envelope, to, ledger)
}

/// [`messages`] that need no `max_tokens`: those of a count.
pub fn uncounted_messages<'a>(
    members: &Members<'a>,
    header_betas: &[Cow<'a, str>],
    envelope: Envelope<'_>,
    to: Toward<'_>,
    ledger: &mut Ledger,
) -> Result<(Vec<u8>, Vec<Cow<'a, str>>), Fault> {
    let card = to.card;
    let mut body = target::fit(members, card, ledger)?;
    let mut betas = accepted_betas(members, header_betas, to, ledger)?;
    add_feature_betas(&body, card, &mut betas);
    let apart = match envelope {
        Envelope::Invoke { .. } => &INVOKE_ENVELOPE[..],
        Envelope::Direct { .. } => &DIRECT_ENVELOPE[..],
    };
    body.0.retain_mut(|(key, value)| {
        let closed = to.closed_gates(&betas).chain(card_gates(card));
        !apart.contains(&&**key) && gate::pass(key, value, closed, ledger)
    });
    target::fit_turns(&mut body, card, ledger);
    let size: usize = body.0.iter().map(|(k, v)| k.len() + v.get().len() + 4).sum();
    let mut out = Vec::with_capacity(size + 128);
    let mut w = JsonWriter::new(&mut out);
    w.open_object();
    match envelope {
        Envelope::Invoke { version } => {
            w.member_str("anthropic_version", version);
            if !betas.is_empty() {
                w.key("anthropic_beta");
                w.open_array();
                betas.iter().for_each(|b| w.str(b));
                w.close_array();
            }
        }
        Envelope::Direct { model } => w.member_str("model", model),
    }
    for (key, value) in &body.0 {
        w.key_escaped(key);
        w.raw(value);
    }
    w.close_object();
    Ok((out, betas))
}

/// Members that InvokeModel has in its path and headers, or that are written anew.
const INVOKE_ENVELOPE: [&str; 5] =
    ["model", "stream", "anthropic_version", "anthropic_beta", "service_tier"];
/// The same for Anthropic's own paths.
const DIRECT_ENVELOPE: [&str; 3] = ["model", "anthropic_version", "anthropic_beta"];

/// What is known of the way that a relayed body takes.
#[derive(Debug, Clone, Copy)]
pub struct Toward<'c> {
    pub card: &'c Card,
    pub lane: &'c Lane,
}

impl<'c> Toward<'c> {
    fn accepts_beta(self, beta: &str) -> bool {
        let here = &self.lane.betas;
        self.card.accepts_beta(beta) || here.iter().any(|known| beta.starts_with(known.as_str()))
    }

    fn closed_gates(self, betas: &[Cow<'_, str>]) -> impl Iterator<Item = &'c Gate> {
        let (card, lane) = (self.card.gates.iter(), self.lane.gates.iter());
        card.chain(lane).filter(|gate| !gate.is_open(betas))
    }
}

/// A native InvokeModel body whose `anthropic_version` the model does not take gets [`OLDEST_VERSION`]:
/// SDKs write the newest one for every model. `None`: the body stays as it is, byte for byte.
pub fn correct_version(body: &[u8], card: &Card, ledger: &mut Ledger) -> Option<Vec<u8>> {
    const MEMBER: &str = "anthropic_version";
    memchr::memmem::find(body, MEMBER.as_bytes())?;
    // A body that is not a JSON object is Bedrock's to refuse.
    let members: Members<'_> = serde_json::from_slice(body).ok()?;
    let written = members.get(MEMBER)?.get();
    let version = written.strip_prefix('"')?.strip_suffix('"')?;
    if version == OLDEST_VERSION || card.anthropic_versions.iter().any(|v| v == version) {
        return None;
    }
    // The raw value is a part of `body`: its place is the distance between the two.
    let start = written.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let (before, after) = (body.get(..start)?, body.get(start + written.len()..)?);
    ledger.approximated(
        MEMBER,
        format!("`{version}` is not taken by this model; sent as {OLDEST_VERSION}"),
    );
    Some([before, b"\"", OLDEST_VERSION.as_bytes(), b"\"", after].concat())
}

/// What Bedrock would refuse in words that do not help an Anthropic client.
fn check(members: &Members<'_>) -> Result<(), Fault> {
    match members.get("max_tokens") {
        None => {
            return Err(Fault::invalid(
                "max_tokens",
                "is required. Set the most tokens that the answer may have.",
            ));
        }
        Some(raw) => {
            let tokens: i64 = parse_raw(raw, "max_tokens")?;
            if tokens < 1 {
                return Err(Fault::invalid("max_tokens", "must be at least 1."));
            }
        }
    }
    let missing = || Fault::invalid("messages", "is required and must hold at least one message.");
    let messages = members.get("messages").ok_or_else(missing)?;
    if has_an_element(messages) {
        return Ok(());
    }
    let messages: Vec<&RawValue> = parse_raw(messages, "messages")?;
    match messages.is_empty() {
        true => Err(missing()),
        false => Ok(()),
    }
}

/// Whether a value is a list of something, by its first bytes: the history behind them is long.
fn has_an_element(raw: &RawValue) -> bool {
    let inner = raw.get().strip_prefix('[').map(str::trim_start);
    inner.is_some_and(|inner| !inner.starts_with(']'))
}

fn accepted_betas<'a>(
    members: &Members<'a>,
    header: &[Cow<'a, str>],
    to: Toward<'_>,
    ledger: &mut Ledger,
) -> Result<Vec<Cow<'a, str>>, Fault> {
    let body: Vec<Cow<'a, str>> = match members.get("anthropic_beta") {
        Some(raw) => {
            let list: Vec<outcrop_model::json::Str<'a>> = parse_raw(raw, "anthropic_beta")?;
            list.into_iter().map(|s| s.0).collect()
        }
        None => Vec::new(),
    };
    let mut accepted: Vec<Cow<'a, str>> = Vec::new();
    for beta in header.iter().flat_map(listed).chain(body) {
        let name = match to.card.beta_name(&beta) {
            name if name == beta => beta,
            name => {
                let why = format!("Bedrock calls `{beta}` `{name}`");
                ledger.approximated("anthropic-beta", why);
                Cow::Owned(name.to_owned())
            }
        };
        if !to.accepts_beta(&name) {
            ledger.dropped(
                "anthropic-beta",
                format!("Bedrock does not take `{name}` for this model"),
            );
        } else if !accepted.contains(&name) {
            accepted.push(name);
        }
    }
    Ok(accepted)
}

/// Where members stand that the card says the model does not take: cache marks, lifetimes in them, strict
/// tools.
fn card_gates(card: &Card) -> impl Iterator<Item = &Gate> {
    static GATES: LazyLock<[Vec<Gate>; 3]> = LazyLock::new(|| {
        let gate = |path: String| Gate { path, betas: Vec::new() };
        let blocks =
            ["messages[].content[]", "messages[].content[].content[]", "system[]", "tools[]"];
        let on_blocks =
            |member: &str| blocks.iter().map(|block| gate(format!("{block}.{member}"))).collect();
        let strict = vec![gate("tools[].strict".to_owned())];
        [on_blocks("cache_control"), on_blocks("cache_control.ttl"), strict]
    });
    let [marks, lifetimes, strict] = &*GATES;
    let cache: &[Gate] = match (card.cache, card.cache_one_hour) {
        (false, _) => marks,
        (true, false) => lifetimes,
        (true, true) => &[],
    };
    cache.iter().chain(strict.iter().filter(|_| !card.strict_tools))
}

/// What the body uses that the model takes only with a beta.
fn add_feature_betas<'a>(body: &target::Body<'_>, card: &Card, betas: &mut Vec<Cow<'a, str>>) {
    for (path, beta) in &card.feature_betas {
        let is_new = card.accepts_beta(beta) && !betas.iter().any(|known| known == beta);
        let mut members = body.0.iter();
        if is_new && members.any(|(key, value)| gate::holds(key, value, path)) {
            betas.push(Cow::Owned(beta.clone()));
        }
    }
}

/// The names in an element of the header's comma list, which some clients write as a JSON array.
fn listed<'a>(element: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let is_frame = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '"');
    let name = element.trim_matches(is_frame);
    match name.len() == element.len() {
        true => Some(element.clone()),
        false => (!name.is_empty()).then(|| Cow::Owned(name.to_owned())),
    }
}

/// Writes one event of Anthropic's stream as SSE, byte for byte but for Bedrock's own metrics, which
/// ride on `message_stop` and are no part of the dialect.
pub fn write_event(json: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    let kind = event_type(json);
    push_one_line(kind.as_bytes(), out);
    out.extend_from_slice(b"\ndata: ");
    if kind == "message_stop" && memchr::memmem::find(json, METRICS.as_bytes()).is_some() {
        write_without_metrics(json, out);
    } else {
        push_one_line(json, out);
    }
    out.extend_from_slice(b"\n\n");
}

/// A line break ends an SSE field; in JSON it is white space, and no event that is known has one in its name.
fn push_one_line(json: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(json);
    if memchr::memchr2(b'\n', b'\r', json).is_some() {
        out[start..].iter_mut().filter(|b| matches!(**b, b'\n' | b'\r')).for_each(|b| *b = b' ');
    }
}

fn write_without_metrics(json: &[u8], out: &mut Vec<u8>) {
    let Ok(members) = serde_json::from_slice::<Members<'_>>(json) else {
        return push_one_line(json, out);
    };
    let mut w = JsonWriter::new(out);
    w.open_object();
    for (key, value) in members.0.iter().filter(|(key, _)| key != METRICS) {
        w.key_escaped(key);
        w.raw(value);
    }
    w.close_object();
}

fn event_type(json: &[u8]) -> Cow<'_, str> {
    const HEAD: &[u8] = br#"{"type":""#;
    if let Some(rest) = json.strip_prefix(HEAD) {
        let end = memchr::memchr2(b'"', b'\\', rest);
        if let Some(Ok(word)) =
            end.filter(|e| rest[*e] == b'"').map(|e| std::str::from_utf8(&rest[..e]))
        {
            return Cow::Borrowed(word);
        }
    }
    serde_json::from_slice::<Typed<'_>>(json).map_or(Cow::Borrowed("message"), |t| t.kind)
}

#[derive(Default)]
struct Typed<'a> {
    kind: Cow<'a, str>,
}

impl<'de> Object<'de> for Typed<'de> {
    const WHAT: &'static str = "an event";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "type" => self.kind = next_str(map)?.unwrap_or_default(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

read_as_object!(Typed<'de>);

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_model::{Carrier, Catalog};

    const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

    fn relay(body: &str, betas: &[&str]) -> (Result<String, Fault>, Ledger) {
        let members: Members<'_> = serde_json::from_str(body).unwrap();
        let betas: Vec<Cow<'_, str>> = betas.iter().map(|b| Cow::Borrowed(*b)).collect();
        let mut ledger = Ledger::default();
        let card = Catalog::built_in().card(CLAUDE);
        let to = Toward { card, lane: &card.carriers[0] };
        let envelope = Envelope::Invoke { version: "bedrock-2023-05-31" };
        let out = messages(&members, &betas, envelope, to, &mut ledger);
        (out.map(|(body, _)| String::from_utf8(body).unwrap()), ledger)
    }

    #[test]
    fn the_direct_envelope_has_the_model_in_the_body_and_betas_beside_it() {
        let body = r#"{"stream":true,"model":"mine","max_tokens":9,"anthropic_version":"x","service_tier":"auto","messages":[ 1 ]}"#;
        let members: Members<'_> = serde_json::from_str(body).unwrap();
        let card = Catalog::built_in().card(CLAUDE);
        let lane = card.carriers.iter().find(|l| l.carrier == Carrier::Mantle).unwrap();
        let betas = ["claude-code-20250219".into(), "files-api-2025-04-14".into()];
        let mut ledger = Ledger::default();
        let envelope = Envelope::Direct { model: "theirs" };
        let to = Toward { card, lane };
        let (out, betas) = messages(&members, &betas, envelope, to, &mut ledger).unwrap();
        let expected = r#"{"model":"theirs","stream":true,"max_tokens":9,"service_tier":"auto","messages":[ 1 ]}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(betas, ["claude-code-20250219"], "taken here, not by InvokeModel");
        assert!(ledger.header().unwrap().contains("files-api"));
    }

    #[test]
    fn everything_but_the_envelope_keeps_its_bytes() {
        let body = r#"{"model":"m","max_tokens":9, "future": {"x" : [1, 2.50]},"messages":[{"role":"user","content":"h\u00e9","new":null}],"stream":true}"#;
        let (out, ledger) = relay(body, &[]);
        let expected = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"future":{"x" : [1, 2.50]},"messages":[{"role":"user","content":"h\u00e9","new":null}]}"#;
        assert_eq!(out.unwrap(), expected);
        assert!(ledger.is_empty());
    }

    #[test]
    fn betas_of_header_and_body_are_merged_and_filtered() {
        let body = r#"{"max_tokens":1,"anthropic_version":"2026-10-21","anthropic_beta":["interleaved-thinking-2025-05-14"],"messages":[1]}"#;
        let (out, ledger) =
            relay(body, &["interleaved-thinking-2025-05-14", "files-api-2025-04-14"]);
        assert!(out.unwrap().contains(r#""anthropic_beta":["interleaved-thinking-2025-05-14"]"#));
        assert!(ledger.header().unwrap().contains("files-api-2025-04-14"));
    }

    #[test]
    fn a_version_that_the_model_does_not_take_is_corrected_in_place() {
        let catalog = Catalog::built_in();
        let body = br#"{ "max_tokens":1, "anthropic_version" : "2026-10-21","x":[ 1 ]}"#;
        let mut ledger = Ledger::default();
        let out = correct_version(body, catalog.card(CLAUDE), &mut ledger).unwrap();
        assert_eq!(
            out,
            br#"{ "max_tokens":1, "anthropic_version" : "bedrock-2023-05-31","x":[ 1 ]}"#
        );
        assert_eq!(ledger.losses().len(), 1);
        assert_eq!(
            correct_version(body, catalog.card("anthropic.claude-opus-4-8"), &mut ledger),
            None
        );
        assert_eq!(correct_version(b"anthropic_version", catalog.card(CLAUDE), &mut ledger), None);
    }

    #[test]
    fn missing_members_are_named() {
        assert_eq!(
            relay(r#"{"messages":[1]}"#, &[]).0.unwrap_err().param.as_deref(),
            Some("max_tokens")
        );
        assert_eq!(
            relay(r#"{"max_tokens":1,"messages":[]}"#, &[]).0.unwrap_err().param.as_deref(),
            Some("messages")
        );
        for wrong in ["[ ]", "null", "{}", "\"hi\""] {
            let body = format!(r#"{{"max_tokens":1,"messages":{wrong}}}"#);
            let fault = relay(&body, &[]).0.unwrap_err();
            assert_eq!(fault.param.as_deref(), Some("messages"), "{wrong}");
        }
        assert_eq!(
            relay(r#"{"max_tokens":"x","messages":[1]}"#, &[]).0.unwrap_err().param.as_deref(),
            Some("max_tokens")
        );
    }

    #[test]
    fn bedrocks_metrics_do_not_leak() {
        let mut out = Vec::new();
        write_event(
            br#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#,
            &mut out,
        );
        assert_eq!(out, b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }

    #[test]
    fn an_event_stays_on_one_line() {
        let mut out = Vec::new();
        write_event(b"{\n\"x\": 1,\n\"type\": \"ping\"}", &mut out);
        assert_eq!(out, b"event: ping\ndata: { \"x\": 1, \"type\": \"ping\"}\n\n");
        out.clear();
        write_event(br#"{"type":"new\nevent: message_stop"}"#, &mut out);
        let one =
            b"event: new event: message_stop\ndata: {\"type\":\"new\\nevent: message_stop\"}\n\n";
        assert_eq!(out, one);
    }
}
