"""boto3 and AnthropicBedrock against the emulator alone: two witnesses that it speaks Bedrock."""

import base64
import json
from typing import Any

import botocore.exceptions
import pytest
import urllib3.exceptions
from anthropic import AnthropicBedrock, BadRequestError
from botocore import UNSIGNED
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import ClientError, EventStreamError

from aws import ECHO, HELLO, TOOLS, calls_of, client as aws_client, text_of, text_of_stream, user
from stack import ACCOUNT_ARN, CLAUDE, CLAUDE_FOUNDATION, NOVA, PNG_BASE64, PROFILE_ARN, Emulator, setting


@pytest.fixture
def keys() -> tuple[str, str]:
    return setting("EMULATOR_ACCESS_KEY_ID"), setting("EMULATOR_SECRET_ACCESS_KEY")


@pytest.fixture
def client(emulator: Emulator, keys: tuple[str, str]) -> Any:
    return aws_client("bedrock-runtime", emulator.url, *keys)


@pytest.fixture
def control(emulator: Emulator, keys: tuple[str, str]) -> Any:
    return aws_client("bedrock", emulator.url, *keys)


def code_of(raised: Any) -> tuple[int, str]:
    response = raised.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


# === who is asking ===


def test_a_true_signature_is_accepted(client: Any) -> None:
    answer = client.converse(modelId=NOVA, messages=HELLO)
    assert text_of(answer) == ECHO
    assert answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("model", [CLAUDE, PROFILE_ARN, f"{ACCOUNT_ARN}:inference-profile/{CLAUDE}"])
def test_signed_paths_with_colons_and_slashes(client: Any, model: str) -> None:
    assert text_of(client.converse(modelId=model, messages=HELLO)) == ECHO


def test_a_wrong_secret(emulator: Emulator, keys: tuple[str, str]) -> None:
    client = aws_client("bedrock-runtime", emulator.url, keys[0], "wrong")
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (403, "InvalidSignatureException")


def test_an_unknown_key(emulator: Emulator) -> None:
    client = aws_client("bedrock-runtime", emulator.url, "AKIDNOBODY", "wrong")
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (403, "UnrecognizedClientException")


def test_no_signature(emulator: Emulator, keys: tuple[str, str]) -> None:
    client = aws_client("bedrock-runtime", emulator.url, *keys, config={"signature_version": UNSIGNED})
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (403, "MissingAuthenticationTokenException")


def test_a_token_that_belongs_to_no_key(emulator: Emulator, keys: tuple[str, str]) -> None:
    client = aws_client("bedrock-runtime", emulator.url, *keys, aws_session_token="stray")
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised)[0] == 403


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-Amz-Date", "20200101T000000Z"), ("Content-Type", "text/plain"), ("X-Amz-Stray", "unsigned")],
)
def test_what_was_signed_may_not_change(client: Any, header: str, value: str) -> None:
    def tamper(request: Any, **_: Any) -> None:
        if header in request.headers:
            del request.headers[header]
        request.headers[header] = value

    client.meta.events.register_last("before-send.bedrock-runtime.Converse", tamper)
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (403, "InvalidSignatureException")


def test_a_changed_body(client: Any) -> None:
    def tamper(request: Any, **_: Any) -> None:
        request.body = request.body.replace(b"three", b"THREE")

    client.meta.events.register_last("before-send.bedrock-runtime.Converse", tamper)
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (403, "InvalidSignatureException")


def bearer_client(monkeypatch: pytest.MonkeyPatch, url: str, key: str) -> Any:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
    return aws_client("bedrock-runtime", url, "unused", "unused", verify=setting("EMULATOR_CA"))


def test_an_api_key_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    client = bearer_client(monkeypatch, setting("EMULATOR_TLS_URL"), setting("EMULATOR_API_KEY"))
    assert text_of(client.converse(modelId=NOVA, messages=HELLO)) == ECHO
    assert text_of_stream(client.converse_stream(modelId=NOVA, messages=HELLO)) == ECHO


def test_a_wrong_api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    client = bearer_client(monkeypatch, setting("EMULATOR_TLS_URL"), "ABSKwrong")
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (403, "AccessDeniedException")


def test_boto3_sends_no_api_key_in_the_clear(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    client = bearer_client(monkeypatch, emulator.url, setting("EMULATOR_API_KEY"))
    with pytest.raises(botocore.exceptions.BotoCoreError, match="HTTPS"):
        client.converse(modelId=NOVA, messages=HELLO)


def test_an_unknown_authority_is_not_trusted(keys: tuple[str, str]) -> None:
    client = aws_client("bedrock-runtime", setting("EMULATOR_TLS_URL"), *keys)
    with pytest.raises(botocore.exceptions.SSLError):
        client.converse(modelId=NOVA, messages=HELLO)


# === answers ===


def test_converse_answer(client: Any) -> None:
    answer = client.converse(
        modelId=CLAUDE,
        messages=HELLO,
        system=[{"text": "Be brief."}],
        inferenceConfig={"maxTokens": 3, "temperature": 0.5, "stopSequences": ["five"]},
    )
    assert answer["stopReason"] == "max_tokens"
    assert answer["usage"]["outputTokens"] == 3
    assert answer["usage"]["totalTokens"] == answer["usage"]["inputTokens"] + 3


def test_converse_stream_answer(client: Any) -> None:
    events = list(client.converse_stream(modelId=NOVA, messages=HELLO)["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart"
    # A text block has no start event.
    assert kinds[1] == "contentBlockDelta"
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    # Padding is no member of the service model.
    assert all("p" not in payload for event in events for payload in event.values())


def test_tool_use(client: Any) -> None:
    messages = user('say:So. call:get_weather {"city": "Oslo"} call:get_time {}')
    plain = client.converse(modelId=CLAUDE, messages=messages, toolConfig=TOOLS)
    assert [call["name"] for call in calls_of(plain)] == ["get_weather", "get_time"]
    events = list(client.converse_stream(modelId=CLAUDE, messages=messages, toolConfig=TOOLS)["stream"])
    starts = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert [start["start"]["toolUse"]["name"] for start in starts] == ["get_weather", "get_time"]
    assert [start["contentBlockIndex"] for start in starts] == [1, 2]


def test_thinking(client: Any) -> None:
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    more = {"inferenceConfig": {"maxTokens": 4096}, "additionalModelRequestFields": fields}
    first = client.converse(modelId=CLAUDE, messages=HELLO, **more)
    message = first["output"]["message"]
    thought = message["content"][0]["reasoningContent"]["reasoningText"]
    assert thought["text"] and thought["signature"]
    second = client.converse(modelId=CLAUDE, messages=[*HELLO, message, *user("six")], **more)
    assert text_of(second) == "You said: six"
    thought["signature"] = "Zm9yZ2Vk"
    with pytest.raises(client.exceptions.ValidationException):
        client.converse(modelId=CLAUDE, messages=[*HELLO, message, *user("six")], **more)


NATIVE: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic": (
        CLAUDE,
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 99,
            "messages": [{"role": "user", "content": "one two three"}],
        },
    ),
    "nova": (NOVA, {"messages": [{"role": "user", "content": [{"text": "one two three"}]}]}),
    "titan": ("amazon.titan-text-express-v1", {"inputText": "one two three"}),
    "llama": ("meta.llama3-8b-instruct-v1:0", {"prompt": "one two three"}),
    "mistral": ("mistral.mistral-7b-instruct-v0:2", {"prompt": "<s>[INST] one two three [/INST]"}),
    "cohere": ("cohere.command-r-v1:0", {"message": "one two three"}),
}


@pytest.mark.parametrize("family", NATIVE)
def test_native_bodies(client: Any, family: str) -> None:
    model, body = NATIVE[family]
    answer = client.invoke_model(modelId=model, body=json.dumps(body))
    assert "one two three" in answer["body"].read().decode()
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-input-token-count"]) > 0
    assert int(headers["x-amzn-bedrock-output-token-count"]) > 0


@pytest.mark.parametrize("family", NATIVE)
def test_native_streams(client: Any, family: str) -> None:
    model, body = NATIVE[family]
    answer = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    chunks = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert len(chunks) > 1
    assert chunks[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] > 0


def test_count_tokens_agrees_with_usage(client: Any) -> None:
    counted = client.count_tokens(modelId=CLAUDE_FOUNDATION, input={"converse": {"messages": HELLO}})
    answer = client.converse(modelId=CLAUDE, messages=HELLO)
    assert counted["inputTokens"] == answer["usage"]["inputTokens"]


def test_anthropic_versions_are_kept_apart(emulator: Emulator, keys: tuple[str, str]) -> None:
    client = AnthropicBedrock(
        base_url=emulator.url,
        aws_access_key=keys[0],
        aws_secret_key=keys[1],
        aws_region="us-east-1",
        max_retries=0,
    )
    hello: Any = [{"role": "user", "content": "one two"}]
    newer = client.messages.create(model="us.anthropic.claude-opus-4-7", max_tokens=99, messages=hello)
    assert newer.content[0].text == "You said: one two"
    with client.messages.stream(model="us.anthropic.claude-opus-4-7", max_tokens=99, messages=hello) as stream:
        assert stream.get_final_message().content[0].text == "You said: one two"
    with pytest.raises(BadRequestError):
        client.messages.create(model=CLAUDE, max_tokens=99, messages=hello)


# === refusals ===


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"messages": [{"role": "bogus", "content": [{"text": "a"}]}]}, "role"),
        ({"inferenceConfig": {"temperature": 5.0}}, "temperature"),
        ({"inferenceConfig": {"topP": 1.5}}, "topP"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "x" * 99, "inputSchema": {"json": {}}}}]}}, "name"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "a b", "inputSchema": {"json": {}}}}]}}, "name"),
        ({"requestMetadata": {"a": "§"}}, "requestMetadata"),
        ({"serviceTier": {"type": "bogus"}}, "serviceTier"),
    ],
)
def test_constraints_that_boto3_leaves_to_the_server(client: Any, change: dict[str, Any], place: str) -> None:
    with pytest.raises(client.exceptions.ValidationException) as raised:
        client.converse(**{"modelId": NOVA, "messages": HELLO, **change})
    message = raised.value.response["Error"]["Message"]
    assert "validation error detected" in message
    assert place in message


USE: Any = {"toolUse": {"toolUseId": "t1", "name": "get_weather", "input": {}}}
RESULT: Any = {"toolResult": {"toolUseId": "t1", "content": [{"text": "ok"}]}}


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "content": [{"text": "a"}]}, *HELLO],
        [*HELLO, {"role": "assistant", "content": [USE]}, *HELLO],
        [*HELLO, {"role": "assistant", "content": [{"text": "a"}]}, {"role": "user", "content": [RESULT]}],
        [{"role": "user", "content": [USE]}],
        [{"role": "user", "content": [{"text": " "}]}],
        [{"role": "user", "content": []}],
    ],
    ids=["assistant-first", "unanswered", "unasked", "user-calls", "blank", "empty"],
)
def test_rules_of_a_conversation(client: Any, messages: Any) -> None:
    with pytest.raises(client.exceptions.ValidationException):
        client.converse(modelId=NOVA, messages=messages, toolConfig=TOOLS)


def test_tools_in_the_conversation_need_a_config(client: Any) -> None:
    messages = [*HELLO, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}]
    with pytest.raises(client.exceptions.ValidationException, match="toolConfig"):
        client.converse(modelId=NOVA, messages=messages)


@pytest.mark.parametrize(
    ("model", "status"),
    [("nonsense", 400), ("anthropic.claude-nope", 404), (CLAUDE_FOUNDATION, 400), ("anthropic.claude-v2:1", 404)],
    ids=["invalid", "unknown", "profile-only", "ended"],
)
def test_models_that_cannot_be_called(client: Any, model: str, status: int) -> None:
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=model, messages=HELLO)
    assert code_of(raised)[0] == status


def test_an_image_only_where_the_model_sees(client: Any) -> None:
    image = {"image": {"format": "png", "source": {"bytes": base64.b64decode(PNG_BASE64)}}}
    messages: Any = [{"role": "user", "content": [{"text": "see"}, image]}]
    assert "I see 1 image" in text_of(client.converse(modelId=NOVA, messages=messages))
    with pytest.raises(client.exceptions.ValidationException):
        client.converse(modelId="amazon.nova-micro-v1:0", messages=messages)


# === faults ===


def faulty(client: Any, fault: str) -> Any:
    """The client with `fault` asked for by header, as any test outside this project would."""

    def ask(request: Any, **_: Any) -> None:
        request.headers["x-outcrop-emulator-fault"] = fault

    client.meta.events.register("before-sign.bedrock-runtime", ask)
    return client


EXCEPTIONS = {
    "AccessDeniedException": 403,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_modelled_exceptions_are_typed(client: Any, name: str) -> None:
    faulty(client, f"error={name};message=as asked")
    with pytest.raises(getattr(client.exceptions, name)) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (EXCEPTIONS[name], name)
    assert raised.value.response["Error"]["Message"] == "as asked"


def test_unmodelled_exceptions_keep_their_code(client: Any) -> None:
    faulty(client, "error=ExpiredTokenException")
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (403, "ExpiredTokenException")


def test_an_original_status(client: Any) -> None:
    faulty(client, "error=ModelErrorException;original-status=503")
    with pytest.raises(client.exceptions.ModelErrorException) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert raised.value.response["originalStatusCode"] == 503


def test_retry_headers(client: Any) -> None:
    faulty(client, "error=ThrottlingException;retry-after=7;x-amz-retry-after=7000")
    with pytest.raises(client.exceptions.ThrottlingException) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    headers = raised.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["retry-after"], headers["x-amz-retry-after"]) == ("7", "7000")


def test_a_page_instead_of_json(client: Any) -> None:
    faulty(client, "html=502")
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert code_of(raised) == (502, "502")


def test_an_empty_answer(client: Any) -> None:
    faulty(client, "empty")
    assert "output" not in client.converse(modelId=NOVA, messages=HELLO)


def test_a_skewed_clock(client: Any) -> None:
    true = client.converse(modelId=NOVA, messages=HELLO)["ResponseMetadata"]["HTTPHeaders"]["date"]
    faulty(client, "skew=-86400")
    skewed = client.converse(modelId=NOVA, messages=HELLO)["ResponseMetadata"]["HTTPHeaders"]["date"]
    assert skewed[:16] != true[:16]


def test_future_fields(client: Any) -> None:
    faulty(client, "future-fields")
    assert text_of(client.converse(modelId=NOVA, messages=HELLO)) == ECHO
    assert text_of_stream(client.converse_stream(modelId=NOVA, messages=HELLO)) == ECHO


@pytest.mark.parametrize("fault", ["padding=off", "padding=on", "rechunk=7", "slow=5", "stall=5;after=2"])
def test_delays_chunks_and_padding_do_no_harm(client: Any, fault: str) -> None:
    faulty(client, fault)
    assert text_of_stream(client.converse_stream(modelId=NOVA, messages=HELLO)) == ECHO


@pytest.mark.parametrize(
    "name",
    [
        "internalServerException",
        "modelStreamErrorException",
        "serviceUnavailableException",
        "throttlingException",
        "validationException",
    ],
)
def test_an_exception_in_the_stream(client: Any, name: str) -> None:
    faulty(client, f"stream-error={name};after=3;message=as asked")
    seen = []
    with pytest.raises(EventStreamError) as raised:
        for event in client.converse_stream(modelId=NOVA, messages=HELLO)["stream"]:
            seen.append(event)
    assert len(seen) == 3
    assert raised.value.response["Error"] == {"Code": name, "Message": "as asked"}


def test_a_model_timeout_in_an_invoke_stream(client: Any) -> None:
    faulty(client, "stream-error=modelTimeoutException;after=1")
    model, body = NATIVE["anthropic"]
    with pytest.raises(EventStreamError) as raised:
        list(client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"])
    assert raised.value.response["Error"]["Code"] == "modelTimeoutException"


def test_an_error_frame(client: Any) -> None:
    faulty(client, "error-frame=InternalFailure;after=2;message=as asked")
    with pytest.raises(EventStreamError) as raised:
        list(client.converse_stream(modelId=NOVA, messages=HELLO)["stream"])
    assert raised.value.response["Error"] == {"Code": "InternalFailure", "Message": "as asked"}


def test_a_wrong_checksum(client: Any) -> None:
    faulty(client, "corrupt;after=2")
    with pytest.raises(ChecksumMismatch):
        list(client.converse_stream(modelId=NOVA, messages=HELLO)["stream"])


@pytest.mark.parametrize("fault", ["end", "end;after=3", "truncate=9;after=3", "cut=200"])
def test_boto3_does_not_see_a_missing_end(client: Any, fault: str) -> None:
    # The reason why a gateway has to look for the stop event itself.
    faulty(client, fault)
    kinds = [next(iter(event)) for event in client.converse_stream(modelId=NOVA, messages=HELLO)["stream"]]
    assert kinds[0] == "messageStart"
    assert "messageStop" not in kinds


def test_a_broken_connection(client: Any) -> None:
    faulty(client, "drop;after=3")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        list(client.converse_stream(modelId=NOVA, messages=HELLO)["stream"])


@pytest.mark.parametrize("fault", ["unknown-event;after=2", "unknown-delta;after=2"])
def test_unknown_events_are_dropped_by_boto3(client: Any, fault: str) -> None:
    faulty(client, fault)
    assert text_of_stream(client.converse_stream(modelId=NOVA, messages=HELLO)) == ECHO


def test_faults_by_the_admin_call(client: Any, emulator: Emulator) -> None:
    emulator.fault("error=ThrottlingException", times=2, operation="Converse", model="nova")
    assert client.converse(modelId=CLAUDE, messages=HELLO)["stopReason"] == "end_turn"
    for _ in range(2):
        with pytest.raises(client.exceptions.ThrottlingException):
            client.converse(modelId=NOVA, messages=HELLO)
    assert text_of(client.converse(modelId=NOVA, messages=HELLO)) == ECHO


# === control plane ===


def test_foundation_models(control: Any) -> None:
    models = control.list_foundation_models()["modelSummaries"]
    [nova] = [model for model in models if model["modelId"] == NOVA]
    assert nova["modelArn"] == f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
    assert nova["modelLifecycle"]["status"] == "ACTIVE"
    assert "ON_DEMAND" in nova["inferenceTypesSupported"]
    [claude] = [model for model in models if model["modelId"] == CLAUDE_FOUNDATION]
    assert "ON_DEMAND" not in claude["inferenceTypesSupported"]


def test_foundation_models_filtered(control: Any) -> None:
    models = control.list_foundation_models(byProvider="Amazon", byOutputModality="TEXT")["modelSummaries"]
    assert models and all(model["modelId"].startswith("amazon.") for model in models)


def test_one_foundation_model(control: Any) -> None:
    assert control.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]["modelId"] == NOVA
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_foundation_model(modelIdentifier="amazon.nova-nope-v1:0")


@pytest.mark.parametrize("kind", ["SYSTEM_DEFINED", "APPLICATION"])
def test_inference_profiles_page_by_page(control: Any, kind: str) -> None:
    pages = control.get_paginator("list_inference_profiles").paginate(
        typeEquals=kind, PaginationConfig={"PageSize": 2}
    )
    profiles = [profile for page in pages for profile in page["inferenceProfileSummaries"]]
    whole = control.list_inference_profiles(typeEquals=kind)["inferenceProfileSummaries"]
    assert len(profiles) > 2
    assert [one["inferenceProfileId"] for one in profiles] == [one["inferenceProfileId"] for one in whole]
    assert all(one["type"] == kind and one["createdAt"].year > 2000 for one in profiles)


@pytest.mark.parametrize("name", [CLAUDE, PROFILE_ARN], ids=["id", "arn"])
def test_one_inference_profile(control: Any, name: str) -> None:
    profile = control.get_inference_profile(inferenceProfileIdentifier=name)
    assert profile["status"] == "ACTIVE"
    assert any(model["modelArn"].endswith(CLAUDE_FOUNDATION) for model in profile["models"])


def test_what_the_account_owns(control: Any) -> None:
    [deployment] = control.list_custom_model_deployments()["modelDeploymentSummaries"]
    arn = deployment["customModelDeploymentArn"]
    one = control.get_custom_model_deployment(customModelDeploymentIdentifier=arn)
    assert one["modelArn"] == deployment["modelArn"] and one["status"] == "Active"
    assert control.get_custom_model(modelIdentifier=one["modelArn"])["baseModelArn"].endswith(NOVA)
    [imported] = control.list_imported_models()["modelSummaries"]
    assert control.get_imported_model(modelIdentifier=imported["modelArn"])["instructSupported"]
    [reserved] = control.list_provisioned_model_throughputs()["provisionedModelSummaries"]
    one = control.get_provisioned_model_throughput(provisionedModelId=reserved["provisionedModelArn"])
    assert one["foundationModelArn"] == reserved["foundationModelArn"]
    [router] = control.list_prompt_routers()["promptRouterSummaries"]
    assert control.get_prompt_router(promptRouterArn=router["promptRouterArn"])["fallbackModel"]["modelArn"]
