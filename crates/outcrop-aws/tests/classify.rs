//! The error tables, row by row: AWS's names and texts → class, message for the caller, detail.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use outcrop_aws::{classify_http, classify_stream};
use outcrop_model::ErrorClass as C;
use outcrop_model::{Fault, FrameKind, Phase};

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn named(status: u16, name: &str, message: &str) -> Fault {
    let body = serde_json::json!({ "message": message }).to_string();
    classify_http(status, &headers(&[("x-amzn-errortype", name)]), body.as_bytes())
}

#[test]
fn every_name_has_its_class() {
    let check = |status, name: &str, class| {
        for spelling in [
            name.to_owned(),
            format!("{name}:http://internal.amazon.com/coral/"),
            format!("com.amazon#{name}"),
        ] {
            let fault = named(status, &spelling, "words");
            assert_eq!((fault.class, fault.status), (class, Some(status)), "{spelling}");
            assert_eq!(fault.code.as_deref(), Some(name));
            assert_eq!(
                (fault.phase, fault.detail.as_deref()),
                (Phase::AwaitingHead, Some("words"))
            );
        }
    };
    check(403, "AccessDeniedException", C::AccessDenied);
    check(400, "ConflictException", C::Conflict);
    check(500, "InternalServerException", C::Internal);
    check(424, "ModelErrorException", C::ModelFailed);
    check(429, "ModelNotReadyException", C::ModelNotReady);
    check(424, "ModelStreamErrorException", C::ModelFailed);
    check(408, "ModelTimeoutException", C::ModelTimeout);
    check(404, "ResourceNotFoundException", C::UnknownModel);
    check(400, "ServiceQuotaExceededException", C::QuotaExceeded);
    check(503, "ServiceUnavailableException", C::Overloaded);
    check(429, "ThrottlingException", C::Throttled);
    check(400, "ValidationException", C::InvalidRequest);
    check(401, "AuthFailure", C::BadCredentials);
    check(403, "ExpiredTokenException", C::ExpiredCredentials);
    check(403, "ExpiredToken", C::ExpiredCredentials);
    check(400, "IncompleteSignature", C::BadCredentials);
    check(500, "InternalFailure", C::Internal);
    check(500, "InternalServerError", C::Internal);
    check(403, "InvalidClientTokenId", C::BadCredentials);
    check(403, "InvalidSignatureException", C::BadSignature);
    check(403, "MissingAuthenticationTokenException", C::BadCredentials);
    check(400, "NotAuthorized", C::AccessDenied);
    check(403, "OptInRequired", C::AccessDenied);
    check(413, "RequestEntityTooLarge", C::TooLarge);
    check(400, "RequestExpired", C::BadSignature);
    check(429, "RequestLimitExceeded", C::Throttled);
    check(403, "RequestTimeTooSkewed", C::BadSignature);
    check(413, "RequestTooLarge", C::TooLarge);
    check(400, "SerializationException", C::InvalidRequest);
    check(403, "SignatureDoesNotMatch", C::BadSignature);
    check(429, "TooManyRequestsException", C::Throttled);
    check(404, "UnknownOperationException", C::WrongEndpoint);
    check(403, "UnrecognizedClientException", C::BadCredentials);
    check(400, "ValidationError", C::InvalidRequest);
}

#[test]
fn every_text_has_its_class() {
    let check = |status, name, text: &str, class| {
        let fault = named(status, name, text);
        assert_eq!(fault.class, class, "{name}: {text}");
        assert_eq!(fault.detail.as_deref(), Some(text));
    };
    let validation = |text, class| check(400, "ValidationException", text, class);
    validation(
        "Malformed input request: #: required key [max_tokens] not found, please reformat your input and try again.",
        C::InvalidRequest,
    );
    validation(
        "1 validation error detected: Value '' at 'modelId' failed to satisfy constraint: Member must have length greater than or equal to 1",
        C::InvalidRequest,
    );
    validation(
        "The maximum tokens you requested exceeds the model limit of 8192. Try again with a maximum tokens value that is lower than 8192.",
        C::InvalidRequest,
    );
    validation("prompt is too long: 210000 tokens > 200000 maximum", C::ContextOverflow);
    validation(
        "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
        C::ContextOverflow,
    );
    validation("Input is too long.", C::ContextOverflow);
    validation("Input is too long for requested model.", C::ContextOverflow);
    validation(
        "The model returned the following errors: input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000",
        C::ContextOverflow,
    );
    validation("The prompt exceeds context limit of this model", C::ContextOverflow);
    validation(
        "This model's maximum context length is 8192 tokens. Please reduce the length of the prompt.",
        C::ContextOverflow,
    );
    validation("The request does not fit the context window", C::ContextOverflow);
    validation(
        "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9001",
        C::ContextOverflow,
    );
    validation("too many tokens: size limit exceeded by 12 tokens", C::ContextOverflow);
    validation(
        "Malformed input request: too many total text bytes: 600000 > 500000",
        C::ContextOverflow,
    );
    validation(
        "The input token count exceeds the maximum number of input tokens supported.",
        C::ContextOverflow,
    );
    validation("The number of input tokens exceeds the limit", C::ContextOverflow);
    validation("The provided model identifier is invalid.", C::UnknownModel);
    validation(
        "Invocation of model ID anthropic.claude-sonnet-4-6 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.",
        C::ProfileNeeded,
    );
    validation(
        "Invocation of model ID x with on-demand throughput isn't supported.",
        C::ProfileNeeded,
    );
    validation(
        "Invocation of model ID x with on-demand throughput is not supported.",
        C::ProfileNeeded,
    );
    validation("Retry with the ID or ARN of an inference profile", C::ProfileNeeded);
    validation("This model doesn't support tool use.", C::Unsupported);
    validation("This model doesn't support tool use in streaming mode.", C::Unsupported);
    validation(
        "This model doesn't support system messages. Try again without a system message or use a model that supports system messages.",
        C::Unsupported,
    );
    validation(
        "This model doesn't support the stopSequences field. Remove stopSequences and try again.",
        C::Unsupported,
    );
    validation("This model doesn't support the cachePoint field.", C::Unsupported);
    validation("This model does not support images", C::Unsupported);
    validation("messages: role 'system' is not supported on this model", C::Unsupported);
    validation("Video inputs are not supported here", C::Unsupported);
    validation("Streaming isn't supported for this model", C::Unsupported);
    validation("top_k: not supported by this model", C::Unsupported);
    validation("top_k: not supported for this model", C::Unsupported);
    validation(
        "This request has been blocked by our content filters. Our filters automatically flagged this prompt because it may conflict with our AUP or AWS Responsible AI Policy.",
        C::ContentFiltered,
    );
    validation("Output blocked by content filtering policy", C::ContentFiltered);
    validation("It conflicts with the AWS Responsible AI Policy", C::ContentFiltered);
    validation("Request body is too large", C::TooLarge);
    validation("Request Entity Too Large", C::TooLarge);

    let missing = |text, class| check(404, "ResourceNotFoundException", text, class);
    missing(
        "Could not resolve the foundation model from the provided model identifier.",
        C::UnknownModel,
    );
    missing(
        "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
        C::UnknownModel,
    );
    missing("Model use case details have not been submitted for this account.", C::UnknownModel);

    let throttled = |text, class| check(429, "ThrottlingException", text, class);
    throttled("Too many requests, please wait before trying again.", C::Throttled);
    throttled("Too many tokens, please wait before trying again.", C::Throttled);
    throttled("Too many tokens per day, please wait before trying again.", C::QuotaSpent);
    throttled("Too many requests per day", C::QuotaSpent);
    throttled("Your daily allowance is spent", C::QuotaSpent);

    let denied = |text, class| check(403, "AccessDeniedException", text, class);
    denied("You don't have access to the model with the specified model ID.", C::AccessDenied);
    denied(
        "Signature expired: 20261121T000000Z is now earlier than 20261121T000500Z",
        C::BadSignature,
    );
    denied(
        "Signature not yet current: 20261121T001000Z is still later than 20261121T000500Z",
        C::BadSignature,
    );
    denied(
        "The request signature we calculated does not match the signature you provided.",
        C::BadSignature,
    );
    denied("Credential should be scoped to a valid region.", C::BadSignature);
    denied("The security token included in the request is expired", C::ExpiredCredentials);
    denied("Bearer Token has expired", C::ExpiredCredentials);
    denied("The API key has expired", C::ExpiredCredentials);
    denied("The security token included in the request is invalid.", C::BadCredentials);
    denied("Authentication failed: Please make sure your API Key is valid.", C::BadCredentials);
    denied("Missing Authentication Token", C::BadCredentials);
}

#[test]
fn a_text_counts_only_in_its_scope() {
    assert_eq!(
        named(503, "ServiceUnavailableException", "Too many tokens per day").class,
        C::Overloaded
    );
    assert_eq!(
        named(400, "ServiceQuotaExceededException", "prompt is too long").class,
        C::QuotaExceeded
    );
    assert_eq!(
        named(429, "ModelNotReadyException", "This model doesn't support").class,
        C::ModelNotReady
    );
}

#[test]
fn texts_that_clients_match_on_come_out_exactly() {
    let check = |said: &str, message: &str| {
        assert_eq!(named(400, "ValidationException", said).message, message);
    };
    for text in [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Input is too long.",
        "Input is too long for requested model.",
    ] {
        check(text, text);
        check(&format!("The model returned the following errors: {text}"), text);
    }
    check(
        "The model returned the following errors: bad image",
        "The model returned the following errors: bad image",
    );
}

#[test]
fn the_model_s_own_status_decides_about_the_model() {
    let check = |original: serde_json::Value, class| {
        let body = serde_json::json!({ "message": "m", "originalStatusCode": original, "resourceName": "r" }).to_string();
        for name in ["ModelErrorException", "ModelStreamErrorException"] {
            let fault =
                classify_http(424, &headers(&[("x-amzn-errortype", name)]), body.as_bytes());
            assert_eq!(fault.class, class, "{body}");
        }
    };
    check(400.into(), C::ModelRejected);
    check(499.into(), C::ModelRejected);
    check(500.into(), C::ModelFailed);
    check(serde_json::Value::Null, C::ModelFailed);
    check("400".into(), C::ModelFailed);
}

#[test]
fn words_about_the_gateway_are_for_the_operator() {
    let denied = "User: arn:aws:sts::123456789012:assumed-role/gw/i-1 is not authorized to perform: bedrock:InvokeModel";
    for name in [
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "UnknownOperationException",
    ] {
        let fault = named(403, name, denied);
        assert!(fault.message.contains("sk the operator"), "{}", fault.message);
        for private in ["arn:", "123456789012", "assumed-role", "gw"] {
            assert!(!fault.message.contains(private), "{}", fault.message);
        }
        assert_eq!(fault.detail.as_deref(), Some(denied));
    }
    let fault = named(
        400,
        "ValidationException",
        "no access to arn:aws:bedrock:us-east-1:123456789012:inference-profile/x.",
    );
    assert_eq!(fault.message, "no access to [resource].");
}

#[test]
fn names_are_sought_in_botocore_s_order() {
    let check = |header: &[(&'static str, &str)], body: &str, class| {
        assert_eq!(
            classify_http(400, &headers(header), body.as_bytes()).class,
            class,
            "{header:?} {body}"
        );
    };
    let header = [("x-amzn-errortype", "ThrottlingException")];
    check(
        &header,
        r#"{"code":"ModelNotReadyException","__type":"x#ConflictException"}"#,
        C::Throttled,
    );
    check(
        &[],
        r#"{"code":"ModelNotReadyException","__type":"x#ConflictException"}"#,
        C::ModelNotReady,
    );
    check(
        &[],
        r#"{"Code":"ModelNotReadyException","__type":"x#ConflictException"}"#,
        C::ModelNotReady,
    );
    check(&[], r#"{"__type":"com.amazon.coral.service#ConflictException:http://x/"}"#, C::Conflict);
    check(&[("x-amzn-errortype", "???")], r#"{"__type":"ConflictException"}"#, C::Conflict);
    check(&[], r#"{"code":42}"#, C::InvalidRequest);
    check(
        &[("x-amzn-errortype", "BrandNewException")],
        r#"{"message":"prompt is too long: 2 tokens > 1 maximum"}"#,
        C::ContextOverflow,
    );
    assert_eq!(
        classify_http(
            403,
            &headers(&[]),
            br#"{"Message":"The security token included in the request is expired"}"#
        )
        .class,
        C::ExpiredCredentials
    );
}

#[test]
fn a_body_that_is_not_json_is_judged_by_status_and_never_shown() {
    let html = "<html><head><title>Bad Gateway at 10.0.0.7</title></head></html>";
    let check = |status, class| {
        for body in [html, "", "\"text\"", "[1]", "{\"message\":"] {
            let fault = classify_http(status, &headers(&[]), body.as_bytes());
            assert_eq!(fault.class, class, "{status}");
            assert!(!fault.message.contains("10.0.0.7") && !fault.message.is_empty());
            assert_eq!(fault.detail.as_deref(), (!body.is_empty()).then_some(body));
        }
    };
    check(301, C::WrongEndpoint);
    check(400, C::InvalidRequest);
    check(401, C::BadCredentials);
    check(403, C::AccessDenied);
    check(404, C::WrongEndpoint);
    check(405, C::WrongEndpoint);
    check(408, C::ModelTimeout);
    check(409, C::Conflict);
    check(413, C::TooLarge);
    check(418, C::InvalidRequest);
    check(424, C::ModelFailed);
    check(429, C::Throttled);
    check(500, C::Internal);
    check(501, C::Internal);
    check(502, C::Overloaded);
    check(503, C::Overloaded);
    check(504, C::Overloaded);
    check(529, C::Overloaded);
    let fault = classify_http(502, &headers(&[]), &[0xff; 100_000]);
    assert!(fault.detail.unwrap().len() <= outcrop_aws::classify::MAX_DETAIL);
    assert_eq!(
        classify_http(400, &headers(&[("x-amzn-errortype", "ValidationException")]), b"{}").message,
        "Bedrock answered ValidationException without a message"
    );
}

#[test]
fn waits_and_ids_are_read_from_the_headers() {
    let check = |pairs: &[(&'static str, &str)], wait: Option<Duration>| {
        assert_eq!(classify_http(429, &headers(pairs), b"").retry_after, wait, "{pairs:?}");
    };
    check(&[], None);
    check(&[("retry-after", "7")], Some(Duration::from_secs(7)));
    check(&[("x-amz-retry-after", "1500")], Some(Duration::from_millis(1500)));
    check(
        &[("x-amz-retry-after", "1500"), ("retry-after", "7")],
        Some(Duration::from_millis(1500)),
    );
    check(&[("x-amz-retry-after", "soon"), ("retry-after", "7")], Some(Duration::from_secs(7)));
    let date = ("date", "Sat, 21 Nov 2026 00:00:00 GMT");
    check(&[("retry-after", "Sat, 21 Nov 2026 00:00:30 GMT"), date], Some(Duration::from_secs(30)));
    check(&[("retry-after", "Sat, 21 Nov 2026 00:00:30 GMT")], None);
    check(&[("retry-after", "Fri, 20 Nov 2026 00:00:30 GMT"), date], None);
    check(&[("retry-after", "-1")], None);
    check(&[("retry-after", "18446744073709551615")], Some(Duration::from_secs(86_400)));
    let fault = classify_http(429, &headers(&[("x-amzn-requestid", "id-1")]), b"");
    assert_eq!(fault.request_id.as_deref(), Some("id-1"));
}

#[test]
fn exceptions_within_a_stream_have_the_same_classes() {
    let check = |name: &str, status, class| {
        let pascal = name[..1].to_uppercase() + &name[1..];
        for spelling in [name, pascal.as_str()] {
            for kind in [
                FrameKind::Exception(spelling),
                FrameKind::Event(spelling),
                FrameKind::Error { code: spelling, message: "m" },
            ] {
                let fault =
                    classify_stream(&kind, br#"{"message":"m"}"#, Phase::Streaming).unwrap();
                assert_eq!(
                    (fault.class, fault.status, fault.phase),
                    (class, Some(status), Phase::Streaming),
                    "{kind:?}"
                );
                assert_eq!((fault.message.as_ref(), fault.code.as_deref()), ("m", Some(spelling)));
            }
        }
    };
    check("internalServerException", 500, C::Internal);
    check("modelStreamErrorException", 424, C::ModelFailed);
    check("modelTimeoutException", 408, C::ModelTimeout);
    check("serviceUnavailableException", 503, C::Overloaded);
    check("throttlingException", 429, C::Throttled);
    check("validationException", 400, C::InvalidRequest);
}

#[test]
fn stream_texts_are_heard_and_scrubbed_too() {
    let stream = |kind: FrameKind<'_>, payload: &str| {
        classify_stream(&kind, payload.as_bytes(), Phase::BeforeCommit).unwrap()
    };
    let fault =
        stream(FrameKind::Exception("validationException"), r#"{"message":"Input is too long."}"#);
    assert_eq!((fault.class, fault.message.as_ref()), (C::ContextOverflow, "Input is too long."));
    let fault = stream(
        FrameKind::Error { code: "AccessDenied", message: "arn:aws:iam::123456789012:role/x" },
        "",
    );
    assert_eq!(fault.class, C::AccessDenied);
    assert!(!fault.message.contains("arn:"));
    let fault = stream(
        FrameKind::Exception("modelStreamErrorException"),
        r#"{"message":"m","originalStatusCode":400}"#,
    );
    assert_eq!(fault.class, C::ModelRejected);
    let fault = stream(FrameKind::Exception("brandNewException"), "not json");
    assert_eq!(
        (fault.class, fault.status, fault.code.as_deref()),
        (C::Internal, None, Some("brandNewException"))
    );
    assert!(!fault.message.contains("not json"));
    assert_eq!(fault.detail.as_deref(), Some("not json"));
}

#[test]
fn the_vendors_words_are_known() {
    let check = |status, body: &str, class, message: &str, param: Option<&str>| {
        let fault = classify_http(status, &HeaderMap::new(), body.as_bytes());
        assert_eq!((fault.class, fault.message.as_ref()), (class, message), "{body}");
        assert_eq!(fault.param.as_deref(), param, "{body}");
    };
    check(
        400,
        r#"{"error":{"message":"no","type":"invalid_request_error","param":"tools[0]","code":null}}"#,
        C::InvalidRequest,
        "no",
        Some("tools[0]"),
    );
    // Where the vendor has no word for it, the status has.
    check(
        403,
        r#"{"error":{"message":"The security token included in the request is expired","type":"invalid_request_error"}}"#,
        C::ExpiredCredentials,
        "The gateway's AWS credentials have expired. Ask the operator of the gateway to renew them.",
        None,
    );
    check(503, r#"{"error":{"message":"no","type":"server_error"}}"#, C::Overloaded, "no", None);
    check(
        429,
        r#"{"error":{"message":"Too many tokens per day","code":"rate_limit_exceeded"}}"#,
        C::QuotaSpent,
        "Too many tokens per day",
        None,
    );
    check(
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 2 tokens > 1 maximum"}}"#,
        C::ContextOverflow,
        "prompt is too long: 2 tokens > 1 maximum",
        None,
    );
    check(
        400,
        r#"{"error":{"message":"model `m` isn't supported on this route","type":"invalid_request_error"}}"#,
        C::Unsupported,
        "model `m` isn't supported on this route",
        None,
    );
    check(529, r#"{"error":{"type":"brand_new","message":"x"}}"#, C::Overloaded, "x", None);
    let fault = classify_http(
        401,
        &HeaderMap::new(),
        br#"{"error":{"type":"authentication_error","message":"key AKIA"}}"#,
    );
    assert_eq!((fault.class, fault.message.contains("AKIA")), (C::BadCredentials, false));
}

#[test]
fn ordinary_events_are_no_faults() {
    for kind in [
        FrameKind::Event("chunk"),
        FrameKind::Event("messageStop"),
        FrameKind::Event("somethingNew"),
        FrameKind::Event("validation"),
        FrameKind::Unknown("x"),
    ] {
        assert_eq!(classify_stream(&kind, b"{}", Phase::Streaming), None, "{kind:?}");
    }
}
