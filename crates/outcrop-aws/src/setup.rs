//! What can be wrong with the AWS setup before any request is made.
//!
//! 1. Each message says what was read, what is wrong with it, and what to do.
//! 2. No message holds a secret, only the names of variables.

use std::path::PathBuf;

/// Reads one variable of the environment, or of a test's stand-in for it.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// A reason why the gateway cannot talk to AWS as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("no AWS credentials.")]
    MissingCredentials {
        /// Each source with what was found there.
        tried: Vec<String>,
    },
    #[error("no AWS credentials from the {from}: {reason}")]
    NoCredentialsFrom { from: &'static str, reason: String },
    #[error(
        "{flag} asks for another identity than AWS_BEARER_TOKEN_BEDROCK, which is set: unset one of the two"
    )]
    KeyAndFlag { flag: &'static str },
    #[error("{0}")]
    BadContainer(String),
    #[error("{present} is set but {missing} is not: set both, or neither")]
    HalfPair { present: &'static str, missing: &'static str },
    #[error(
        "{name} holds a blank or a control character inside its value: copy the value again, on one line"
    )]
    UnusableSecret { name: &'static str },
    #[error("no AWS region.")]
    MissingRegion,
    #[error("`{value}` (from {origin}) is not an AWS region: a region looks like us-east-1")]
    BadRegion { value: String, origin: &'static str },
    #[error(
        "`{value}` (from {origin}) is not an endpoint URL: {reason}. An endpoint looks like https://host:port/path"
    )]
    BadEndpoint { value: String, origin: &'static str, reason: &'static str },
    #[error(
        "FIPS or dual stack ({variant}) asks for another kind of AWS host, but {origin} names the host itself: \
         unset one of the two"
    )]
    HostVariantWithEndpoint { variant: &'static str, origin: &'static str },
    #[error("`{value}` for {name} (from {origin}) is neither true nor false")]
    BadSwitch { name: &'static str, value: String, origin: &'static str },
    #[error(
        "{name} is not the address of a proxy: {reason}. One looks like http://user:password@host:port"
    )]
    BadProxy { name: &'static str, reason: &'static str },
    #[error("cannot read the AWS profile: {0}")]
    BadSharedFile(String),
    #[error(
        "the AWS profile takes its endpoints from [services {section}], which is not in the shared files: \
         write that section, or take `services` out of the profile"
    )]
    MissingServices { section: String },
    #[error("cannot read the certificates in {}: {reason}", path.display())]
    BadCaBundle { path: PathBuf, reason: String },
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

// === impl SetupError ===

impl SetupError {
    /// What was tried, and what whoever runs a gateway can do. The other errors say it themselves.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::MissingCredentials { tried } => Some(format!(
                "Tried: {}.\n\
                 To try Outcrop without an AWS account, run `outcrop demo`, or `outcrop serve --emulator`.\n\
                 To use Bedrock, set AWS_BEARER_TOKEN_BEDROCK to a Bedrock API key, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary keys), or name a profile by --profile.",
                tried.join(", ")
            )),
            Self::MissingRegion => Some(
                "Tried: what was given (--region, or a backend's `region`), AWS_REGION, AWS_DEFAULT_REGION, the AWS \
                 profile. Set one of them, for example AWS_REGION=us-east-1. \
                 Without an AWS account, run `outcrop demo`, or `outcrop serve --emulator`."
                    .to_owned(),
            ),
            _the_others_say_it_themselves => None,
        }
    }
}

/// The trimmed value of `name`; an empty one counts as unset, as in the AWS SDKs.
pub(crate) fn read(lookup: Lookup<'_>, name: &str) -> Option<String> {
    let value = lookup(name)?;
    let trimmed = value.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Whether `name` holds `true` (any case), the only word for yes in AWS's variables.
pub(crate) fn is_true(lookup: Lookup<'_>, name: &str) -> bool {
    read(lookup, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
