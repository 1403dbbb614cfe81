"""AnthropicBedrock, the Anthropic client that speaks InvokeModel, through the gateway: relayed to Claude, translated for others."""

from typing import Any

import pytest
from anthropic import APIStatusError, AnthropicBedrock, BadRequestError, NotFoundError, RateLimitError

from stack import ALWAYS, CLAUDE, NOVA, PROFILE_ARN, Emulator

WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
HELLO: Any = [{"role": "user", "content": "one two three four five"}]
ECHO = "You said: one two three four five"


@pytest.fixture
def client(gateway: str) -> AnthropicBedrock:
    return AnthropicBedrock(
        base_url=gateway,
        aws_access_key="dummy",
        aws_secret_key="dummy",
        aws_region="us-east-1",
        max_retries=0,
    )


@pytest.mark.parametrize("model", [CLAUDE, PROFILE_ARN, NOVA], ids=["profile-id", "profile-arn", "nova"])
def test_create(client: AnthropicBedrock, model: str) -> None:
    message = client.messages.create(model=model, max_tokens=256, messages=HELLO)
    assert message.content[0].text == ECHO
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0


def test_a_bearer_key_is_accepted_too(gateway: str) -> None:
    client = AnthropicBedrock(base_url=gateway, api_key="any", aws_region="us-east-1", max_retries=0)
    message = client.messages.create(model=CLAUDE, max_tokens=256, messages=HELLO)
    assert message.content[0].text == ECHO


def test_the_body_says_a_version_the_model_knows(client: AnthropicBedrock, emulator: Emulator) -> None:
    client.messages.create(model=CLAUDE, max_tokens=256, messages=HELLO)
    assert emulator.last_body()["anthropic_version"] == "bedrock-2023-05-31"


def test_stream(client: AnthropicBedrock, model: str) -> None:
    with client.messages.stream(model=model, max_tokens=256, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == ECHO == message.content[0].text


def test_tool_loop(client: AnthropicBedrock, model: str) -> None:
    messages: Any = [{"role": "user", "content": 'call:get_weather {"city": "Oslo"}'}]
    first = client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER])
    [asked] = first.content
    assert (asked.name, asked.input) == ("get_weather", {"city": "Oslo"})
    result = {"type": "tool_result", "tool_use_id": asked.id, "content": "mild"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(model=model, max_tokens=256, messages=messages, tools=[WEATHER])
    assert second.content[0].text == "The tool get_weather said: mild"


def test_errors(client: AnthropicBedrock, model: str, emulator: Emulator) -> None:
    emulator.fault("error=ThrottlingException", times=ALWAYS)
    with pytest.raises(RateLimitError):
        client.messages.create(model=model, max_tokens=256, messages=HELLO)
    emulator.clear()
    emulator.fault("error=ValidationException;message=No.")
    with pytest.raises(BadRequestError) as raised:
        client.messages.create(model=model, max_tokens=256, messages=HELLO)
    assert "No." in str(raised.value)
    with pytest.raises(NotFoundError):
        client.messages.create(model="anthropic.claude-nope", max_tokens=256, messages=HELLO)


@pytest.mark.parametrize("exception", ["throttlingException", "modelTimeoutException", "internalServerException"])
def test_an_exception_in_the_stream_keeps_its_name(
    client: AnthropicBedrock, model: str, emulator: Emulator, exception: str
) -> None:
    emulator.fault(f"stream-error={exception};after=4")
    with pytest.raises(APIStatusError) as raised:
        list(client.messages.create(model=model, max_tokens=256, messages=HELLO, stream=True))
    assert exception in str(raised.value.body)


@pytest.mark.parametrize("fault", ["end", "truncate=9;after=4", "drop;after=4"])
def test_a_broken_stream_is_never_success(client: AnthropicBedrock, model: str, emulator: Emulator, fault: str) -> None:
    emulator.fault(fault)
    with pytest.raises(APIStatusError):
        list(client.messages.create(model=model, max_tokens=256, messages=HELLO, stream=True))
