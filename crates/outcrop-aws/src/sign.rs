//! Signature version 4 over the bytes that go on the wire.
//!
//! 1. The canonical path is the raw wire path percent-encoded once more (so `%3A` → `%253A`,
//!    `:` → `%3A`), as for every service but S3.
//! 2. Signed are `host`, `content-type` and all `x-amz*` headers: what AWS demands and what no proxy
//!    rewrites. Every other header stays free.
//! 3. The time comes from the caller.
//!
//! The arithmetic is the `aws-sigv4` crate's; golden vectors from botocore hold it in place.

use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use outcrop_model::{ErrorClass, Fault, Phase};

use crate::credentials::AccessKeys;
use crate::endpoint::Region;

/// What a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct Signable<'a> {
    /// The signing name.
    pub service: &'a str,
    pub method: &'a Method,
    /// Path and query exactly as in the request line.
    pub path_and_query: &'a str,
    pub host: &'a HeaderValue,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// The headers to add: `authorization`, `x-amz-date` and, for temporary keys, `x-amz-security-token`.
///
/// # Errors
/// [`ErrorClass::InvalidRequest`] if a header or the path cannot be signed.
pub fn signature(
    request: &Signable<'_>,
    keys: &AccessKeys,
    region: &Region,
    now: SystemTime,
) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let headers = signed_headers(request)?;
    let body = SignableBody::Bytes(request.body);
    let target = SignableRequest::new(
        request.method.as_str(),
        request.path_and_query,
        headers.into_iter(),
        body,
    )
    .map_err(|error| unsignable(&error.to_string()))?;
    let params = v4::SigningParams::builder()
        .identity(keys.identity())
        .region(region.as_str())
        .name(request.service)
        .time(now)
        .settings(settings())
        .build()
        .map_err(|error| unsignable(&error.to_string()))?;
    let params = params.into();
    let (instructions, _signature) =
        sign(target, &params).map_err(|error| unsignable(&error.to_string()))?.into_parts();
    let (headers, _query) = instructions.into_parts();
    headers.iter().map(|header| to_header(header.name(), header.value())).collect()
}

// === helpers ===

fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.session_token_mode = SessionTokenMode::Include;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Enabled;
    // Headers are chosen before they get here.
    settings.excluded_headers = None;
    settings
}

fn signed_headers<'a>(request: &Signable<'a>) -> Result<Vec<(&'a str, &'a str)>, Fault> {
    let mut headers = Vec::with_capacity(4);
    headers.push(("host", text("host", request.host)?));
    for (name, value) in request.headers {
        if name == CONTENT_TYPE || name.as_str().starts_with("x-amz") {
            headers.push((name.as_str(), text(name.as_str(), value)?));
        }
    }
    Ok(headers)
}

fn text<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, Fault> {
    value.to_str().map_err(|_| {
        Fault::new(
            ErrorClass::InvalidRequest,
            Phase::BeforeSend,
            format!("the header {name} is not plain ASCII"),
        )
    })
}

fn to_header(name: &'static str, value: &str) -> Result<(HeaderName, HeaderValue), Fault> {
    let mut value = HeaderValue::try_from(value).map_err(|error| unsignable(&error.to_string()))?;
    value.set_sensitive(name != "x-amz-date");
    Ok((HeaderName::from_static(name), value))
}

fn unsignable(reason: &str) -> Fault {
    Fault::new(ErrorClass::InvalidRequest, Phase::BeforeSend, "the request cannot be signed")
        .with_detail(format!("signing: {reason}"))
}
