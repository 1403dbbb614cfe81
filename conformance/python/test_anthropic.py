"""The official anthropic client through the gateway, as if it were Anthropic's own API."""

import base64
from typing import Any

import anthropic
import pytest

from stack import ALWAYS, CLAUDE, NOVA, PNG_BASE64, Emulator

WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TIME: Any = {"name": "get_time", "description": "The time now", "input_schema": {"type": "object", "properties": {}}}
HELLO: Any = [{"role": "user", "content": "one two three four five"}]
ECHO = "You said: one two three four five"
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture
def client(gateway: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway, api_key="any", max_retries=0)


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


# === messages ===


def test_create(client: anthropic.Anthropic, model: str) -> None:
    message = client.messages.create(model=model, max_tokens=256, messages=HELLO)
    assert message.type == "message"
    assert message.role == "assistant"
    assert message.id and message.model
    [block] = message.content
    assert (block.type, block.text) == ("text", ECHO)
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0
    assert message._request_id


def test_the_older_key_header_and_the_alias(gateway: str, model: str) -> None:
    headers = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
    client = anthropic.Anthropic(
        base_url=f"{gateway}/anthropic", api_key="any", max_retries=0, default_headers=headers
    )
    message = client.messages.create(model=model, max_tokens=256, messages=HELLO)
    assert message.content[0].text == ECHO


def test_system_reaches_the_model(client: anthropic.Anthropic, emulator: Emulator, model: str) -> None:
    message = client.messages.create(model=model, max_tokens=256, system="Be a geologist.", messages=HELLO)
    assert message.content[0].text == ECHO
    assert "Be a geologist." in str(emulator.last_body()["system"])


def test_the_length_limit_and_stop_sequences(client: anthropic.Anthropic, model: str) -> None:
    short = client.messages.create(model=model, max_tokens=3, messages=HELLO)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 3)
    stopped = client.messages.create(model=model, max_tokens=99, messages=HELLO, stop_sequences=["three"])
    assert stopped.stop_reason == "stop_sequence"
    assert stopped.content[0].text == "You said: one two "


def test_an_image_is_seen(client: anthropic.Anthropic, model: str) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}}
    content: Any = [{"type": "text", "text": "What is this?"}, image]
    message = client.messages.create(model=model, max_tokens=99, messages=[{"role": "user", "content": content}])
    size = len(base64.b64decode(PNG_BASE64))
    assert f"I see 1 image (png of {size} bytes)." in message.content[0].text


# === streams ===


def test_stream(client: anthropic.Anthropic, model: str) -> None:
    with client.messages.stream(model=model, max_tokens=256, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == ECHO
    assert message.content[0].text == ECHO
    assert message.stop_reason == "end_turn"
    plain = client.messages.create(model=model, max_tokens=256, messages=HELLO)
    assert message.usage.input_tokens == plain.usage.input_tokens
    assert message.usage.output_tokens == plain.usage.output_tokens


def test_stream_events_come_in_order(client: anthropic.Anthropic, model: str) -> None:
    events = client.messages.create(model=model, max_tokens=256, messages=HELLO, stream=True)
    kinds = [event.type for event in events if event.type != "ping"]
    deltas = kinds.count("content_block_delta")
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


# === tools ===


def test_tool_loop(client: anthropic.Anthropic, model: str) -> None:
    messages: Any = user('say:Let me look. call:get_weather {"city": "Åre"}')
    first = client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER, TIME])
    assert first.stop_reason == "tool_use"
    text, asked = first.content
    assert text.text == "Let me look."
    assert (asked.type, asked.name, asked.input) == ("tool_use", "get_weather", {"city": "Åre"})

    result = {"type": "tool_result", "tool_use_id": asked.id, "content": "4 degrees, snow"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER, TIME])
    assert second.content[0].text == "The tool get_weather said: 4 degrees, snow"


def test_parallel_tools_stream(client: anthropic.Anthropic, model: str) -> None:
    text = 'call:get_weather {"city": "Oslo"} say:And call:get_time {}'
    with client.messages.stream(
        model=model, max_tokens=256, messages=user(text), tools=[WEATHER, TIME]
    ) as stream:
        message = stream.get_final_message()
    kinds = [block.type for block in message.content]
    assert kinds == ["tool_use", "text", "tool_use"]
    assert [block.input for block in message.content if block.type == "tool_use"] == [{"city": "Oslo"}, {}]
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
def test_a_forced_tool_is_called(client: anthropic.Anthropic, model: str, choice: Any) -> None:
    message = client.messages.create(
        model=model, max_tokens=256, messages=user("Hello"), tools=[WEATHER, TIME], tool_choice=choice
    )
    assert [block.name for block in message.content if block.type == "tool_use"] == ["get_weather"]


def test_an_image_and_an_error_as_tool_results(client: anthropic.Anthropic, model: str) -> None:
    messages: Any = user("call:get_weather {} call:get_time {}")
    first = client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER, TIME])
    one, two = first.content
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}}
    results = [
        {"type": "tool_result", "tool_use_id": one.id, "content": [{"type": "text", "text": "see"}, image]},
        {"type": "tool_result", "tool_use_id": two.id, "content": "no clock", "is_error": True},
    ]
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER, TIME])
    answer = second.content[0].text
    assert "The tool get_weather said: see" in answer
    assert "The tool get_time failed: no clock" in answer
    assert "I see 1 image (png" in answer


# === thinking ===


def test_thinking_is_signed_and_may_be_replayed(client: anthropic.Anthropic) -> None:
    messages: Any = user("one two three")
    first = client.messages.create(model=CLAUDE, max_tokens=4096, messages=messages, thinking=THINKING)
    thought, text = first.content
    assert thought.type == "thinking" and thought.thinking and thought.signature
    assert text.text == "You said: one two three"

    messages += [{"role": "assistant", "content": first.content}, *user("four")]
    second = client.messages.create(model=CLAUDE, max_tokens=4096, messages=messages, thinking=THINKING)
    assert second.content[-1].text == "You said: four"


def test_streamed_thinking_replays_through_a_tool_loop(client: anthropic.Anthropic) -> None:
    messages: Any = user('call:get_weather {"city": "Oslo"}')
    with client.messages.stream(
        model=CLAUDE, max_tokens=4096, messages=messages, thinking=THINKING, tools=[WEATHER]
    ) as stream:
        first = stream.get_final_message()
    assert [block.type for block in first.content] == ["thinking", "tool_use"]
    assert first.content[0].signature
    result = {"type": "tool_result", "tool_use_id": first.content[1].id, "content": "mild"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(
        model=CLAUDE, max_tokens=4096, messages=messages, thinking=THINKING, tools=[WEATHER]
    )
    assert second.content[-1].text == "The tool get_weather said: mild"


def test_redacted_thinking_replays(client: anthropic.Anthropic) -> None:
    messages: Any = user("redact:hidden say:shown")
    first = client.messages.create(model=CLAUDE, max_tokens=4096, messages=messages, thinking=THINKING)
    hidden, shown = first.content
    assert hidden.type == "redacted_thinking" and hidden.data
    assert shown.text == "shown"
    messages += [{"role": "assistant", "content": first.content}, *user("more")]
    second = client.messages.create(model=CLAUDE, max_tokens=4096, messages=messages, thinking=THINKING)
    assert second.content[-1].text == "You said: more"


def test_a_forged_signature_is_refused(client: anthropic.Anthropic) -> None:
    forged = [{"type": "thinking", "thinking": "mine", "signature": "Zm9yZ2Vk"}, {"type": "text", "text": "so"}]
    messages: Any = [*user("one"), {"role": "assistant", "content": forged}, *user("two")]
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=CLAUDE, max_tokens=4096, messages=messages, thinking=THINKING)


# === errors ===


@pytest.mark.parametrize(
    ("fault", "raises", "status", "kind"),
    [
        ("ThrottlingException", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("ServiceQuotaExceededException", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("ServiceUnavailableException", anthropic.OverloadedError, 529, "overloaded_error"),
        ("ModelNotReadyException", anthropic.OverloadedError, 529, "overloaded_error"),
        ("InternalServerException", anthropic.InternalServerError, 500, "api_error"),
        ("ModelTimeoutException", anthropic.InternalServerError, 504, "timeout_error"),
        ("ValidationException", anthropic.BadRequestError, 400, "invalid_request_error"),
        ("ResourceNotFoundException", anthropic.NotFoundError, 404, "not_found_error"),
        ("AccessDeniedException", anthropic.InternalServerError, 502, "api_error"),
        ("UnrecognizedClientException", anthropic.InternalServerError, 502, "api_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_error_classes(
    client: anthropic.Anthropic,
    emulator: Emulator,
    model: str,
    fault: str,
    raises: type,
    status: int,
    kind: str,
    stream: bool,
) -> None:
    emulator.fault(f"error={fault}", times=ALWAYS)
    with pytest.raises(raises) as raised:
        client.messages.create(model=model, max_tokens=99, messages=HELLO, stream=stream)
    assert raised.value.status_code == status
    assert raised.value.type == kind
    assert raised.value.body["type"] == "error"
    assert raised.value.request_id
    assert "arn:aws" not in str(raised.value)


def test_retry_after_is_handed_on(client: anthropic.Anthropic, emulator: Emulator, model: str) -> None:
    emulator.fault("error=ThrottlingException;retry-after=1", times=ALWAYS)
    with pytest.raises(anthropic.RateLimitError) as raised:
        client.messages.create(model=model, max_tokens=99, messages=HELLO)
    assert raised.value.response.headers["retry-after"] == "1"


def test_context_overflow_keeps_the_text_that_clients_read(
    client: anthropic.Anthropic, emulator: Emulator, model: str
) -> None:
    text = "prompt is too long: 250000 tokens > 200000 maximum"
    emulator.fault(f"error=ValidationException;message={text}")
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(model=model, max_tokens=99, messages=HELLO)
    assert text in raised.value.body["error"]["message"]


def test_unknown_model(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        client.messages.create(model="anthropic.claude-nope", max_tokens=99, messages=HELLO)
    assert raised.value.type == "not_found_error"


def test_a_missing_bound_is_named(client: anthropic.Anthropic, model: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.post("/v1/messages", body={"model": model, "messages": HELLO}, cast_to=object)
    assert "max_tokens" in str(raised.value)


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        ("throttlingException", "rate_limit_error"),
        ("serviceUnavailableException", "overloaded_error"),
        ("internalServerException", "api_error"),
        ("modelStreamErrorException", "api_error"),
        ("validationException", "invalid_request_error"),
    ],
)
def test_an_exception_in_the_stream_raises(
    client: anthropic.Anthropic, emulator: Emulator, model: str, exception: str, kind: str
) -> None:
    emulator.fault(f"stream-error={exception};after=4")
    kinds = []
    with pytest.raises(anthropic.APIStatusError) as raised:
        for event in client.messages.create(model=model, max_tokens=99, messages=HELLO, stream=True):
            kinds.append(event.type)
    assert "content_block_delta" in kinds
    assert "message_stop" not in kinds
    assert raised.value.status_code == 200
    assert raised.value.type == kind


@pytest.mark.parametrize("fault", ["end", "end;after=4", "truncate=9;after=4", "corrupt;after=4", "drop;after=4"])
def test_a_broken_stream_is_never_success(
    client: anthropic.Anthropic, emulator: Emulator, model: str, fault: str
) -> None:
    emulator.fault(fault)
    kinds = []
    with pytest.raises(anthropic.APIStatusError) as raised:
        for event in client.messages.create(model=model, max_tokens=99, messages=HELLO, stream=True):
            kinds.append(event.type)
    assert "message_stop" not in kinds
    assert raised.value.type == "api_error"


# === models ===


def test_models(client: anthropic.Anthropic) -> None:
    models = list(client.models.list())
    assert {CLAUDE, NOVA} <= {model.id for model in models}
    assert all(model.type == "model" and model.display_name and model.created_at for model in models)


def test_one_model(client: anthropic.Anthropic, model: str) -> None:
    assert client.models.retrieve(model).id == model
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nonsense")


# === counting tokens ===


def test_count_tokens(client: anthropic.Anthropic, emulator: Emulator, model: str) -> None:
    counted = client.messages.count_tokens(model=model, system="Be brief.", messages=HELLO, tools=[WEATHER])
    message = client.messages.create(
        model=model, max_tokens=256, system="Be brief.", messages=HELLO, tools=[WEATHER]
    )
    assert counted.input_tokens == message.usage.input_tokens
    assert emulator.requests()[0]["path"].endswith("/count-tokens")


def test_a_count_that_bedrock_does_not_give(client: anthropic.Anthropic, emulator: Emulator, model: str) -> None:
    emulator.fault("error=AccessDeniedException")
    raw = client.messages.with_raw_response.count_tokens(model=model, messages=HELLO)
    assert raw.headers["x-outcrop-estimate"] == "true"
    assert raw.parse().input_tokens > 5


# === what Bedrock has nothing for ===


def test_batches_are_not_supported_and_not_retried(gateway: str) -> None:
    sent = []
    client = anthropic.Anthropic(base_url=gateway, api_key="any", max_retries=3)
    client._client.event_hooks["request"].append(sent.append)
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.batches.list()
    assert (raised.value.status_code, raised.value.type, len(sent)) == (501, "api_error", 1)
