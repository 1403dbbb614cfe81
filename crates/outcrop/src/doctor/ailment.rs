//! What can be wrong, in one table: by which words it is known, its cause, its mend, its exit code.
//!
//! 1. The first row that fits wins; each stage ends with a row that fits whatever is left.
//! 2. Every row stands in `docs/guide/doctor.md`, which a test asserts.
//!
//! Sources: AWS's troubleshooting pages of Bedrock, STS, IAM and EKS, public issue threads of AWS SDKs and
//! gateways. Checked 2026-11-26.

use outcrop_model::ErrorClass;
use outcrop_model::ErrorClass as C;

use crate::exit::Exit;

/// Where something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What is set contradicts itself or cannot be read.
    Setup,
    /// No credentials came from where they should.
    Source,
    /// An endpoint cannot be reached.
    Way,
    /// The clock.
    Clock,
    /// The control plane told of a model.
    Access,
    /// A signed call was refused.
    Call,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub struct Ailment {
    pub name: &'static str,
    at: Stage,
    /// Any class where empty.
    classes: &'static [ErrorClass],
    /// All of these in the text, in lower case; alternatives with `|` between.
    words: &'static [&'static str],
    pub cause: &'static str,
    pub mend: &'static str,
    pub exit: Exit,
}

/// What was seen.
#[derive(Debug, Clone, Copy)]
pub struct Symptom<'a> {
    pub stage: Stage,
    pub class: Option<ErrorClass>,
    pub text: &'a str,
}

// === impl Ailment ===

impl Ailment {
    /// The row for what was seen.
    pub fn of(symptom: Symptom<'_>) -> &'static Ailment {
        let text = symptom.text.to_ascii_lowercase();
        let fits = |row: &&Ailment| {
            row.at == symptom.stage
                && (row.classes.is_empty()
                    || symptom.class.is_some_and(|class| row.classes.contains(&class)))
                && row.words.iter().all(|word| word.split('|').any(|one| text.contains(one)))
        };
        TABLE.iter().find(fits).unwrap_or(&UNKNOWN)
    }
}

const UNKNOWN: Ailment = Ailment {
    name: "unknown",
    at: Stage::Call,
    classes: &[],
    words: &[],
    cause: "AWS refused for a reason that this version does not know",
    mend: "read its words above; its request id helps AWS Support",
    exit: Exit::RequestFailed,
};

const fn row(
    name: &'static str,
    (at, exit): (Stage, Exit),
    (classes, words): (&'static [ErrorClass], &'static [&'static str]),
    (cause, mend): (&'static str, &'static str),
) -> Ailment {
    Ailment { name, at, classes, words, cause, mend, exit }
}

const SETUP: (Stage, Exit) = (Stage::Setup, Exit::InvalidArgument);
const SETUP_KEYS: (Stage, Exit) = (Stage::Setup, Exit::Credentials);
const SOURCE: (Stage, Exit) = (Stage::Source, Exit::Credentials);
const SOURCE_ACCESS: (Stage, Exit) = (Stage::Source, Exit::AccessDenied);
const WAY: (Stage, Exit) = (Stage::Way, Exit::Network);
const CLOCK: (Stage, Exit) = (Stage::Clock, Exit::Credentials);
const ACCESS: (Stage, Exit) = (Stage::Access, Exit::AccessDenied);
const ACCESS_MODEL: (Stage, Exit) = (Stage::Access, Exit::UnknownModel);
const CALL_ACCESS: (Stage, Exit) = (Stage::Call, Exit::AccessDenied);
const CALL_MODEL: (Stage, Exit) = (Stage::Call, Exit::UnknownModel);
const CALL_KEYS: (Stage, Exit) = (Stage::Call, Exit::Credentials);
const CALL_BUSY: (Stage, Exit) = (Stage::Call, Exit::Throttled);
const CALL_WAY: (Stage, Exit) = (Stage::Call, Exit::Network);
const CALL_PROVIDER: (Stage, Exit) = (Stage::Call, Exit::Provider);
const CALL_REQUEST: (Stage, Exit) = (Stage::Call, Exit::RequestFailed);
const ANY: &[ErrorClass] = &[];

pub const TABLE: &[Ailment] = &[
    // ------------------------------------------------------------ what is set
    row(
        "half-key-pair",
        SETUP_KEYS,
        (ANY, &["set both, or neither"]),
        (
            "one of two variables that belong together is not set",
            "set both, or unset the one that is there",
        ),
    ),
    row(
        "two-identities",
        SETUP_KEYS,
        (ANY, &["asks for another identity"]),
        (
            "AWS_BEARER_TOKEN_BEDROCK and a flag name two different identities",
            "unset AWS_BEARER_TOKEN_BEDROCK, or leave out the flag",
        ),
    ),
    row(
        "mangled-secret",
        SETUP_KEYS,
        (ANY, &["blank or a control character"]),
        ("a key was copied with a blank or a line break in it", "copy it again, on one line"),
    ),
    row(
        "no-region",
        SETUP,
        (ANY, &["no aws region"]),
        ("nothing says which region to use", "set AWS_REGION, or give --region us-east-1"),
    ),
    row(
        "bad-region",
        SETUP,
        (ANY, &["is not an aws region"]),
        (
            "the region is not one by its form",
            "write it as us-east-1, without zone letter or spaces",
        ),
    ),
    row(
        "bad-ca-bundle",
        SETUP,
        (ANY, &["cannot read the certificates"]),
        (
            "the file of further certificates is not there or not PEM",
            "point AWS_CA_BUNDLE at a PEM file, or unset it",
        ),
    ),
    row(
        "bad-setting",
        SETUP,
        (ANY, &[]),
        ("a setting cannot be understood", "the message above names it: correct or unset it"),
    ),
    // ------------------------------------------------------------ where credentials come from
    row(
        "no-credentials",
        SOURCE,
        (ANY, &["no aws credentials"]),
        (
            "none of the places where AWS credentials can be holds any",
            "set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a --profile, or give \
             the pod, task or instance a role",
        ),
    ),
    row(
        "role-trust",
        SOURCE_ACCESS,
        (ANY, &["assumed role", "accessdenied"]),
        (
            "the role does not let this identity assume it",
            "in the role's trust policy allow sts:AssumeRole to this identity with the external id that is given, \
             and allow the identity sts:AssumeRole on the role (outcrop iam-policy --assume-role)",
        ),
    ),
    row(
        "web-identity-trust",
        SOURCE_ACCESS,
        (ANY, &["web identity|oidc issuer", "accessdenied"]),
        (
            "the role's trust policy does not let the token's subject or audience assume it",
            "allow sts:AssumeRoleWithWebIdentity to the OIDC provider with the token's sub and aud; on EKS annotate \
             the service account with eks.amazonaws.com/role-arn",
        ),
    ),
    row(
        "web-identity-expired",
        SOURCE,
        (ANY, &["web identity|oidc issuer", "expiredtoken"]),
        (
            "the web identity token has expired",
            "let whoever writes the token file renew it (on EKS the projected volume); check the clock of this machine",
        ),
    ),
    row(
        "web-identity-invalid",
        SOURCE,
        (ANY, &["web identity|oidc issuer", "invalididentitytoken|idprejectedclaim"]),
        (
            "STS does not accept the token",
            "create an OIDC provider in IAM with exactly the token's issuer, and with its audience \
             (sts.amazonaws.com on EKS); check that the file holds the token alone",
        ),
    ),
    row(
        "oidc-issuer-hidden",
        SOURCE,
        (ANY, &["idpcommunicationerror"]),
        (
            "STS cannot fetch the issuer's keys",
            "make the issuer's discovery document reachable from the internet, and try again",
        ),
    ),
    row(
        "oidc-client",
        SOURCE,
        (ANY, &["oidc issuer", "invalid_client|unauthorized_client|invalid_grant|401|403"]),
        (
            "the OIDC issuer does not know the client or its secret",
            "check --oidc-client-id and the file of the secret, and that the client may use client credentials",
        ),
    ),
    row(
        "oidc",
        SOURCE,
        (ANY, &["oidc issuer"]),
        (
            "the OIDC issuer gave no token",
            "check --oidc-issuer, and that it can be reached from here and answers with JSON",
        ),
    ),
    row(
        "region-disabled",
        SOURCE,
        (ANY, &["regiondisabled"]),
        (
            "STS is not active in this region for the account",
            "activate STS for the region in IAM's account settings, or use another region",
        ),
    ),
    row(
        "metadata-silent",
        SOURCE,
        (ANY, &["instance metadata"]),
        (
            "the instance's metadata service gave no credentials",
            "attach an instance profile; in a container raise the hop limit to 2 \
             (aws ec2 modify-instance-metadata-options); elsewhere set AWS_EC2_METADATA_DISABLED=true",
        ),
    ),
    row(
        "container-refused",
        SOURCE,
        (ANY, &["container", "401|403|404|about the token"]),
        (
            "the container's credentials endpoint does not know this pod or task",
            "create the pod identity association (aws eks list-pod-identity-associations --cluster-name NAME) or the \
             task role, and start the pod anew",
        ),
    ),
    row(
        "container",
        SOURCE,
        (ANY, &["container"]),
        (
            "the container's credentials endpoint failed",
            "check that the Pod Identity Agent runs on the node, and that the address and the token file are right",
        ),
    ),
    row(
        "signed-out",
        SOURCE,
        (ANY, &["profile", "sso|login"]),
        (
            "the sign-in of the profile is missing or has expired",
            "sign in again: aws sso login --profile NAME (or aws login)",
        ),
    ),
    row(
        "profile",
        SOURCE,
        (ANY, &["profile"]),
        (
            "the profile gives no credentials",
            "check its name, and its section of ~/.aws/config and ~/.aws/credentials: aws configure list --profile NAME",
        ),
    ),
    row(
        "key-file",
        SOURCE,
        (ANY, &["api key file"]),
        (
            "the file of the API key cannot be used",
            "put the Bedrock API key, and nothing else, in the file of --api-key-file",
        ),
    ),
    row(
        "source",
        SOURCE,
        (ANY, &[]),
        ("the source of credentials failed", "its words above say why"),
    ),
    // ------------------------------------------------------------ the way
    row(
        "name",
        WAY,
        (ANY, &["name not resolved"]),
        (
            "the host's name cannot be resolved",
            "check the region, and this machine's DNS; in a private network create the VPC endpoint with private DNS, \
             or name it by AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        ),
    ),
    row(
        "proxy",
        WAY,
        (ANY, &["proxy failed"]),
        (
            "the proxy cannot be reached, or does not let through",
            "check HTTPS_PROXY and what the proxy allows; name hosts that need none in NO_PROXY",
        ),
    ),
    row(
        "certificate",
        WAY,
        (ANY, &["tls failed"]),
        (
            "the certificate is not trusted, or TLS is not spoken there",
            "give the root of a proxy that looks into TLS by AWS_CA_BUNDLE; check scheme and port of the endpoint",
        ),
    ),
    row(
        "refused",
        WAY,
        (ANY, &["connection refused"]),
        (
            "nothing listens at the endpoint",
            "check AWS_ENDPOINT_URL… and --endpoint-url, and the security group of the VPC endpoint",
        ),
    ),
    row(
        "silence",
        WAY,
        (ANY, &["no answer"]),
        (
            "the endpoint does not answer",
            "open port 443 to it in firewall, security group and route table; behind a proxy set HTTPS_PROXY",
        ),
    ),
    row(
        "way",
        WAY,
        (ANY, &[]),
        (
            "the endpoint cannot be reached",
            "check the network, proxy and endpoint; the words above say what failed",
        ),
    ),
    row(
        "clock",
        CLOCK,
        (ANY, &[]),
        (
            "this machine's clock differs from AWS's, which refuses signatures that are five minutes off",
            "set the clock (timedatectl set-ntp true, or chronyd); the gateway corrects its signatures meanwhile",
        ),
    ),
    // ------------------------------------------------------------ what the control plane tells
    row(
        "not-offered",
        ACCESS_MODEL,
        (ANY, &["regionavailability not_available"]),
        (
            "the model is not offered in this region",
            "use a region that has it, or an inference profile that reaches one",
        ),
    ),
    row(
        "agreement-pending",
        ACCESS,
        (ANY, &["agreementavailability pending"]),
        ("the agreement for the model is being made", "wait some minutes, and try again"),
    ),
    row(
        "agreement",
        ACCESS,
        (ANY, &["agreementavailability"]),
        (
            "nobody in the account has accepted the model's agreement yet",
            "open the model in Bedrock's model catalog and accept it, or call it once with an identity that may \
             aws-marketplace:Subscribe",
        ),
    ),
    row(
        "not-entitled",
        ACCESS,
        (ANY, &["entitlementavailability"]),
        (
            "the account has no access to the model",
            "enable it: Bedrock console, model catalog or model access, in this region",
        ),
    ),
    row(
        "not-authorized",
        ACCESS,
        (ANY, &["authorizationstatus"]),
        (
            "the account may not use the model",
            "ask whoever runs the organization: a service control policy may deny it",
        ),
    ),
    row(
        "no-profile",
        ACCESS_MODEL,
        (ANY, &["no profile"]),
        (
            "the model is called through inference profiles only, and the chosen geography has none of it here",
            "choose another --geography, or name a profile that the region lists",
        ),
    ),
    row(
        "not-listed",
        ACCESS_MODEL,
        (ANY, &["not listed"]),
        (
            "the region lists no model or profile of this name",
            "check the id for typing errors (GET /v1/models lists what there is), and the region",
        ),
    ),
    row(
        "listing-denied",
        ACCESS,
        (&[C::AccessDenied], &[]),
        (
            "the identity may not look at the account's models; calls may work all the same",
            "allow what `outcrop iam-policy --features doctor` prints, or do without these checks",
        ),
    ),
    row(
        "listing-failed",
        ACCESS,
        (ANY, &[]),
        (
            "the control plane did not tell of models",
            "its words above say why; calls may work all the same",
        ),
    ),
    // ------------------------------------------------------------ calls
    row(
        "expired",
        CALL_KEYS,
        (&[C::ExpiredCredentials], &[]),
        (
            "the credentials have expired",
            "get new ones: aws sso login, a new session token, or a new short-term API key",
        ),
    ),
    row(
        "wrong-region",
        (Stage::Call, Exit::InvalidArgument),
        (&[C::BadSignature], &["credential should be scoped"]),
        (
            "the request is signed for another region or service than the host's",
            "let --region and the region in the endpoint's host be the same",
        ),
    ),
    row(
        "skewed",
        CALL_KEYS,
        (&[C::BadSignature], &["signature expired|not yet current|skewed|requestexpired"]),
        (
            "the signature's time is too far from AWS's",
            "set the clock (timedatectl set-ntp true, or chronyd)",
        ),
    ),
    row(
        "wrong-secret",
        CALL_KEYS,
        (&[C::BadSignature], &[]),
        (
            "the secret key does not belong to the access key, or something on the way changes requests",
            "copy AWS_SECRET_ACCESS_KEY again, whole; take proxies that rewrite headers out of the way",
        ),
    ),
    row(
        "wrong-api-key",
        CALL_KEYS,
        (&[C::BadCredentials, C::AccessDenied], &["api key|bearer"]),
        (
            "AWS does not know the Bedrock API key, or it has expired or is for another region",
            "make a new key in the Bedrock console; its identity needs bedrock:CallWithBearerToken",
        ),
    ),
    row(
        "unknown-key",
        CALL_KEYS,
        (&[C::BadCredentials], &[]),
        (
            "AWS does not know the access key: deleted, inactive, of another partition, or temporary without its token",
            "make a new key, or set AWS_SESSION_TOKEN with a key that begins with ASIA",
        ),
    ),
    row(
        "service-control-policy",
        CALL_ACCESS,
        (&[C::AccessDenied], &["service control policy"]),
        (
            "the organization denies it",
            "ask whoever runs the organization to allow bedrock:InvokeModel in every region that the profile may use",
        ),
    ),
    row(
        "explicit-deny",
        CALL_ACCESS,
        (&[C::AccessDenied], &["explicit deny"]),
        (
            "a policy denies it explicitly",
            "look for a Deny in the identity's policies, permissions boundary, session policy and VPC endpoint policy",
        ),
    ),
    row(
        "use-case-form",
        CALL_ACCESS,
        (ANY, &["use case details"]),
        (
            "Anthropic wants to know the use case, once for an account",
            "submit the form in the Bedrock console (model catalog, any Claude model), and wait 15 minutes",
        ),
    ),
    row(
        "agreement-missing",
        CALL_ACCESS,
        (&[C::AccessDenied], &["marketplace|agreement|subscription"]),
        (
            "the AWS Marketplace agreement for the model is missing or not ready",
            "accept it in Bedrock's model catalog; it takes 2 to 15 minutes, and a payment method in the account",
        ),
    ),
    row(
        "legacy",
        CALL_ACCESS,
        (&[C::AccessDenied], &["legacy"]),
        ("the model is legacy, and the account has not used it for 30 days", "use a current model"),
    ),
    row(
        "model-access",
        CALL_ACCESS,
        (&[C::AccessDenied], &["access to the model|could not access model"]),
        (
            "the account has no access to the model in this region",
            "enable it: Bedrock console, model catalog or model access, in this region",
        ),
    ),
    row(
        "not-allowed",
        CALL_ACCESS,
        (&[C::AccessDenied], &[]),
        (
            "the identity's policies do not allow the call",
            "attach what `outcrop iam-policy --model MODEL` prints",
        ),
    ),
    row(
        "profile-needed",
        CALL_MODEL,
        (&[C::ProfileNeeded], &[]),
        (
            "the model is called through an inference profile only",
            "choose a --geography that has one, or name the profile, such as us.MODEL",
        ),
    ),
    row(
        "ended",
        CALL_MODEL,
        (&[C::UnknownModel], &["end of its life"]),
        ("the model version is no longer served", "use a newer version"),
    ),
    row(
        "unknown-model",
        CALL_MODEL,
        (&[C::UnknownModel], &[]),
        (
            "Bedrock does not know the model in this region",
            "check the id for typing errors (GET /v1/models lists what there is), and the region",
        ),
    ),
    row(
        "quota-day",
        CALL_BUSY,
        (&[C::QuotaSpent], &[]),
        (
            "the account's tokens for the day are used up",
            "ask for more in Service Quotas (Amazon Bedrock, tokens per day), or use another model or region",
        ),
    ),
    row(
        "quota",
        CALL_BUSY,
        (&[C::QuotaExceeded], &[]),
        ("a quota of the account is used up", "ask for more in Service Quotas (Amazon Bedrock)"),
    ),
    row(
        "throttled",
        CALL_BUSY,
        (&[C::Throttled], &[]),
        (
            "too many requests or tokens per minute for this model",
            "wait a minute; ask for more in Service Quotas (Amazon Bedrock), or use a profile of more regions",
        ),
    ),
    row(
        "wrong-endpoint",
        CALL_WAY,
        (&[C::WrongEndpoint, C::Garbled], &[]),
        (
            "the host does not speak Bedrock's API: a wrong endpoint, or a proxy that answers itself",
            "check --endpoint-url and AWS_ENDPOINT_URL…: inference is at bedrock-runtime, not at bedrock",
        ),
    ),
    row(
        "unreachable",
        CALL_WAY,
        (&[C::Unreachable, C::UpstreamTimeout, C::Truncated], &[]),
        (
            "the connection failed, broke off or fell silent",
            "check network and proxy; the words above say what failed",
        ),
    ),
    row(
        "aws-trouble",
        CALL_PROVIDER,
        (&[C::Overloaded, C::Internal, C::ModelTimeout, C::ModelFailed, C::ModelNotReady], &[]),
        (
            "Bedrock or the model has trouble",
            "try again soon, or in another region; see health.aws.amazon.com",
        ),
    ),
    row(
        "refused-request",
        CALL_REQUEST,
        (ANY, &[]),
        ("the model refuses the test request", "its words above say why; other requests may work"),
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_in_the_guide_and_only_those() {
        let guide = include_str!("../../../../docs/guide/doctor.md");
        let told: BTreeSet<&str> = guide
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name)
            .collect();
        let rows: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(told, rows);
        assert_eq!(rows.len(), TABLE.len(), "a name is there twice");
        for row in TABLE {
            for text in [row.cause, row.mend] {
                assert!(guide.contains(text), "{}: {text}", row.name);
            }
        }
    }

    #[test]
    fn the_words_of_rows_are_in_lower_case_and_reachable() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(
                row.words.iter().all(|word| *word == word.to_ascii_lowercase()),
                "{}",
                row.name
            );
            let text: Vec<_> = row.words.iter().filter_map(|word| word.split('|').next()).collect();
            let symptom = Symptom {
                stage: row.at,
                class: row.classes.first().copied(),
                text: &text.join(" "),
            };
            let found = Ailment::of(symptom);
            let earlier = TABLE[..at].iter().find(|before| before.name == found.name);
            assert!(found == row, "{} is hidden by {earlier:?}", row.name);
        }
    }
}
