"""The official clients of Bedrock's OpenAI- and Anthropic-shaped APIs: against the emulator alone, and through the gateway."""

from typing import Any

import pytest
from anthropic import AnthropicBedrockMantle
from anthropic import NotFoundError as AnthropicNotFoundError
from anthropic import RateLimitError as AnthropicRateLimitError
from openai import BadRequestError, OpenAI, PermissionDeniedError, RateLimitError
from openai.providers import bedrock

from stack import Emulator, setting

HELLO: Any = [{"role": "user", "content": "one two three four five"}]
ECHO = "You said: one two three four five"
OPUS = "anthropic.claude-opus-4-8"
GPT = "openai.gpt-5.6-sol"
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture
def keys() -> dict[str, str]:
    return {
        "access_key_id": setting("EMULATOR_ACCESS_KEY_ID"),
        "secret_access_key": setting("EMULATOR_SECRET_ACCESS_KEY"),
    }


def openai_client(endpoint: Any, url: str, **more: Any) -> OpenAI:
    """A client that signs for one of Bedrock's two hosts."""
    provider = bedrock(endpoint=endpoint, region="us-east-1", base_url=f"{url}/openai/v1", **more)
    return OpenAI(provider=provider, max_retries=0)


@pytest.fixture(params=["runtime", "mantle"])
def client(request: pytest.FixtureRequest, emulator: Emulator, keys: dict[str, str]) -> tuple[OpenAI, str]:
    """A client of the emulator, and what the model is called there."""
    model = f"us.{GPT}" if request.param == "runtime" else GPT
    return openai_client(request.param, emulator.url, **keys), model


def test_chat(client: tuple[OpenAI, str]) -> None:
    openai, model = client
    answer = openai.chat.completions.create(model=model, messages=HELLO)
    assert answer.choices[0].message.content == ECHO
    assert answer.usage is not None and answer.usage.total_tokens > 0


def test_chat_stream(client: tuple[OpenAI, str]) -> None:
    openai, model = client
    chunks = list(openai.chat.completions.create(model=model, messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == ECHO


def test_responses(client: tuple[OpenAI, str]) -> None:
    openai, model = client
    answer = openai.responses.create(model=model, input=HELLO)
    assert answer.output_text == ECHO


def test_responses_stream_with_a_tool(client: tuple[OpenAI, str]) -> None:
    openai, model = client
    asked = 'call:get_weather {"city": "Bern"}'
    with openai.responses.stream(model=model, input=asked, tools=[TOOL]) as stream:
        answer = stream.get_final_response()
    call = answer.output[-1]
    assert call.type == "function_call" and call.name == "get_weather"
    said: Any = [{"role": "user", "content": "weather?"}, call.model_dump(exclude={"status", "parsed_arguments"})]
    said.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
    again = openai.responses.create(model=model, input=said, tools=[TOOL])
    assert "sunny" in again.output_text


def test_an_api_key(emulator: Emulator) -> None:
    openai = openai_client("runtime", emulator.url, api_key=setting("EMULATOR_API_KEY"))
    assert openai.chat.completions.create(model=f"us.{GPT}", messages=HELLO).choices[0].message.content == ECHO


def test_a_signature_for_the_other_host(emulator: Emulator, keys: dict[str, str]) -> None:
    openai = openai_client("runtime", f"{emulator.url}/mantle", **keys)
    with pytest.raises(PermissionDeniedError):
        openai.chat.completions.create(model=GPT, messages=HELLO)


def test_a_model_on_the_wrong_route(emulator: Emulator, keys: dict[str, str]) -> None:
    openai = openai_client("mantle", emulator.url, **keys)
    with pytest.raises(BadRequestError, match="isn't supported on this route"):
        openai.chat.completions.create(model="openai.gpt-oss-120b", messages=HELLO)


def test_a_fault(emulator: Emulator, client: tuple[OpenAI, str]) -> None:
    openai, model = client
    emulator.fault("error=ThrottlingException")
    with pytest.raises(RateLimitError):
        openai.chat.completions.create(model=model, messages=HELLO)


@pytest.fixture(params=["emulator", "gateway"])
def mantle(request: pytest.FixtureRequest, emulator: Emulator, gateway: str) -> AnthropicBedrockMantle:
    base = f"{emulator.url}/mantle" if request.param == "emulator" else gateway
    return AnthropicBedrockMantle(
        base_url=f"{base}/anthropic",
        aws_access_key=setting("EMULATOR_ACCESS_KEY_ID"),
        aws_secret_key=setting("EMULATOR_SECRET_ACCESS_KEY"),
        aws_region="us-east-1",
        max_retries=0,
    )


def mantle_model(client: AnthropicBedrockMantle) -> str:
    # The gateway asks InvokeModel, where this model is served through profiles.
    return OPUS if "mantle" in str(client.base_url) else f"us.{OPUS}"


def test_mantle_messages(mantle: AnthropicBedrockMantle) -> None:
    message = mantle.messages.create(model=mantle_model(mantle), max_tokens=256, messages=HELLO)
    assert message.content[0].text == ECHO
    assert message.usage.input_tokens > 0


def test_mantle_stream(mantle: AnthropicBedrockMantle) -> None:
    with mantle.messages.stream(model=mantle_model(mantle), max_tokens=256, messages=HELLO) as stream:
        assert "".join(stream.text_stream) == ECHO
        assert stream.get_final_message().stop_reason == "end_turn"


def test_mantle_counts_tokens(mantle: AnthropicBedrockMantle) -> None:
    assert mantle.messages.count_tokens(model=mantle_model(mantle), messages=HELLO).input_tokens >= 5


def test_mantle_errors(emulator: Emulator, mantle: AnthropicBedrockMantle) -> None:
    with pytest.raises(AnthropicNotFoundError):
        mantle.messages.create(model="anthropic.claude-nope", max_tokens=9, messages=HELLO)
    emulator.fault("error=ThrottlingException", times=9)
    with pytest.raises(AnthropicRateLimitError):
        mantle.messages.create(model=mantle_model(mantle), max_tokens=9, messages=HELLO)


def test_relayed_chat_through_the_gateway(gateway: str, emulator: Emulator) -> None:
    openai = OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)
    answer = openai.chat.completions.create(model=f"us.{GPT}", messages=HELLO, extra_body={"future": {"x": [1]}})
    assert answer.choices[0].message.content == ECHO
    assert emulator.requests()[-1]["path"] == "/openai/v1/chat/completions"
    # The emulator knows no such member; the gateway learned that it has to go.
    assert "future" not in emulator.last_body()


def test_relayed_responses_go_on(gateway: str, emulator: Emulator) -> None:
    openai = OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)
    first = openai.responses.create(model=f"us.{GPT}", input='call:get_weather {"city": "Bern"}', tools=[TOOL])
    call = first.output[-1]
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    again = openai.responses.create(
        model=f"us.{GPT}", previous_response_id=first.id, input=[output], tools=[TOOL]
    )
    assert "sunny" in again.output_text
    assert emulator.last_body()["store"] is False
    assert openai.responses.retrieve(first.id).id == first.id
