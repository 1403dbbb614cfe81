"""The official openai client's Responses API through the gateway."""

import json
from typing import Any

import openai
import pytest

from stack import ALWAYS, CLAUDE, PNG_BASE64, Emulator

HELLO = "one two three four five"
ECHO = "You said: one two three four five"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": False,
}


@pytest.fixture
def client(gateway: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)


def test_create(client: openai.OpenAI, model: str) -> None:
    response = client.responses.create(model=model, input=HELLO, instructions="Be brief.")
    assert response.output_text == ECHO
    assert response.object == "response" and response.status == "completed"
    assert response.model == model and response.instructions == "Be brief."
    assert response.error is None and response.incomplete_details is None
    usage = response.usage
    assert usage and usage.output_tokens > 0
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


def test_create_at_the_alias(gateway: str, model: str) -> None:
    client = openai.OpenAI(base_url=f"{gateway}/openai/v1", api_key="any", max_retries=0)
    assert client.responses.create(model=model, input=HELLO).output_text == ECHO


def test_an_image_is_seen(client: openai.OpenAI, model: str) -> None:
    content: Any = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG_BASE64}"},
    ]
    response = client.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert "I see 1 image (png of " in response.output_text


def test_stream(client: openai.OpenAI, model: str) -> None:
    events = list(client.responses.create(model=model, input=HELLO, stream=True))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(pieces) > 1 and "".join(pieces) == ECHO


def test_stream_helper(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input=HELLO) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == ECHO


def test_tool_loop(client: openai.OpenAI, model: str) -> None:
    ask: list[Any] = [{"role": "user", "content": 'say:Let me look. call:get_weather {"city": "Åre"}'}]
    tools: Any = [WEATHER, {"type": "web_search"}]
    first = client.responses.create(model=model, input=ask, tools=tools)
    [message, call] = first.output
    assert message.type == "message" and call.type == "function_call"
    assert json.loads(call.arguments) == {"city": "Åre"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "4 degrees"}
    second = client.responses.create(model=model, input=[*ask, *first.output, result], tools=tools)
    assert second.output_text == "The tool get_weather said: 4 degrees"


def test_streamed_tool_loop_by_previous_response(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(
        model=model, input='call:get_weather {"city": "Oslo"}', tools=[WEATHER]
    ) as stream:
        first = stream.until_done().get_final_response()
    [call] = first.output
    assert call.type == "function_call"
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "mild"}
    second = client.responses.create(
        model=model, previous_response_id=first.id, input=[result], tools=[WEATHER]
    )
    assert second.output_text == "The tool get_weather said: mild"
    assert client.responses.retrieve(second.id).output_text == second.output_text
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, previous_response_id=first.id, input="x")
    assert caught.value.code == "previous_response_not_found"


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_comes_back(client: openai.OpenAI, emulator: Emulator, streamed: bool) -> None:
    ask: list[Any] = [{"role": "user", "content": 'think:Well. call:get_weather {"city": "Oslo"}'}]
    options: Any = {
        "model": CLAUDE,
        "store": False,
        "max_output_tokens": 4000,
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "tools": [WEATHER],
    }
    if streamed:
        with client.responses.stream(input=ask, **options) as stream:
            first = stream.until_done().get_final_response()
    else:
        first = client.responses.create(input=ask, **options)
    [thought, call] = first.output
    assert thought.type == "reasoning" and thought.encrypted_content
    assert "Well" in thought.summary[0].text
    assert call.type == "function_call"
    replay = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "mild"}
    client.responses.create(input=[*ask, *replay, result], **options)
    turn = emulator.last_body()["messages"][1]["content"]
    assert [block["type"] for block in turn] == ["thinking", "tool_use"]
    assert turn[0]["signature"]


def test_throttling_is_a_rate_limit(client: openai.OpenAI, emulator: Emulator, model: str) -> None:
    emulator.fault("error=ThrottlingException", times=ALWAYS)
    with pytest.raises(openai.RateLimitError) as caught:
        client.responses.create(model=model, input=HELLO)
    assert caught.value.code == "rate_limit_exceeded"


def test_an_exception_in_the_stream_is_a_failed_answer(
    client: openai.OpenAI, emulator: Emulator, model: str
) -> None:
    emulator.fault("stream-error=throttlingException;after=4")
    events = list(client.responses.create(model=model, input=HELLO, stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.error and events[-1].response.error.code == "rate_limit_exceeded"
    emulator.fault("stream-error=throttlingException;after=4")
    with pytest.raises(RuntimeError):
        with client.responses.stream(model=model, input=HELLO) as stream:
            stream.until_done().get_final_response()


def test_what_is_not_there(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input=HELLO, background=True)
    assert caught.value.param == "background"
    with pytest.raises(openai.InternalServerError) as missing:
        client.responses.cancel("resp_1")
    assert missing.value.status_code == 501


def test_input_tokens_are_counted(client: openai.OpenAI, model: str) -> None:
    counted = client.responses.input_tokens.count(model=model, input=HELLO)
    response = client.responses.create(model=model, input=HELLO)
    assert counted.object == "response.input_tokens"
    assert response.usage and counted.input_tokens == response.usage.input_tokens
