//! The AWS SDK for Rust against the emulator: a third witness, with its own parser and its own signer.
//!
//! What it sees differs from boto3 where protocol facts section 3 says so: it reports a truncated
//! frame, and both take a clean end without a stop event for success.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Region, Token};
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::ConverseError;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamOutput as StreamReply;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::error::{ConverseStreamOutputError, ResponseStreamError};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ConversationRole, ConverseStreamOutput, ConverseTokensRequest,
    CountTokensInput, Message, ResponseStream, StopReason, Tool, ToolConfiguration,
    ToolInputSchema, ToolResultBlock, ToolResultContentBlock, ToolSpecification,
};
use aws_sdk_bedrockruntime::{Client, config::Builder};
use aws_smithy_types::Document;
use outcrop_emulator::{
    Access, EXAMPLE_ACCESS_KEY_ID, EXAMPLE_API_KEY, EXAMPLE_REGION, EXAMPLE_SECRET_ACCESS_KEY,
    Emulator, Fault,
};
use serde_json::{Value, json};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const CLAUDE_FOUNDATION: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "amazon.nova-lite-v1:0";
const PROFILE_ARN: &str =
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6";
const SAID: &str = "one two three four five";
const ECHO: &str = "You said: one two three four five";

// === setting up ===

async fn emulator() -> Emulator {
    Emulator::bind("127.0.0.1:0", outcrop_emulator::Config::default()).await.unwrap()
}

/// A configuration without TLS, retries or anything of the environment.
fn config(emulator: &Emulator) -> Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(EXAMPLE_REGION))
        .endpoint_url(emulator.base_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
}

fn signing(emulator: &Emulator, secret: &str) -> Client {
    let keys = Credentials::new(EXAMPLE_ACCESS_KEY_ID, secret, None, None, "test");
    Client::from_conf(config(emulator).credentials_provider(keys).build())
}

fn client(emulator: &Emulator) -> Client {
    signing(emulator, EXAMPLE_SECRET_ACCESS_KEY)
}

fn inject(emulator: &Emulator, fault: &str) {
    emulator.inject(Fault::parse_list(fault).unwrap(), 1);
}

fn user(text: &str) -> Message {
    turn(ConversationRole::User, vec![ContentBlock::Text(text.into())])
}

fn turn(role: ConversationRole, content: Vec<ContentBlock>) -> Message {
    Message::builder().role(role).set_content(Some(content)).build().unwrap()
}

fn tools() -> ToolConfiguration {
    let schema = Document::Object([("type".to_owned(), Document::from("object"))].into());
    let weather = ToolSpecification::builder()
        .name("get_weather")
        .description("The weather")
        .input_schema(ToolInputSchema::Json(schema))
        .build()
        .unwrap();
    ToolConfiguration::builder().tools(Tool::ToolSpec(weather)).build().unwrap()
}

fn native() -> Blob {
    let body = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": SAID}],
    });
    Blob::new(body.to_string())
}

async fn stream(client: &Client) -> StreamReply {
    client.converse_stream().model_id(NOVA).messages(user(SAID)).send().await.unwrap()
}

/// The events of a stream up to its end or its error.
async fn read(
    mut reply: StreamReply,
) -> (Vec<ConverseStreamOutput>, Option<SdkError<ConverseStreamOutputError, impl std::fmt::Debug>>)
{
    let mut events = Vec::new();
    loop {
        match reply.stream.recv().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

fn text_of(events: &[ConverseStreamOutput]) -> String {
    let deltas = events.iter().filter_map(|event| event.as_content_block_delta().ok());
    let texts = deltas.filter_map(|event| match event.delta() {
        Some(ContentBlockDelta::Text(text)) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

async fn converse_error(fault: &str) -> SdkError<ConverseError, HttpResponse> {
    let emulator = emulator().await;
    inject(&emulator, fault);
    client(&emulator).converse().model_id(NOVA).messages(user(SAID)).send().await.unwrap_err()
}

// === answers ===

#[tokio::test]
async fn converse_by_id_and_by_arn() {
    let emulator = emulator().await;
    for model in [NOVA, CLAUDE, PROFILE_ARN] {
        let request = client(&emulator).converse().model_id(model).messages(user(SAID));
        let answer = request.send().await.unwrap();
        let message = answer.output().unwrap().as_message().unwrap();
        assert_eq!(message.content()[0].as_text().unwrap(), ECHO, "{model}");
        assert_eq!(answer.stop_reason(), &StopReason::EndTurn);
        let usage = answer.usage().unwrap();
        assert_eq!(usage.total_tokens(), usage.input_tokens() + usage.output_tokens());
    }
}

#[tokio::test]
async fn converse_stream_ends_with_metadata() {
    let emulator = emulator().await;
    let (events, error) = read(stream(&client(&emulator)).await).await;
    assert!(error.is_none(), "{error:?}");
    assert!(events[0].is_message_start());
    assert!(events[1].is_content_block_delta(), "a text block has no start event");
    assert!(events[events.len() - 2].is_message_stop());
    assert!(events[events.len() - 1].as_metadata().unwrap().usage().unwrap().output_tokens() > 0);
    assert_eq!(text_of(&events), ECHO);
}

#[tokio::test]
async fn a_tool_is_called_and_answered() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let question = user("call:get_weather {\"city\": \"Oslo\"}");
    let request = client.converse().model_id(CLAUDE).messages(question.clone());
    let first = request.tool_config(tools()).send().await.unwrap();
    assert_eq!(first.stop_reason(), &StopReason::ToolUse);
    let asked = first.output().unwrap().as_message().unwrap().clone();
    let call = asked.content()[0].as_tool_use().unwrap();
    assert_eq!(call.input().as_object().unwrap()["city"].as_string(), Some("Oslo"));

    let result = ToolResultBlock::builder()
        .tool_use_id(call.tool_use_id())
        .content(ToolResultContentBlock::Text("mild".into()))
        .build()
        .unwrap();
    let answer = turn(ConversationRole::User, vec![ContentBlock::ToolResult(result)]);
    let request = client.converse().model_id(CLAUDE).tool_config(tools());
    let request = request.messages(question).messages(asked).messages(answer);
    let second = request.send().await.unwrap();
    let message = second.output().unwrap().as_message().unwrap();
    assert_eq!(message.content()[0].as_text().unwrap(), "The tool get_weather said: mild");
}

#[tokio::test]
async fn invoke_model_plain_and_streamed() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let plain = client.invoke_model().model_id(CLAUDE).body(native()).send().await.unwrap();
    let message: Value = serde_json::from_slice(plain.body().as_ref()).unwrap();
    assert_eq!(message["content"][0]["text"], ECHO);

    let request = client.invoke_model_with_response_stream().model_id(CLAUDE).body(native());
    let mut body = request.send().await.unwrap().body;
    let mut events: Vec<Value> = Vec::new();
    while let Some(event) = body.recv().await.unwrap() {
        let ResponseStream::Chunk(chunk) = event else { panic!("not a chunk: {event:?}") };
        events.push(serde_json::from_slice(chunk.bytes().unwrap().as_ref()).unwrap());
    }
    assert_eq!(events[0]["type"], "message_start");
    assert_eq!(events[events.len() - 1]["type"], "message_stop");
    let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(text, ECHO);
}

#[tokio::test]
async fn count_tokens_agrees_with_usage() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let input = ConverseTokensRequest::builder().messages(user(SAID)).build();
    let request = client.count_tokens().model_id(CLAUDE_FOUNDATION);
    let counted = request.input(CountTokensInput::Converse(input)).send().await.unwrap();
    let answer = client.converse().model_id(CLAUDE).messages(user(SAID)).send().await.unwrap();
    assert_eq!(counted.input_tokens(), answer.usage().unwrap().input_tokens());
}

// === who is asking ===

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let emulator = emulator().await;
    let forged = signing(&emulator, "forged");
    let error = forged.converse().model_id(NOVA).messages(user(SAID)).send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidSignatureException"));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
}

#[tokio::test]
async fn an_api_key_is_accepted() {
    let emulator = emulator().await;
    for (key, accepted) in [(EXAMPLE_API_KEY, true), ("ABSKwrong", false)] {
        let bearer = config(&emulator).token_provider(Token::new(key, None)).build();
        let request = Client::from_conf(bearer).converse().model_id(NOVA).messages(user(SAID));
        assert_eq!(request.send().await.is_ok(), accepted, "{key}");
    }
}

// === errors ===

#[tokio::test]
async fn modelled_errors_are_typed() {
    let error = converse_error("error=ThrottlingException;message=as asked").await;
    assert!(matches!(error.as_service_error(), Some(ConverseError::ThrottlingException(_))));
    assert_eq!(error.message(), Some("as asked"));
    let error = converse_error("error=ModelErrorException;original-status=503").await;
    let Some(ConverseError::ModelErrorException(error)) = error.as_service_error() else {
        panic!("not typed: {error:?}")
    };
    assert_eq!(error.original_status_code(), Some(503));
    let names = [
        ("AccessDeniedException", 403),
        ("InternalServerException", 500),
        ("ModelNotReadyException", 429),
        ("ModelTimeoutException", 408),
        ("ResourceNotFoundException", 404),
        ("ServiceUnavailableException", 503),
        ("ValidationException", 400),
    ];
    for (name, status) in names {
        let error = converse_error(&format!("error={name}")).await;
        assert_eq!(error.code(), Some(name));
        assert_eq!(error.raw_response().unwrap().status().as_u16(), status, "{name}");
        let service = error.as_service_error().unwrap();
        assert!(!format!("{service:?}").starts_with("Unhandled"), "{name} is not typed");
    }
}

#[tokio::test]
async fn unmodelled_errors_keep_their_code() {
    let error = converse_error("error=ExpiredTokenException").await;
    assert_eq!(error.code(), Some("ExpiredTokenException"));
}

#[tokio::test]
async fn exceptions_in_a_stream_are_typed() {
    let emulator = emulator().await;
    let client = client(&emulator);
    inject(&emulator, "stream-error=throttlingException;after=3;message=as asked");
    let (events, error) = read(stream(&client).await).await;
    assert_eq!(events.len(), 3);
    let error = error.unwrap();
    assert_eq!(error.message(), Some("as asked"));
    let error = error.into_service_error();
    assert!(error.is_throttling_exception(), "{error:?}");

    inject(&emulator, "stream-error=modelTimeoutException;after=1");
    let request = client.invoke_model_with_response_stream().model_id(CLAUDE).body(native());
    let mut body = request.send().await.unwrap().body;
    assert!(body.recv().await.unwrap().is_some());
    let error = body.recv().await.unwrap_err().into_service_error();
    assert!(matches!(error, ResponseStreamError::ModelTimeoutException(_)), "{error:?}");
}

#[tokio::test]
async fn broken_streams_are_errors() {
    let faults = [
        "truncate=9;after=3",
        "corrupt;after=3",
        "drop;after=3",
        "error-frame=InternalFailure;after=3",
    ];
    for fault in faults {
        let emulator = emulator().await;
        inject(&emulator, fault);
        let (events, error) = read(stream(&client(&emulator)).await).await;
        assert_eq!(events.len(), 3, "{fault}");
        let error = error.unwrap();
        assert!(error.as_service_error().is_none(), "{fault}: {error:?}");
    }
}

#[tokio::test]
async fn a_clean_end_without_a_stop_looks_like_success() {
    let emulator = emulator().await;
    inject(&emulator, "end");
    let (events, error) = read(stream(&client(&emulator)).await).await;
    assert!(error.is_none(), "{error:?}");
    assert!(!events.iter().any(ConverseStreamOutput::is_message_stop));
}

#[tokio::test]
async fn the_future_is_passed_over() {
    let emulator = emulator().await;
    inject(&emulator, "unknown-event;after=2 | unknown-delta;after=4 | future-fields | rechunk=7");
    let (events, error) = read(stream(&client(&emulator)).await).await;
    assert!(error.is_none(), "{error:?}");
    assert!(events[2].is_unknown());
    assert_eq!(text_of(&events), ECHO);
}

// === who may do what ===

#[tokio::test]
async fn a_table_refuses_in_the_words_of_iam() {
    let narrow = Access { models: vec!["anthropic.*".to_owned()], ..Access::default() };
    let access = [(EXAMPLE_ACCESS_KEY_ID.to_owned(), narrow)].into();
    let config = outcrop_emulator::Config { access, ..outcrop_emulator::Config::default() };
    let emulator = Emulator::bind("127.0.0.1:0", config).await.unwrap();
    let ask = async |model: &str| {
        client(&emulator).converse().model_id(model).messages(user(SAID)).send().await
    };
    assert!(ask(CLAUDE).await.is_ok());
    let refused = ask(NOVA).await.unwrap_err().into_service_error();
    assert!(refused.is_access_denied_exception());
    assert_eq!(
        refused.message(),
        Some(
            "User: arn:aws:iam::123456789012:user/example is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0 because no identity-based policy allows the bedrock:InvokeModel action"
        )
    );
}
