"""The official openai client through the gateway."""

import json
from typing import Any

import openai
import pytest

from stack import ALWAYS, CLAUDE, NOVA, PNG_BASE64, Emulator

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME = {
    "type": "function",
    "function": {
        "name": "get_time",
        "description": "The time now",
        "parameters": {"type": "object", "properties": {}},
    },
}
HELLO = [{"role": "user", "content": "one two three four five"}]
ECHO = "You said: one two three four five"


@pytest.fixture
def client(gateway: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)


# === chat ===


def test_chat(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO, max_completion_tokens=200)
    assert completion.object == "chat.completion"
    assert completion.id
    assert completion.created > 0
    assert completion.model == model
    [choice] = completion.choices
    assert choice.index == 0
    assert choice.message.role == "assistant"
    assert choice.message.content == ECHO
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"


def test_chat_at_the_alias(gateway: str, model: str) -> None:
    client = openai.OpenAI(base_url=f"{gateway}/openai/v1", api_key="any", max_retries=0)
    completion = client.chat.completions.create(model=model, messages=HELLO)
    assert completion.choices[0].message.content == ECHO


def test_every_reply_names_its_request(client: openai.OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    names = [raw.headers[name] for name in ("x-request-id", "request-id", "x-amzn-requestid")]
    assert all(names)
    assert raw.parse()._request_id == raw.headers["x-request-id"]


def test_usage_is_whole_numbers_that_add_up(client: openai.OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    usage = json.loads(raw.text)["usage"]
    assert type(usage["prompt_tokens"]) is int and usage["prompt_tokens"] > 0
    assert type(usage["completion_tokens"]) is int and usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    details = usage.get("prompt_tokens_details") or {}
    assert all(type(value) is int for value in details.values())


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_reach_the_model(
    client: openai.OpenAI, emulator: Emulator, model: str, role: str
) -> None:
    messages = [{"role": role, "content": "Speak like a geologist."}, *HELLO]
    completion = client.chat.completions.create(model=model, messages=messages)
    assert completion.choices[0].message.content == ECHO
    assert "Speak like a geologist." in json.dumps(emulator.last_body()["system"])


def test_turns_alternate(client: openai.OpenAI, model: str) -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "You said: first"},
        {"role": "user", "content": "second"},
    ]
    completion = client.chat.completions.create(model=model, messages=messages)
    assert completion.choices[0].message.content == "You said: second"


def test_the_length_limit(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO, max_tokens=3)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage and completion.usage.completion_tokens == 3


def test_stop_sequences(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO, stop=["three"])
    assert completion.choices[0].message.content == "You said: one two "
    assert completion.choices[0].finish_reason == "stop"


def test_an_image_is_seen(client: openai.OpenAI, model: str) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}},
    ]
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    answer = completion.choices[0].message.content
    assert answer and "I see 1 image (png of " in answer


def test_what_no_model_takes_is_reported_or_carried(client: openai.OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO, seed=7)
    assert raw.parse().choices[0].message.content == ECHO
    assert "seed" in raw.headers["x-outcrop-loss"]


# === streams ===


def test_stream(client: openai.OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    *before, last = chunks
    assert last.choices == []
    assert last.usage and last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens
    assert all(chunk.usage is None for chunk in before)
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 1
    assert before[0].choices[0].delta.role == "assistant"
    pieces = [chunk.choices[0].delta.content for chunk in before if chunk.choices[0].delta.content]
    assert len(pieces) > 1
    assert "".join(pieces) == ECHO
    reasons = [chunk.choices[0].finish_reason for chunk in before if chunk.choices[0].finish_reason]
    assert reasons == ["stop"]


def test_no_usage_unless_asked(client: openai.OpenAI, model: str) -> None:
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert all(len(chunk.choices) == 1 for chunk in chunks)


def test_stream_helper(client: openai.OpenAI, model: str) -> None:
    with client.chat.completions.stream(model=model, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        completion = stream.get_final_completion()
    assert "content.delta" in kinds and "content.done" in kinds
    assert completion.choices[0].message.content == ECHO


def test_a_streamed_answer_is_the_plain_answer(client: openai.OpenAI, model: str) -> None:
    plain = client.chat.completions.create(model=model, messages=HELLO)
    stream = client.chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    usage = [chunk.usage for chunk in stream if chunk.usage]
    assert plain.usage and usage[0].total_tokens == plain.usage.total_tokens


# === tools ===


def call(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def test_tool_loop(client: openai.OpenAI, model: str) -> None:
    messages: list[Any] = call('say:Let me look. call:get_weather {"city": "Åre"}')
    first = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER, TIME])
    [choice] = first.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me look."
    [asked] = choice.message.tool_calls or []
    assert asked.type == "function"
    assert asked.function.name == "get_weather"
    assert json.loads(asked.function.arguments) == {"city": "Åre"}

    messages += [choice.message, {"role": "tool", "tool_call_id": asked.id, "content": "4 degrees, snow"}]
    second = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER, TIME])
    assert second.choices[0].message.content == "The tool get_weather said: 4 degrees, snow"
    assert second.choices[0].finish_reason == "stop"


def test_parallel_tools_and_their_results(client: openai.OpenAI, model: str) -> None:
    messages: list[Any] = call('call:get_weather {"city": "Oslo"} call:get_time {} call:get_weather {"city": "Rome"}')
    first = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER, TIME])
    calls = first.choices[0].message.tool_calls or []
    assert [one.function.name for one in calls] == ["get_weather", "get_time", "get_weather"]
    assert [json.loads(one.function.arguments) for one in calls] == [{"city": "Oslo"}, {}, {"city": "Rome"}]
    assert len({one.id for one in calls}) == 3

    messages.append(first.choices[0].message)
    messages += [{"role": "tool", "tool_call_id": one.id, "content": f"r{at}"} for at, one in enumerate(calls)]
    second = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER, TIME])
    answer = second.choices[0].message.content or ""
    assert [line.rsplit(" ", 1)[-1] for line in answer.splitlines()] == ["r0", "r1", "r2"]


def test_streamed_tools_accumulate(client: openai.OpenAI, model: str) -> None:
    text = 'say:Looking. call:get_weather {"city": "Oslo"} call:get_time {}'
    with client.chat.completions.stream(model=model, messages=call(text), tools=[WEATHER, TIME]) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        completion = stream.get_final_completion()
    assert [(event.index, event.name) for event in done] == [(0, "get_weather"), (1, "get_time")]
    message = completion.choices[0].message
    assert completion.choices[0].finish_reason == "tool_calls"
    assert message.content == "Looking."
    assert [json.loads(one.function.arguments) for one in message.tool_calls or []] == [{"city": "Oslo"}, {}]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_forced_tool_is_called(client: openai.OpenAI, model: str, choice: Any) -> None:
    completion = client.chat.completions.create(
        model=model, messages=call("Hello there"), tools=[WEATHER, TIME], tool_choice=choice
    )
    calls = completion.choices[0].message.tool_calls or []
    assert [one.function.name for one in calls] == ["get_weather"]


def test_no_tool_when_none_may_be_called(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.create(
        model=model, messages=call("get_weather please"), tools=[WEATHER], tool_choice="none"
    )
    assert completion.choices[0].message.tool_calls is None
    assert completion.choices[0].finish_reason == "stop"


def test_long_and_odd_tool_names_and_ids_survive(client: openai.OpenAI, model: str) -> None:
    name = "weather.in/a city, " + "x" * 60
    tool = {"type": "function", "function": {**WEATHER["function"], "name": name}}
    odd = "call|" + "9" * 90
    messages: list[Any] = [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": odd, "type": "function", "function": {"name": name, "arguments": '{"city":"Oslo"}'}}],
        },
        {"role": "tool", "tool_call_id": odd, "content": "fine"},
    ]
    answer = client.chat.completions.create(model=model, messages=messages, tools=[tool])
    assert (answer.choices[0].message.content or "").endswith("said: fine")
    forced = client.chat.completions.create(model=model, messages=call("hi"), tools=[tool], tool_choice="required")
    assert [one.function.name for one in forced.choices[0].message.tool_calls or []] == [name]


# === errors ===


def test_throttling_is_a_rate_limit(client: openai.OpenAI, emulator: Emulator, model: str) -> None:
    emulator.fault("error=ThrottlingException;retry-after=1", times=ALWAYS)
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model=model, messages=HELLO)
    assert raised.value.status_code == 429
    assert raised.value.code == "rate_limit_exceeded"
    assert raised.value.response.headers["retry-after"] == "1"
    assert raised.value.request_id


def test_a_spent_day_is_not_retried(client: openai.OpenAI, emulator: Emulator, model: str) -> None:
    text = "Too many tokens per day, please wait before trying again."
    emulator.fault(f"error=ThrottlingException;message={text}", times=ALWAYS)
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model=model, messages=HELLO)
    assert raised.value.code == "insufficient_quota"
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert len(emulator.requests()) == 1


@pytest.mark.parametrize(
    ("fault", "raises", "status"),
    [
        ("ServiceQuotaExceededException", openai.RateLimitError, 429),
        ("ServiceUnavailableException", openai.InternalServerError, 503),
        ("ModelNotReadyException", openai.InternalServerError, 503),
        ("InternalServerException", openai.InternalServerError, 500),
        ("ModelTimeoutException", openai.InternalServerError, 504),
        ("ValidationException", openai.BadRequestError, 400),
        ("ResourceNotFoundException", openai.NotFoundError, 404),
        # The gateway's own standing with AWS is never the caller's 401 or 403.
        ("AccessDeniedException", openai.InternalServerError, 502),
        ("UnrecognizedClientException", openai.InternalServerError, 502),
        ("ExpiredTokenException", openai.InternalServerError, 502),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_error_classes(
    client: openai.OpenAI, emulator: Emulator, model: str, fault: str, raises: type, status: int, stream: bool
) -> None:
    emulator.fault(f"error={fault}", times=ALWAYS)
    with pytest.raises(raises) as raised:
        client.chat.completions.create(model=model, messages=HELLO, stream=stream)
    assert raised.value.status_code == status
    assert raised.value.message
    assert "arn:aws" not in str(raised.value)


def test_a_transient_error_is_retried_by_the_gateway(
    client: openai.OpenAI, emulator: Emulator, model: str
) -> None:
    emulator.fault("error=InternalServerException")
    completion = client.chat.completions.create(model=model, messages=HELLO)
    assert completion.choices[0].message.content == ECHO
    assert [request["status"] for request in emulator.requests()] == [500, 200]


@pytest.mark.parametrize(
    "text",
    ["prompt is too long: 250000 tokens > 200000 maximum", "Input is too long for requested model."],
)
def test_context_overflow_has_its_code(
    client: openai.OpenAI, emulator: Emulator, model: str, text: str
) -> None:
    emulator.fault(f"error=ValidationException;message={text}")
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=model, messages=HELLO)
    assert raised.value.code == "context_length_exceeded"


@pytest.mark.parametrize("unknown", ["anthropic.claude-nope-v1:0", "amazon.nova-nope-v1:0", "nonsense"])
def test_unknown_model(client: openai.OpenAI, unknown: str) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model=unknown, messages=HELLO)
    assert raised.value.code == "model_not_found"


def test_empty_messages_name_their_place(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=model, messages=[])
    assert raised.value.type == "invalid_request_error"
    assert "messages" in (raised.value.param or raised.value.message)


@pytest.mark.parametrize(
    ("exception", "code"),
    [
        ("throttlingException", "rate_limit_exceeded"),
        ("serviceUnavailableException", "overloaded"),
        ("internalServerException", "internal_error"),
        ("modelStreamErrorException", "model_error"),
        ("validationException", "invalid_value"),
    ],
)
def test_an_exception_in_the_stream_raises(
    client: openai.OpenAI, emulator: Emulator, model: str, exception: str, code: str
) -> None:
    emulator.fault(f"stream-error={exception};after=4")
    seen = []
    with pytest.raises(openai.APIError) as raised:
        for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
            seen += [choice.delta.content for choice in chunk.choices if choice.delta.content]
            assert all(choice.finish_reason is None for choice in chunk.choices)
    assert seen and ECHO.startswith("".join(seen))
    assert raised.value.code == code


@pytest.mark.parametrize("fault", ["end", "end;after=4", "truncate=9;after=4", "corrupt;after=4", "drop;after=4"])
def test_a_broken_stream_is_never_success(
    client: openai.OpenAI, emulator: Emulator, model: str, fault: str
) -> None:
    emulator.fault(fault)
    with pytest.raises(openai.APIError) as raised:
        for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
            assert all(choice.finish_reason is None for choice in chunk.choices)
    assert raised.value.code == "upstream_broken"


def test_an_exception_before_the_first_event_is_a_status(
    client: openai.OpenAI, emulator: Emulator, model: str
) -> None:
    emulator.fault("stream-error=throttlingException", times=ALWAYS)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=model, messages=HELLO, stream=True)


def test_the_unknown_in_a_stream_is_passed_over(
    client: openai.OpenAI, emulator: Emulator, model: str
) -> None:
    emulator.fault("unknown-event;after=2 | unknown-delta;after=3 | future-fields | rechunk=7")
    chunks = client.chat.completions.create(model=model, messages=HELLO, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == ECHO


# === models ===


def test_models(client: openai.OpenAI) -> None:
    models = client.models.list().data
    assert {CLAUDE, NOVA} <= {model.id for model in models}
    assert all(model.object == "model" and model.created > 0 and model.owned_by for model in models)


def test_one_model(client: openai.OpenAI, model: str) -> None:
    found = client.models.retrieve(model)
    assert (found.id, found.object) == (model, "model")


def test_a_model_that_is_not_there(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("nonsense")
    assert raised.value.code == "model_not_found"


# === legacy completions ===


def test_completion(client: openai.OpenAI, model: str) -> None:
    completion = client.completions.create(model=model, prompt="one two three four five", max_tokens=50)
    assert completion.object == "text_completion"
    [choice] = completion.choices
    assert (choice.text, choice.index, choice.finish_reason, choice.logprobs) == (ECHO, 0, "stop", None)
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0


def test_streamed_completion(client: openai.OpenAI, model: str) -> None:
    chunks = list(
        client.completions.create(
            model=model,
            prompt="one two three four five",
            max_tokens=50,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == ECHO
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens > 0


def test_several_prompts_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="one request for each") as raised:
        client.completions.create(model=NOVA, prompt=["a", "b"])
    assert raised.value.param == "prompt"


# === what Bedrock has nothing for ===


def test_moderations_are_not_supported_and_not_retried(gateway: str) -> None:
    sent = []
    client = openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=3)
    client._client.event_hooks["request"].append(sent.append)
    with pytest.raises(openai.InternalServerError) as raised:
        client.moderations.create(input="x")
    assert (raised.value.status_code, raised.value.code, len(sent)) == (501, "not_supported", 1)
