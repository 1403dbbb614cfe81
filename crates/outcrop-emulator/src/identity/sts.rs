//! STS in its query protocol: a form in, XML out.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::token::Bad;
use super::{Call, Issued, Role, Session, with_status};
use crate::access;
use crate::config::EXAMPLE_ACCOUNT;
use crate::refusal::Refusal;
use crate::reply::{Payload, Reply};
use crate::route::query_pairs;

const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The form of a call.
struct Form(Vec<(String, String)>);

// === impl Form ===

impl Form {
    fn new(body: &[u8]) -> Self {
        // In a form a plus is a blank.
        Self(query_pairs(&String::from_utf8_lossy(body).replace('+', " ")))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn needed(&self, name: &str, lengths: std::ops::RangeInclusive<usize>) -> Result<&str, Reply> {
        let value = self.get(name).unwrap_or_default();
        match lengths.contains(&value.len()) {
            true => Ok(value),
            false => Err(refuse(
                "ValidationError",
                400,
                &format!(
                    "1 validation error detected: Value at '{name}' failed to satisfy constraint"
                ),
            )),
        }
    }

    fn duration(&self) -> Result<Option<Duration>, Reply> {
        let Some(text) = self.get("DurationSeconds") else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(seconds @ 900..=43_200) => Ok(Some(Duration::from_secs(seconds))),
            Ok(_) | Err(_) => Err(refuse(
                "ValidationError",
                400,
                "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint",
            )),
        }
    }
}

pub(super) fn action(body: &[u8]) -> Call {
    let form = Form::new(body);
    match (form.get("Version"), form.get("Action")) {
        (Some(VERSION), Some("AssumeRole")) => Call::AssumeRole,
        (Some(VERSION), Some("AssumeRoleWithWebIdentity")) => Call::AssumeRoleWithWebIdentity,
        (Some(VERSION), Some("GetCallerIdentity")) => Call::GetCallerIdentity,
        _ => Call::UnknownAction,
    }
}

pub(super) fn assume(issued: &Issued, body: &[u8]) -> Reply {
    let form = Form::new(body);
    let outcome = session(issued, &form, |role| {
        let wanted = role.external_id.as_deref();
        wanted.is_none() || wanted == form.get("ExternalId")
    });
    outcome.map_or_else(|refusal| refusal, |session| granted("AssumeRole", &session, ""))
}

pub(super) fn assume_with_token(issued: &Issued, body: &[u8]) -> Reply {
    let form = Form::new(body);
    let token = match form.needed("WebIdentityToken", 4..=20_000) {
        Ok(token) => token,
        Err(refusal) => return refusal,
    };
    let subject = match issued.issuer.subject(token, SystemTime::now()) {
        Ok(subject) => subject,
        Err(bad @ Bad::Expired) => return refuse("ExpiredTokenException", 400, &told(bad)),
        Err(bad) => return refuse("InvalidIdentityToken", 400, &told(bad)),
    };
    let more = format!(
        "<SubjectFromWebIdentityToken>{subject}</SubjectFromWebIdentityToken><Audience>sts.amazonaws.com</Audience>"
    );
    let outcome = session(issued, &form, |_role| true);
    outcome.map_or_else(
        |refusal| refusal,
        |session| granted("AssumeRoleWithWebIdentity", &session, &more),
    )
}

pub(super) fn who(issued: &Issued, key_id: &str) -> Reply {
    let arn = issued.find(key_id).map_or_else(|| access::user("example"), |session| session.arn);
    let account = arn.split(':').nth(4).unwrap_or(EXAMPLE_ACCOUNT);
    let result = format!("<Arn>{arn}</Arn><UserId>{key_id}</UserId><Account>{account}</Account>");
    xml(200, &envelope("GetCallerIdentity", &result))
}

/// What the signature check says, in STS's codes.
pub(crate) fn unsigned(refusal: &Refusal) -> Reply {
    let code = match refusal.name.as_str() {
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "ExpiredTokenException" => "ExpiredToken",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        other => other,
    };
    refuse(code, refusal.status, &refusal.message)
}

pub(super) fn refuse(code: &str, status: u16, message: &str) -> Reply {
    let party = if status < 500 { "Sender" } else { "Receiver" };
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    xml(
        status,
        &format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{party}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
            Uuid::new_v4()
        ),
    )
}

// === helpers ===

/// STS's words for a token that is none of its own.
fn told(bad: Bad) -> String {
    match bad {
        Bad::Issuer(issuer) => {
            format!("No OpenIDConnect provider found in your account for {issuer}")
        }
        Bad::Audience => "Incorrect token audience".to_owned(),
        Bad::Expired => "Token expired".to_owned(),
        Bad::Invalid => "The web identity token that was passed could not be validated".to_owned(),
    }
}

fn session(issued: &Issued, form: &Form, trusts: impl Fn(&Role) -> bool) -> Result<Session, Reply> {
    let arn = form.needed("RoleArn", 20..=2048)?;
    let name = form.needed("RoleSessionName", 2..=64)?;
    let duration = form.duration()?;
    let role = issued.role(arn).filter(|role| trusts(role)).ok_or_else(|| {
        let action = form.get("Action").unwrap_or_default();
        let message = format!(
            "User: {} is not authorized to perform: sts:{action} on resource: {arn}",
            access::user("example")
        );
        refuse("AccessDenied", 403, &message)
    })?;
    Ok(issued.begin(role, name, duration))
}

fn granted(action: &str, session: &Session, more: &str) -> Reply {
    let Session { key, arn, .. } = session;
    let token = key.session_token.as_deref().unwrap_or_default();
    let result = format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>{}</Expiration></Credentials><AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROAEXAMPLE:{}</AssumedRoleId></AssumedRoleUser>{more}",
        key.id,
        key.secret,
        session.expiration(),
        arn.rsplit('/').next().unwrap_or_default(),
    );
    xml(200, &envelope(action, &result))
}

fn envelope(action: &str, result: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
        Uuid::new_v4()
    )
}

fn xml(status: u16, text: &str) -> Reply {
    with_status(status, Payload::Raw("text/xml", text.to_owned().into()))
}
