//! Whose credentials, from where, and for how long.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, header};
use outcrop_aws::identity::trace::{Explained, Held, Verdict};
use outcrop_aws::{AwsClient, Credentials, Outbound, Service};

use outcrop_model::ErrorClass;

use super::ailment::Stage;
use super::ask::ask;
use super::finding::{Check, Finding, Status};

/// Credentials that end sooner are worth a look: the gateway renews them about 15 minutes ahead.
const SOON: Duration = Duration::from_secs(5 * 60);

/// Each source with what it said, then how long the credentials last.
pub fn credentials(explained: &Explained) -> Vec<Finding> {
    let check = Check::Credentials;
    let trace = match &explained.trace {
        Ok(trace) => trace,
        Err(error) => {
            return vec![Finding::ill(check, "setup", (Stage::Setup, None), error.to_string())];
        }
    };
    let mut findings: Vec<Finding> = trace
        .steps
        .iter()
        .map(|step| match step.verdict {
            Verdict::Taken => Finding::new(check, Status::Fine, step.source, &step.why),
            Verdict::Absent | Verdict::NotAsked => {
                Finding::new(check, Status::Note, step.source, &step.why)
            }
            Verdict::Failed => Finding::ill(check, step.source, (Stage::Source, None), &step.why),
        })
        .collect();
    match &trace.outcome {
        Ok(held) => findings.push(expiry(held)),
        Err(lack) if findings.iter().all(|finding| finding.status != Status::Failure) => {
            findings.push(Finding::ill(check, lack.source, (Stage::Source, None), &lack.reason));
        }
        Err(_) => {}
    }
    findings
}

fn expiry(held: &Held) -> Finding {
    let finding = |status, said: String| Finding::new(Check::Credentials, status, "expiry", said);
    let Some(end) = held.expires_at else {
        return finding(Status::Note, "none is told".to_owned());
    };
    match end.duration_since(SystemTime::now()) {
        Ok(left) if left > SOON => {
            finding(Status::Fine, format!("in {} minutes", left.as_secs() / 60))
        }
        Ok(left) => finding(Status::Warning, format!("in {} seconds", left.as_secs())),
        Err(_past) => finding(Status::Warning, "over, by this machine's clock".to_owned()),
    }
}

/// Who AWS says that we are.
pub async fn identity(client: &AwsClient, credentials: &Credentials) -> Finding {
    let check = Check::Identity;
    if matches!(credentials, Credentials::Bearer(_)) {
        let said = "a Bedrock API key does not tell whose it is";
        return Finding::new(check, Status::Note, "caller", said);
    }
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, form);
    let question = Outbound {
        service: Service::Sts,
        method: Method::POST,
        path_and_query: "/".to_owned(),
        headers,
        body: "Action=GetCallerIdentity&Version=2011-06-15".into(),
        credentials: None,
    };
    match ask(client, &question).await {
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer);
            let account = element(&text, "Account").unwrap_or("unknown");
            let arn = element(&text, "Arn").unwrap_or("an identity that STS did not name");
            Finding::new(check, Status::Fine, "caller", format!("{arn}, account {account}"))
        }
        Err(fault) => {
            let finding = Finding::of_fault(check, "caller", Stage::Call, &fault);
            // Where STS is out of reach, Bedrock may be within.
            match fault.class {
                ErrorClass::Unreachable | ErrorClass::UpstreamTimeout => finding.mild(),
                _other_classes_are_about_the_identity => finding,
            }
        }
    }
}

/// The text of an element of STS's answer, which has neither attributes nor references.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0)
}
