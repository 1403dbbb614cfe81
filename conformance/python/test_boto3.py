"""boto3 through the gateway: Bedrock's own API, relayed and signed again."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from aws import ECHO, HELLO, TOOLS, calls_of, client as aws_client, text_of, text_of_stream, user
from stack import ACCOUNT_ARN, ALWAYS, CLAUDE, CLAUDE_FOUNDATION, NOVA, PROFILE_ARN, Emulator, setting

NATIVE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "one two three four five"}],
}


@pytest.fixture
def client(gateway: str) -> Any:
    # Not the emulator's key pair: the gateway signs with its own.
    return aws_client("bedrock-runtime", gateway, "dummy", "dummy")


@pytest.mark.parametrize(
    "model",
    [CLAUDE, NOVA, PROFILE_ARN, f"{ACCOUNT_ARN}:inference-profile/{CLAUDE}", f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"],
    ids=["profile", "foundation", "application-arn", "profile-arn", "foundation-arn"],
)
def test_converse(client: Any, model: str) -> None:
    answer = client.converse(modelId=model, messages=HELLO)
    assert text_of(answer) == ECHO
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert answer["metrics"]["latencyMs"] >= 0
    assert answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("model", [CLAUDE, NOVA, PROFILE_ARN], ids=["claude", "nova", "arn"])
def test_converse_stream(client: Any, model: str) -> None:
    events = list(client.converse_stream(modelId=model, messages=HELLO)["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]
    texts = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert len(texts) > 1
    assert "".join(texts) == ECHO
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 0


def test_tool_loop(client: Any, model: str) -> None:
    messages = user('call:get_weather {"city": "Oslo"} call:get_time {}')
    first = client.converse(modelId=model, messages=messages, toolConfig=TOOLS)
    assert first["stopReason"] == "tool_use"
    calls = calls_of(first)
    assert [(call["name"], call["input"]) for call in calls] == [("get_weather", {"city": "Oslo"}), ("get_time", {})]
    results = [
        {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": f"r{at}"}]}}
        for at, call in enumerate(calls)
    ]
    messages += [first["output"]["message"], {"role": "user", "content": results}]
    second = client.converse(modelId=model, messages=messages, toolConfig=TOOLS)
    assert text_of(second) == "The tool get_weather said: r0\nThe tool get_time said: r1"


def test_streamed_tool(client: Any, model: str) -> None:
    messages = user('say:Looking. call:get_weather {"city": "Oslo"}')
    answer = client.converse_stream(modelId=model, messages=messages, toolConfig=TOOLS)
    events = list(answer["stream"])
    [start] = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert start["start"]["toolUse"]["name"] == "get_weather"
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    arguments = "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
    assert json.loads(arguments) == {"city": "Oslo"}
    [stop] = [event["messageStop"] for event in events if "messageStop" in event]
    assert stop["stopReason"] == "tool_use"


def test_invoke_model(client: Any, model: str) -> None:
    answer = client.invoke_model(modelId=model, body=json.dumps(NATIVE))
    message = json.loads(answer["body"].read())
    assert answer["contentType"] == "application/json"
    assert message["content"] == [{"type": "text", "text": ECHO}]
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-output-token-count"]) == message["usage"]["output_tokens"]


def test_invoke_model_stream(client: Any, model: str) -> None:
    answer = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(NATIVE))
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert events[0]["type"] == "message_start"
    assert events[-1]["type"] == "message_stop"
    assert answer["contentType"] == "application/json"
    assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] > 0
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == ECHO


def test_invoke_model_in_another_language(client: Any) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "one two three four five"}]}]}
    answer = client.invoke_model(modelId=NOVA, body=json.dumps(body), contentType="application/json")
    message = json.loads(answer["body"].read())["output"]["message"]
    assert message["content"][0]["text"] == ECHO


def test_count_tokens(client: Any) -> None:
    counted = client.count_tokens(modelId=CLAUDE_FOUNDATION, input={"converse": {"messages": HELLO}})
    answer = client.converse(modelId=CLAUDE, messages=HELLO)
    assert counted["inputTokens"] == answer["usage"]["inputTokens"]
    native = {"invokeModel": {"body": json.dumps(NATIVE).encode()}}
    assert client.count_tokens(modelId=CLAUDE_FOUNDATION, input=native)["inputTokens"] > 0


def test_the_raw_path_is_kept(client: Any, emulator: Emulator) -> None:
    client.converse(modelId=PROFILE_ARN, messages=HELLO)
    path = emulator.requests()[-1]["path"]
    assert path.endswith("%2Fa1b2c3d4e5f6/converse")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("ThrottlingException", 429),
        ("ServiceUnavailableException", 503),
        ("InternalServerException", 500),
        ("ModelNotReadyException", 429),
        ("ModelTimeoutException", 408),
        ("ModelErrorException", 424),
        ("ValidationException", 400),
        ("ResourceNotFoundException", 404),
    ],
)
def test_errors_keep_their_names(client: Any, emulator: Emulator, fault: str, status: int) -> None:
    emulator.fault(f"error={fault}", times=ALWAYS)
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert type(raised.value).__name__ == fault
    assert raised.value.response["Error"]["Code"] == fault
    assert raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize("fault", ["AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"])
def test_the_gateways_own_standing_is_not_the_callers(client: Any, emulator: Emulator, fault: str) -> None:
    emulator.fault(f"error={fault}", times=ALWAYS)
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=NOVA, messages=HELLO)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500


@pytest.mark.parametrize("exception", ["throttlingException", "modelStreamErrorException", "internalServerException"])
def test_an_exception_in_the_stream(client: Any, emulator: Emulator, model: str, exception: str) -> None:
    emulator.fault(f"stream-error={exception};after=3")
    seen = []
    with pytest.raises(EventStreamError) as raised:
        for event in client.converse_stream(modelId=model, messages=HELLO)["stream"]:
            seen.append(next(iter(event)))
    assert seen == ["messageStart", "contentBlockDelta", "contentBlockDelta"]
    assert raised.value.response["Error"]["Code"] == exception


@pytest.mark.parametrize("fault", ["end", "truncate=9;after=3"])
def test_what_boto3_takes_for_an_end_is_an_error(client: Any, emulator: Emulator, fault: str) -> None:
    # Straight from Bedrock both look like a complete answer to boto3.
    emulator.fault(fault)
    with pytest.raises(EventStreamError):
        list(client.converse_stream(modelId=NOVA, messages=HELLO)["stream"])


def test_the_future_passes_through(client: Any, emulator: Emulator) -> None:
    emulator.fault("future-fields | rechunk=5")
    assert text_of_stream(client.converse_stream(modelId=NOVA, messages=HELLO)) == ECHO


def test_an_api_key_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "any")
    url, authority = setting("OUTCROP_TLS_URL"), setting("OUTCROP_CA")
    client = aws_client("bedrock-runtime", url, "unused", "unused", verify=authority)
    assert text_of(client.converse(modelId=NOVA, messages=HELLO)) == ECHO
    assert text_of_stream(client.converse_stream(modelId=NOVA, messages=HELLO)) == ECHO
