"""Embeddings: the official openai client and boto3 through the gateway."""

import json
from typing import Any

import openai
import pytest

from aws import client as aws_client
from stack import ALWAYS, CLAUDE, Emulator

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"
NOVA_EMBED = "amazon.nova-2-multimodal-embeddings-v1:0"
TEXTS = ["the red fox sleeps", "a red fox sleeps here", "quarterly tax report"]


@pytest.fixture
def client(gateway: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("model", [TITAN, COHERE, NOVA_EMBED, "us.cohere.embed-v4:0"])
def test_base64_by_default_and_floats(client: openai.OpenAI, model: str) -> None:
    packed = client.embeddings.create(model=model, input=TEXTS)
    assert packed.object == "list"
    assert packed.model == model
    assert [item.index for item in packed.data] == [0, 1, 2]
    assert packed.usage.prompt_tokens == packed.usage.total_tokens > 0
    floats = client.embeddings.create(model=model, input=TEXTS, encoding_format="float")
    for one, other in zip(packed.data, floats.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-7)
    first, near, far = (item.embedding for item in floats.data)
    assert dot(first, near) > dot(first, far)


def test_dimensions(client: openai.OpenAI) -> None:
    for asked in [256, 512, 1024]:
        answer = client.embeddings.create(model=TITAN, input="one text", dimensions=asked)
        assert len(answer.data[0].embedding) == asked
    with pytest.raises(openai.BadRequestError, match="256, 512 or 1024") as refusal:
        client.embeddings.create(model=TITAN, input="one text", dimensions=300)
    assert refusal.value.param == "dimensions"


@pytest.mark.parametrize("model", [TITAN, COHERE])
def test_two_hundred_texts(client: openai.OpenAI, model: str) -> None:
    texts = [f"text number {index}" for index in range(200)]
    answer = client.embeddings.create(model=model, input=texts)
    assert [item.index for item in answer.data] == list(range(200))
    alone = client.embeddings.create(model=model, input=texts[150])
    assert answer.data[150].embedding == pytest.approx(alone.data[0].embedding)


def test_input_type(client: openai.OpenAI, emulator: Emulator) -> None:
    client.embeddings.create(model=COHERE, input="q", extra_body={"input_type": "search_query"})
    assert emulator.last_body()["input_type"] == "search_query"


def test_refusals(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        client.embeddings.create(model=TITAN, input=[[1, 2, 3]])
    with pytest.raises(openai.BadRequestError, match=r"input\[1\]"):
        client.embeddings.create(model=TITAN, input=["a", ""])
    with pytest.raises(openai.BadRequestError, match="chat model"):
        client.embeddings.create(model=CLAUDE, input="a")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="text-embedding-3-small", input="a")


def test_throttling(client: openai.OpenAI, emulator: Emulator) -> None:
    emulator.fault("error=ThrottlingException", times=ALWAYS)
    with pytest.raises(openai.RateLimitError):
        client.embeddings.create(model=TITAN, input=["a", "b"])


@pytest.mark.parametrize(
    ("model", "body", "path"),
    [
        (TITAN, {"inputText": "hello", "dimensions": 256, "normalize": True}, ["embedding"]),
        (COHERE, {"texts": ["hello"], "input_type": "search_document"}, ["embeddings", 0]),
    ],
    ids=["titan", "cohere"],
)
def test_boto3_invokes_embedding_models(gateway: str, model: str, body: Any, path: list[Any]) -> None:
    runtime = aws_client("bedrock-runtime", gateway, "dummy", "dummy")
    answer = runtime.invoke_model(modelId=model, body=json.dumps(body))
    found = json.loads(answer["body"].read())
    for step in path:
        found = found[step]
    assert len(found) in (256, 1024)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-bedrock-input-token-count"] == "1"
