//! Who is let in: tokens, signatures of botocore, short-term keys, and nothing that differs by a byte.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::{Duration, SystemTime};

use http::request::Parts;
use http::{HeaderValue, Request};
use outcrop_config::{ClientKey, KeyProof, Origin, Redacted, Scopes, Secret};
use outcrop_core::admit::{Admittance, Admitter, Grant, KeyTable, Strangers};
use outcrop_model::{ErrorClass, Fault};
use serde_json::Value;

const TOKEN: &str = "oc_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
/// Made by a program of its own from the key pair of [`vectors`], for 2026-11-21T00:00:00Z and 12 hours.
const SHORT_TERM: &str = include_str!("data/short-term.txt");
/// 2026-11-21T00:00:00Z, when everything here was signed.
const SIGNED_AT: u64 = 1_795_219_200;

fn vectors() -> Value {
    let text = include_str!("../../outcrop-aws/tests/data/sigv4_botocore.json");
    serde_json::from_str(text).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn inline(text: &str) -> Secret {
    Secret::Inline(Redacted::new(text))
}

fn key(name: &str, proof: KeyProof) -> ClientKey {
    let (owner, origin) = (None, Origin::default());
    let name = name.to_owned();
    ClientKey { name, proof, scopes: Scopes::default(), expires: None, owner, tags: vec![], origin }
}

fn pair() -> ClientKey {
    let vectors = vectors();
    let access_key_id = vectors["access_key_id"].as_str().unwrap().to_owned();
    let secret_access_key = inline(vectors["secret_access_key"].as_str().unwrap());
    key("pair", KeyProof::Pair { access_key_id, secret_access_key })
}

fn table(keys: &[ClientKey]) -> KeyTable {
    let (table, unusable) = KeyTable::of(keys, &|secret| match secret {
        Secret::Inline(text) => Ok(text.reveal().to_owned()),
        Secret::Env(_) | Secret::File(_) => Err("not set".to_owned()),
    });
    assert_eq!(unusable, []);
    table
}

fn admitter(keys: &[ClientKey]) -> Admitter {
    Admitter::of(table(keys))
}

fn head(headers: &[(&str, &str)]) -> Parts {
    let request = headers.iter().fold(Request::get("/v1/models"), |r, (k, v)| r.header(*k, *v));
    request.body(()).unwrap().into_parts().0
}

fn judge(admitter: &Admitter, head: &Parts, body: &str, now: u64) -> Result<Grant, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(admitter.admit(head, at(now)))? {
        Admittance::Granted(grant) => Ok(grant),
        Admittance::Signed(signed) => admitter.finish(&signed, body.as_bytes(), at(now)),
    }
}

fn name(granted: Result<Grant, Fault>) -> Result<String, ErrorClass> {
    granted
        .map(|grant| grant.caller.map_or_else(String::new, |caller| caller.name.clone()))
        .map_err(|fault| fault.class)
}

/// A vector of botocore's as the head that it would be on the wire, and its body.
fn signed(vector: &Value) -> (Parts, String) {
    let (_, host) = vector["base_url"].as_str().unwrap().split_once("://").unwrap();
    let (host, base) = host.split_at(host.find('/').unwrap_or(host.len()));
    let method = vector["method"].as_str().unwrap();
    let path = format!("{base}{}", vector["path_and_query"].as_str().unwrap());
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    for part in ["headers", "expected"] {
        for (name, value) in vector[part].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    let body = match &vector["body"] {
        Value::String(text) => text.clone(),
        rule => {
            let times = usize::try_from(rule["times"].as_u64().unwrap()).unwrap();
            rule["repeat"].as_str().unwrap().repeat(times)
        }
    };
    (request.body(()).unwrap().into_parts().0, body)
}

#[test]
fn a_token_is_found_in_each_of_its_headers() {
    let hash = "72ad3c5de4b0e2cf2c9e1e9d5a3a8f22c2b2b8f2b0b7e7a2c1f7f1b2a3c4d5e6";
    let keys = [
        key("plain", KeyProof::Tokens(vec![inline(TOKEN)])),
        key("hashed", KeyProof::TokenHash(hash.to_uppercase())),
    ];
    let admitter = admitter(&keys).with_headers(vec!["apikey".parse().unwrap()]);
    let bearer = format!("Bearer {TOKEN}");
    type Case<'a> = (&'a [(&'a str, &'a str)], Result<&'a str, ErrorClass>);
    let cases: [Case<'_>; 11] = [
        (&[("authorization", &bearer)], Ok("plain")),
        (&[("authorization", &bearer.replace("Bearer", "bearer"))], Ok("plain")),
        (&[("x-api-key", TOKEN)], Ok("plain")),
        (&[("apikey", TOKEN)], Ok("plain")),
        (&[("x-api-key", "stopgap"), ("authorization", &bearer)], Ok("plain")),
        (&[("x-api-key", TOKEN), ("authorization", "Bearer stopgap")], Ok("plain")),
        (&[("api-key", TOKEN)], Err(ErrorClass::Unauthenticated)),
        (&[("authorization", TOKEN)], Err(ErrorClass::Unauthenticated)),
        (&[("authorization", "Bearer ")], Err(ErrorClass::Unauthenticated)),
        // A hash is no token.
        (&[("x-api-key", hash)], Err(ErrorClass::Unauthenticated)),
        (&[], Err(ErrorClass::Unauthenticated)),
    ];
    for (headers, expected) in cases {
        let granted = name(judge(&admitter, &head(headers), "", SIGNED_AT));
        assert_eq!(granted.as_deref(), expected.as_ref().copied(), "{headers:?}");
    }
}

#[test]
fn a_key_ends_at_its_time_and_the_refusal_does_not_tell() {
    let mut old = key("old", KeyProof::Tokens(vec![inline(TOKEN)]));
    old.expires = Some(at(SIGNED_AT));
    let admitter = admitter(&[old]);
    let known = head(&[("x-api-key", TOKEN)]);
    assert_eq!(name(judge(&admitter, &known, "", SIGNED_AT - 1)).unwrap(), "old");
    let expired = judge(&admitter, &known, "", SIGNED_AT).unwrap_err();
    let unknown = judge(&admitter, &head(&[("x-api-key", "x")]), "", SIGNED_AT).unwrap_err();
    let missing = judge(&admitter, &head(&[]), "", SIGNED_AT).unwrap_err();
    assert_eq!((expired.class, &expired.message), (unknown.class, &unknown.message));
    assert_eq!((expired.class, &expired.message), (missing.class, &missing.message));
    assert_eq!(expired.detail.as_deref(), Some("the key old has expired"));
}

#[test]
fn a_bad_key_takes_down_no_good_one() {
    let keys = [
        key("good", KeyProof::Tokens(vec![inline(TOKEN)])),
        key("twin", KeyProof::Tokens(vec![inline(TOKEN)])),
        key("unset", KeyProof::Tokens(vec![Secret::Env("UNSET".to_owned())])),
        key("empty", KeyProof::Tokens(vec![inline("")])),
        key("short", KeyProof::TokenHash("abcd".to_owned())),
    ];
    let resolve = |secret: &Secret| match secret {
        Secret::Inline(text) => Ok(text.reveal().to_owned()),
        Secret::Env(_) | Secret::File(_) => Err("not set".to_owned()),
    };
    let (table, unusable) = KeyTable::of(&keys, &resolve);
    let names: Vec<&str> = unusable.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["twin", "unset", "empty", "short"]);
    assert_eq!(table.len(), 1);
}

#[test]
fn strangers_may_be_welcome_beside_known_keys() {
    let admitter = admitter(&[key("known", KeyProof::Tokens(vec![inline(TOKEN)]))])
        .with_strangers(Strangers::Welcome);
    let asked = |headers| name(judge(&admitter, &head(headers), "", SIGNED_AT)).unwrap();
    assert_eq!(asked(&[("x-api-key", TOKEN)]), "known");
    assert_eq!(asked(&[("x-api-key", "any")]), "");
    assert_eq!(asked(&[("authorization", "AWS4-HMAC-SHA256 nonsense")]), "");
}

#[test]
fn signatures_of_botocore_are_taken() {
    let admitter = admitter(&[pair()]);
    let vectors = vectors();
    for vector in vectors["vectors"].as_array().unwrap() {
        let (head, body) = signed(vector);
        let granted = name(judge(&admitter, &head, &body, vector["time"].as_u64().unwrap()));
        assert_eq!(granted.as_deref(), Ok("pair"), "{}", vector["name"]);
    }
}

#[test]
fn a_signature_covers_path_query_headers_and_body() {
    let admitter = admitter(&[pair()]);
    let vectors = vectors();
    let (head, body) = signed(&vectors["vectors"][0]);
    let refused = |change: &dyn Fn(&mut Parts), body: &str, now: u64| {
        let mut head = head.clone();
        change(&mut head);
        judge(&admitter, &head, body, now).unwrap_err()
    };
    let header = |name: &'static str, value: &'static str| {
        move |head: &mut Parts| {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
    };
    let path = |path: &'static str| move |head: &mut Parts| head.uri = path.parse().unwrap();
    let same = |_: &mut Parts| {};
    let unsigned = "UNSIGNED-PAYLOAD";
    for (what, fault) in [
        ("path", refused(&path("/model/amazon.nova-pro/converse"), &body, SIGNED_AT)),
        ("query", refused(&path("/model/amazon.nova-lite/converse?a=b"), &body, SIGNED_AT)),
        ("host", refused(&header("host", "elsewhere"), &body, SIGNED_AT)),
        ("type", refused(&header("content-type", "text/plain"), &body, SIGNED_AT)),
        ("unsigned header", refused(&header("x-amz-target", "x"), &body, SIGNED_AT)),
        ("unsigned body", refused(&header("x-amz-content-sha256", unsigned), &body, SIGNED_AT)),
        ("body", refused(&same, "{}", SIGNED_AT)),
        ("early", refused(&same, &body, SIGNED_AT - 301)),
        ("late", refused(&same, &body, SIGNED_AT + 301)),
    ] {
        assert_eq!(fault.class, ErrorClass::CallerSignature, "{what}");
    }
    assert_eq!(name(judge(&admitter, &head, &body, SIGNED_AT + 300)).as_deref(), Ok("pair"));
    let late = refused(&same, &body, SIGNED_AT + 301);
    assert_eq!(
        late.message,
        "Signature expired: 20261121T000000Z is now earlier than 20261121T000001Z (20261121T000501Z - 5 min.)"
    );
}

#[test]
fn a_pair_that_is_not_known_is_refused_like_a_token() {
    let admitter = admitter(&[key("other", KeyProof::Tokens(vec![inline(TOKEN)]))]);
    let vectors = vectors();
    let (head, body) = signed(&vectors["vectors"][0]);
    let fault = judge(&admitter, &head, &body, SIGNED_AT).unwrap_err();
    assert_eq!(fault.class, ErrorClass::Unauthenticated);
}

#[test]
fn a_valid_key_is_enough_beside_a_signature_that_says_nothing_here() {
    let known = [pair(), key("token", KeyProof::Tokens(vec![inline(TOKEN)]))];
    let vectors = vectors();
    let (head, body) = signed(&vectors["vectors"][0]);
    let late = SIGNED_AT + 301;
    for (keys, now) in [(&known[1..], SIGNED_AT), (&known[1..], late), (&known[..], late)] {
        let admitter = admitter(keys);
        let alone = judge(&admitter, &head, &body, now).unwrap_err();
        let beside = |token: &'static str| {
            let mut head = head.clone();
            head.headers.insert("x-api-key", HeaderValue::from_static(token));
            judge(&admitter, &head, &body, now)
        };
        assert_eq!(name(beside(TOKEN)).as_deref(), Ok("token"));
        let refused = beside("stopgap").unwrap_err();
        assert_eq!((refused.class, refused.message), (alone.class, alone.message));
    }
}

#[test]
fn short_term_keys_of_a_pair_are_taken_for_their_time() {
    let admitter = admitter(&[pair()]);
    let bearer = format!("Bearer {}", SHORT_TERM.trim());
    let head = head(&[("authorization", &bearer)]);
    for (now, expected) in [
        (SIGNED_AT - 301, Err(ErrorClass::Unauthenticated)),
        (SIGNED_AT, Ok("pair")),
        (SIGNED_AT + 43_199, Ok("pair")),
        (SIGNED_AT + 43_200, Err(ErrorClass::Unauthenticated)),
    ] {
        let granted = name(judge(&admitter, &head, "", now));
        assert_eq!(granted.as_deref(), expected.as_ref().copied(), "{now}");
    }
}

/// Every text that differs from `text` by one bit of one byte, and is a header still.
fn mutations(text: &str) -> impl Iterator<Item = HeaderValue> {
    let flips = (0..text.len()).flat_map(|at| (0..7).map(move |bit| (at, 1_u8 << bit)));
    flips.filter_map(|(at, flip)| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= flip;
        HeaderValue::from_bytes(&bytes).ok()
    })
}

#[test]
fn nothing_that_differs_by_a_bit_is_taken() {
    let admitter = admitter(&[pair(), key("token", KeyProof::Tokens(vec![inline(TOKEN)]))]);
    let vectors = vectors();
    let (signed, body) = signed(&vectors["vectors"][0]);
    let authorization = signed.headers["authorization"].to_str().unwrap().to_owned();
    let mut tried = 0;
    for (header, text, from) in [
        ("x-api-key", TOKEN, &head(&[])),
        ("x-api-key", SHORT_TERM.trim(), &head(&[])),
        ("authorization", authorization.as_str(), &signed),
    ] {
        for changed in mutations(text) {
            let mut head = from.clone();
            head.headers.insert(header, changed.clone());
            assert!(judge(&admitter, &head, &body, SIGNED_AT).is_err(), "{changed:?}");
            tried += 1;
        }
    }
    assert!(tried > 4000, "{tried}");
}
