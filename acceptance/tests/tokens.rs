//! Tokens of an issuer at the door: the emulator's, whose keys rotate and fail.

use std::sync::Arc;

use http::Method;
use outcrop_config::{JwtIssuer, Origin, Scopes};
use outcrop_core::admit::Issuer;
use outcrop_core::{Admitter, KeyTable};
use outcrop_emulator::{
    Config, EXAMPLE_OIDC_CLIENT, EXAMPLE_OIDC_SECRET, Emulator, Fault, Injection,
};

use crate::support::{Answer, CLAUDE, NOVA, Options, Stack, chat};

const AUDIENCE: &str = "gateway";

fn trusted(emulator: &Emulator) -> JwtIssuer {
    JwtIssuer {
        issuer: emulator.oidc_issuer().to_owned(),
        audiences: vec!["other".to_owned(), AUDIENCE.to_owned()],
        jwks_url: None,
        tags: vec![("scope".to_owned(), "right".to_owned())],
        name_claim: "sub".to_owned(),
        scopes: Scopes { models: vec!["amazon.*".to_owned()], ..Scopes::default() },
        origin: Origin::default(),
    }
}

/// A gateway that trusts an emulator's issuer; the emulator behind the gateway is another.
struct World {
    issuer: Emulator,
    stack: Stack,
}

impl World {
    async fn new(change: impl FnOnce(&mut JwtIssuer)) -> Self {
        let issuer = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
        let mut config = trusted(&issuer);
        change(&mut config);
        Self::trusting(issuer, vec![config]).await
    }

    async fn trusting(issuer: Emulator, entries: Vec<JwtIssuer>) -> Self {
        let mut issuers: Vec<Arc<Issuer>> = Vec::new();
        for entry in entries {
            let one = Issuer::beside(entry, &issuers).unwrap();
            issuers.push(Arc::new(one));
        }
        let admitter = Admitter::of(KeyTable::default()).with_issuers(issuers);
        let stack = Stack::with(Options { admitter, ..Options::default() }).await;
        Self { issuer, stack }
    }

    /// A token of the issuer for an audience.
    async fn token(&self, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={EXAMPLE_OIDC_CLIENT}&client_secret={}&scope=bedrock&audience={audience}",
            escaped(EXAMPLE_OIDC_SECRET)
        );
        let url = format!("{}/token", self.issuer.oidc_issuer());
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.stack.send_to(Method::POST, &url, &headers, form).await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, token: &str, model: &str) -> Answer {
        let (path, body) = chat("openai", model, "say:hi", false);
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        self.stack.send(Method::POST, &path, &headers, body.to_string()).await
    }

    async fn status(&self, token: &str) -> u16 {
        self.ask(token, NOVA).await.status.as_u16()
    }

    /// Lets the issuer fail from now on.
    fn break_issuer(&self) {
        for operation in ["OidcDiscovery", "OidcKeys"] {
            self.issuer.inject_where(Injection {
                faults: Fault::parse_list("html=503").unwrap(),
                times: u32::MAX,
                operation: Some(operation.to_owned()),
                ..Injection::default()
            });
        }
    }

    /// How often the issuer was asked for its keys.
    fn fetches(&self) -> usize {
        let requests = self.issuer.requests();
        requests.iter().filter(|request| request.raw_path.ends_with("/jwks")).count()
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_token_names_its_caller_and_what_it_is_for() {
    let mut world = World::new(|_| {}).await;
    let token = world.token(AUDIENCE).await;
    let answer = world.ask(&token, NOVA).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt = world.stack.receipt().await;
    let caller = receipt.caller.unwrap();
    assert_eq!(caller.name, EXAMPLE_OIDC_CLIENT);
    assert_eq!(caller.tags, [("right".to_owned(), "bedrock".to_owned())]);
    assert_eq!(world.ask(&token, CLAUDE).await.status, 403);
}

#[tokio::test]
async fn nothing_but_a_good_token_is_taken() {
    let world = World::new(|_| {}).await;
    let token = world.token(AUDIENCE).await;
    assert_eq!(world.status(&token).await, 200);
    assert_eq!(world.status(&world.token("elsewhere").await).await, 401);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    // `{"alg":"none"}` and `{"alg":"HS256"}`, and a signature that belongs to something else.
    for bad in [
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        format!("eyJhbGciOiJIUzI1NiJ9.{claims}.{signature}"),
        format!("{head}.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUifQ.{signature}"),
        format!("{head}..{signature}"),
        format!("{head}.{claims}."),
        "a.b.c".to_owned(),
    ] {
        assert_eq!(world.status(&bad).await, 401, "{bad}");
    }
    for at in (0..token.len()).step_by(7) {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        // The last sign of a signature has bits that stand for nothing.
        if at + 1 < token.len() {
            assert_eq!(world.status(&changed).await, 401, "{at}");
        }
    }
}

#[tokio::test]
async fn each_audience_of_an_issuer_can_have_an_entry() {
    let issuer = Emulator::bind("127.0.0.1:0", Config::default()).await.unwrap();
    let entry = |audience: &str, models: &str| JwtIssuer {
        audiences: vec![audience.to_owned()],
        scopes: Scopes { models: vec![models.to_owned()], ..Scopes::default() },
        ..trusted(&issuer)
    };
    let entries = vec![entry("a", "amazon.*"), entry("b", "*anthropic.*")];
    let world = World::trusting(issuer, entries).await;
    for (audience, nova, claude) in [("a", 200, 403), ("b", 403, 200), ("c", 401, 401)] {
        let token = world.token(audience).await;
        let asked = (world.ask(&token, NOVA).await.status, world.ask(&token, CLAUDE).await.status);
        assert_eq!((asked.0.as_u16(), asked.1.as_u16()), (nova, claude), "{audience}");
    }
    // The keys are those of both.
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn keys_rotate_and_unknown_ones_are_looked_for_only_so_often() {
    let world = World::new(|_| {}).await;
    let first = world.token(AUDIENCE).await;
    assert_eq!(world.status(&first).await, 200);
    world.issuer.rotate_oidc_key();
    let second = world.token(AUDIENCE).await;
    assert_eq!((world.status(&second).await, world.status(&first).await), (200, 200));
    world.issuer.rotate_oidc_key();
    let third = world.token(AUDIENCE).await;
    assert_eq!((world.status(&third).await, world.status(&first).await), (200, 401));
    for _ in 0..20 {
        assert_eq!(world.status(&first).await, 401);
    }
    assert!(world.fetches() <= 4, "{}", world.fetches());
}

#[tokio::test]
async fn an_issuer_that_is_away_makes_no_good_token_bad() {
    let world = World::new(|_| {}).await;
    let token = world.token(AUDIENCE).await;
    world.break_issuer();
    let answer = world.ask(&token, NOVA).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "5");
    world.issuer.clear_faults();
    assert_eq!(world.status(&token).await, 200);
    world.break_issuer();
    assert_eq!(world.status(&token).await, 200);
    // The new key cannot be fetched: that is not the caller's fault.
    world.issuer.rotate_oidc_key();
    let unknown = world.token(AUDIENCE).await;
    assert_eq!(world.status(&unknown).await, 503);
    assert_eq!(world.status(&token).await, 200);
}

#[tokio::test]
async fn keys_may_have_an_address_of_their_own() {
    let world =
        World::new(|config| config.jwks_url = Some(format!("{}/jwks", config.issuer))).await;
    let token = world.token(AUDIENCE).await;
    assert_eq!(world.status(&token).await, 200);
    let paths: Vec<String> = world.issuer.requests().into_iter().map(|r| r.raw_path).collect();
    assert!(paths.iter().all(|path| !path.contains("openid-configuration")), "{paths:?}");
    // A claim that must name the caller, and does not.
    let world = World::new(|config| config.name_claim = "email".to_owned()).await;
    let token = world.token(AUDIENCE).await;
    assert_eq!(world.status(&token).await, 401);
}

#[test]
fn an_issuer_needs_an_audience_and_an_address() {
    let config = |issuer: &str, audiences: &[&str]| JwtIssuer {
        issuer: issuer.to_owned(),
        audiences: audiences.iter().map(|&audience| audience.to_owned()).collect(),
        jwks_url: None,
        tags: Vec::new(),
        name_claim: "sub".to_owned(),
        scopes: Scopes::default(),
        origin: Origin::default(),
    };
    assert!(Issuer::new(config("https://x.example", &["a"])).is_ok());
    for (issuer, audiences) in [
        ("https://x.example", &[][..]),
        ("x.example", &["a"]),
        ("ftp://x.example", &["a"]),
        ("https://x.example/#b", &["a"]),
    ] {
        assert!(Issuer::new(config(issuer, audiences)).is_err(), "{issuer}");
    }
}
