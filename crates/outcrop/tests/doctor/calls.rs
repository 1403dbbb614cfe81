//! Refused calls, by the words that AWS uses for them.

use outcrop_emulator::Config;

use crate::visit::{NOVA, Visit};

/// Fault, problem, exit code.
const REFUSALS: &[(&str, &str, i32)] = &[
    (
        "error=AccessDeniedException;message=User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/x because no identity-based policy allows it",
        "not-allowed",
        21,
    ),
    ("error=AccessDeniedException", "model-access", 21),
    (
        "error=AccessDeniedException;message=User is not authorized, with an explicit deny in a service control policy",
        "service-control-policy",
        21,
    ),
    (
        "error=AccessDeniedException;message=User is not authorized, with an explicit deny in an identity-based policy",
        "explicit-deny",
        21,
    ),
    (
        "error=AccessDeniedException;message=Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions",
        "agreement-missing",
        21,
    ),
    (
        "error=AccessDeniedException;message=This is a legacy model that you have not been actively using in the last 30 days.",
        "legacy",
        21,
    ),
    (
        "error=ResourceNotFoundException;message=Model use case details have not been submitted for this account.",
        "use-case-form",
        21,
    ),
    (
        "error=AccessDeniedException;message=Authentication failed: Please make sure your API Key is valid.",
        "wrong-api-key",
        28,
    ),
    ("error=ThrottlingException", "throttled", 22),
    (
        "error=ThrottlingException;message=Too many tokens per day, please wait before trying again.",
        "quota-day",
        22,
    ),
    ("error=ServiceQuotaExceededException", "quota", 22),
    ("error=ExpiredTokenException", "expired", 28),
    ("error=InvalidSignatureException", "wrong-secret", 28),
    (
        "error=InvalidSignatureException;message=Signature expired: 20261126T000000Z is now earlier than 20261126T001000Z",
        "skewed",
        28,
    ),
    (
        "error=InvalidSignatureException;message=Credential should be scoped to a valid region.",
        "wrong-region",
        20,
    ),
    ("error=UnrecognizedClientException", "unknown-key", 28),
    (
        "error=ValidationException;message=The provided model identifier is invalid.",
        "unknown-model",
        12,
    ),
    (
        "error=ResourceNotFoundException;message=This model version has reached the end of its life.",
        "ended",
        12,
    ),
    ("error=UnknownOperationException", "wrong-endpoint", 26),
    ("html=404", "wrong-endpoint", 26),
    ("drop", "unreachable", 26),
    ("error=ServiceUnavailableException", "aws-trouble", 11),
    ("error=ModelNotReadyException", "aws-trouble", 11),
    ("error=ValidationException;message=Malformed input request", "refused-request", 15),
];

#[tokio::test]
async fn each_refusal_has_its_cause_and_code() {
    for (fault, problem, code) in REFUSALS {
        let told = Visit::new().await.flags(&["--model", NOVA]).ill("Converse", fault).told().await;
        told.fails(problem, *code);
    }
}

#[tokio::test]
async fn an_identity_that_sts_does_not_know() {
    for (code, problem) in [
        (
            "InvalidClientTokenId;message=The security token included in the request is invalid.",
            "unknown-key",
        ),
        (
            "SignatureDoesNotMatch;message=The request signature we calculated does not match",
            "wrong-secret",
        ),
        ("ExpiredToken;message=The security token included in the request is expired", "expired"),
    ] {
        let fault = format!("error={code};status=403");
        Visit::new().await.ill("GetCallerIdentity", &fault).told().await.fails(problem, 28);
    }
    // A secret that is not the key's, for real.
    let visit = Visit::without_keys(Config::default()).await;
    let wrong =
        visit.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "s3cr3t");
    wrong.told().await.fails("wrong-secret", 28);
}

#[tokio::test]
async fn a_model_that_only_profiles_reach() {
    let sonnet = "claude-sonnet-4-5";
    let visit = || async { Visit::new().await.flags(&["--model", sonnet]) };
    let told = visit().await.told().await;
    assert_eq!(told.code, 0, "{:#}", told.report);
    let text = told.report.to_string();
    assert!(text.contains("only through profiles: us.anthropic.claude-sonnet-4-5"), "{text}");
    let off = visit().await.flags(&["--geography", "off"]).told().await;
    off.fails("no-profile", 12);
    assert!(off.problems().0.contains(&"profile-needed"), "{:#}", off.report);
}

#[tokio::test]
async fn a_model_that_is_not_there() {
    let visit = Visit::new().await.flags(&["--model", "amazon.nova-lite-v9:0"]);
    let told = visit.told().await;
    told.fails("not-listed", 12);
    assert!(told.problems().0.contains(&"unknown-model"), "{:#}", told.report);
}

#[tokio::test]
async fn a_model_whose_agreement_nobody_made() {
    let config = Config { denied_models: vec![NOVA.to_owned()], ..Config::default() };
    let visit = Visit::without_keys(config).await.flags(&["--model", NOVA]);
    let told = visit
        .env("AWS_ACCESS_KEY_ID", outcrop_emulator::EXAMPLE_ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", outcrop_emulator::EXAMPLE_SECRET_ACCESS_KEY)
        .told()
        .await;
    told.fails("agreement", 21);
    assert!(told.problems().0.contains(&"model-access"), "{:#}", told.report);
}

#[tokio::test]
async fn who_may_not_list_may_call() {
    let denied = "error=AccessDeniedException;message=User is not authorized to perform: bedrock:ListFoundationModels";
    let visit = Visit::new().await.flags(&["--model", NOVA]);
    visit.ill("ListFoundationModels", denied).told().await.warns("listing-denied");
    let visit = Visit::new().await.flags(&["--model", NOVA]);
    visit.ill("ListInferenceProfiles", "html=200").told().await.warns("listing-failed");
    // A region without the operation.
    let visit = Visit::new().await.flags(&["--model", NOVA]);
    let visit = visit.ill("GetFoundationModelAvailability", "error=UnknownOperationException");
    assert_eq!(visit.told().await.problems(), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn models_of_each_kind_are_asked_for_the_least() {
    let models =
        ["amazon.titan-embed-text-v2:0", "cohere.rerank-v3-5:0", "amazon.nova-canvas-v1:0"];
    let flags: Vec<&str> = models.iter().flat_map(|model| ["--model", model]).collect();
    let told = Visit::new().await.flags(&flags).told().await;
    assert_eq!(told.code, 0, "{:#}", told.report);
    let calls = told.report["checks"].as_array().unwrap().iter();
    let calls: Vec<_> = calls.filter(|check| check["check"] == "calls").collect();
    let statuses: Vec<_> = calls.iter().map(|check| check["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ok", "ok", "note"], "{calls:?}");
}
