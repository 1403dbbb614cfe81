//! Short-term Bedrock API keys, made here from access keys.
//!
//! A key is the base64 of a presigned `POST https://bedrock.amazonaws.com/?Action=CallWithBearerToken`
//! without its scheme, `&Version=1` appended after signing (AWS's token generator for Bedrock, checked
//! 2026-11-21). It lives for twelve hours, or as long as the access keys if that is less.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Clock;
use crate::credentials::{AccessKeys, Credentials};
use crate::endpoint::Region;
use crate::identity::chain::Chain;
use crate::identity::keeper::{Fetch, Fetched, Fetching, Miss};
use crate::identity::trace::Step;

const NAME: &str = "minted API key";
const PREFIX: &str = "bedrock-api-key-";
const HOST: &str = "bedrock.amazonaws.com";
/// The longest life of a key.
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// Makes keys from what a chain gives.
#[derive(Debug)]
pub(super) struct Mint {
    chain: Chain,
    region: Region,
    clock: Clock,
}

// === impl Mint ===

impl Mint {
    pub(super) fn new(chain: Chain, region: &Region, clock: Clock) -> Self {
        Self { chain, region: region.clone(), clock }
    }

    /// Makes one, and tells each step.
    pub(super) async fn fetch_told(&self, steps: &mut Vec<Step>) -> Result<Fetched, Miss> {
        let minted = self.mint(&self.chain.fetch_told(steps).await?);
        steps.push(Step::settled(NAME, &minted));
        minted
    }

    fn mint(&self, keys: &Fetched) -> Result<Fetched, Miss> {
        let now = self.clock.now();
        let end = keys.expires_at.map_or(now + LIFE, |end| end.min(now + LIFE));
        let failed = |reason: String| Miss::Failed { source: NAME, reason };
        let Credentials::Keys(pair) = &keys.credentials else {
            return Err(failed("there are no access keys to make it from".to_owned()));
        };
        let token = token(pair, &self.region, now).map_err(failed)?;
        let credentials = Credentials::bearer(&token).map_err(|error| failed(error.to_string()))?;
        Ok(Fetched { credentials, expires_at: Some(end) })
    }
}

impl Fetch for Mint {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async { self.fetch_told(&mut Vec::new()).await })
    }
}

// === helpers ===

fn token(keys: &AccessKeys, region: &Region, now: SystemTime) -> Result<String, String> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFE);
    let params = v4::SigningParams::builder()
        .identity(keys.identity())
        .region(region.as_str())
        .name("bedrock")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let url = format!("https://{HOST}/?Action=CallWithBearerToken");
    let headers = [("host", HOST)].into_iter();
    let request = SignableRequest::new("POST", url.as_str(), headers, SignableBody::Bytes(b""))
        .map_err(|error| error.to_string())?;
    let (instructions, _signature) =
        sign(request, &params).map_err(|error| error.to_string())?.into_parts();
    let mut signed = http::Request::post(url).body(()).map_err(|error| error.to_string())?;
    instructions.apply_to_request_http1x(&mut signed);
    let url = format!("{}&Version=1", signed.uri());
    let url = url.strip_prefix("https://").unwrap_or(&url);
    Ok(format!("{PREFIX}{}", STANDARD.encode(url)))
}
