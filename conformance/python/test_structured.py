"""Typed answers of the official clients, on models that enforce a schema and on models that do not."""

from typing import Literal, Optional

import anthropic
import openai
import pytest
from pydantic import BaseModel, Field

from stack import CLAUDE, NOVA

LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"


class Stop(BaseModel):
    city: str
    nights: int = Field(ge=1, le=30, description="How long to stay")
    kind: Literal["fun", "work"]


class Trip(BaseModel):
    name: str
    stops: list[Stop]
    note: Optional[str]


@pytest.fixture(params=[CLAUDE, HAIKU, NOVA, LLAMA], ids=["claude", "haiku", "nova", "llama"])
def any_model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def client(gateway: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)


def check(trip: Optional[Trip]) -> None:
    assert trip and trip.stops and trip.stops[0].kind in ("fun", "work")


def test_chat_parse(client: openai.OpenAI, any_model: str) -> None:
    completion = client.chat.completions.parse(
        model=any_model,
        messages=[{"role": "user", "content": "Plan a trip"}],
        response_format=Trip,
    )
    check(completion.choices[0].message.parsed)
    assert completion.choices[0].finish_reason == "stop"


def test_chat_stream(client: openai.OpenAI, any_model: str) -> None:
    with client.chat.completions.stream(
        model=any_model,
        messages=[{"role": "user", "content": "Plan a trip"}],
        response_format=Trip,
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds.count("content.delta") > 3
    check(final.choices[0].message.parsed)


def test_responses_parse(client: openai.OpenAI, any_model: str) -> None:
    response = client.responses.parse(model=any_model, input="Plan a trip", text_format=Trip)
    check(response.output_parsed)


def test_anthropic_parse(gateway: str, any_model: str) -> None:
    client = anthropic.Anthropic(base_url=gateway, api_key="any", max_retries=0)
    message = client.messages.parse(
        model=any_model,
        max_tokens=500,
        messages=[{"role": "user", "content": "Plan a trip"}],
        output_format=Trip,
    )
    check(message.parsed_output)
    assert message.stop_reason == "end_turn"
