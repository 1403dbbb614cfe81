"""Pictures: the official openai client through the gateway."""

import base64
import struct

import openai
import pytest

from stack import CLAUDE, Emulator

CANVAS = "amazon.nova-canvas-v1:0"
MODELS = [CANVAS, "amazon.titan-image-generator-v2:0", "stability.sd3-5-large-v1:0"]


@pytest.fixture
def client(gateway: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)


def size_of(picture: str) -> tuple[int, int]:
    png = base64.b64decode(picture, validate=True)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("model", MODELS)
def test_generate(client: openai.OpenAI, model: str) -> None:
    answer = client.images.generate(model=model, prompt="a red fox", size="1024x1024", n=2)
    assert answer.created > 0
    assert len(answer.data) == 2
    for picture in answer.data:
        assert size_of(picture.b64_json) == (1024, 1024)
    assert answer.data[0].b64_json != answer.data[1].b64_json


def test_settings(client: openai.OpenAI, emulator: Emulator) -> None:
    answer = client.images.generate(
        model=CANVAS,
        prompt="a red fox",
        size="1280x720",
        quality="hd",
        response_format="b64_json",
        extra_body={"seed": 7, "negative_prompt": "hens"},
    )
    assert size_of(answer.data[0].b64_json) == (1280, 720)
    sent = emulator.last_body()
    assert sent["imageGenerationConfig"]["quality"] == "premium"
    assert sent["imageGenerationConfig"]["seed"] == 7
    assert sent["textToImageParams"]["negativeText"] == "hens"


def test_refusals(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="b64_json"):
        client.images.generate(model=CANVAS, prompt="a", response_format="url")
    with pytest.raises(openai.BadRequestError) as refusal:
        client.images.generate(model=CANVAS, prompt="filter:output")
    assert refusal.value.code == "content_policy_violation"
    with pytest.raises(openai.BadRequestError, match="chat model"):
        client.images.generate(model=CLAUDE, prompt="a")
