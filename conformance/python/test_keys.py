"""A gateway that asks for keys: the official clients with a token and with a key pair of its own."""

from typing import Any

import anthropic
import openai
import pytest
from anthropic import AnthropicBedrock
from botocore.exceptions import ClientError

from aws import ECHO, HELLO, client as aws_client, text_of
from stack import CLAUDE, NOVA, PROFILE_ARN, setting

CHAT: Any = [{"role": "user", "content": "one two three four five"}]


@pytest.fixture
def url() -> str:
    return setting("OUTCROP_KEYED_URL")


@pytest.fixture
def token() -> str:
    return setting("OUTCROP_TOKEN")


@pytest.fixture
def pair() -> tuple[str, str]:
    # As `outcrop keys create` prints it: two lines for an environment.
    key, secret = (line.split("=", 1)[1] for line in setting("OUTCROP_KEY_PAIR").splitlines())
    return key, secret


@pytest.mark.parametrize("model", [CLAUDE, NOVA, PROFILE_ARN], ids=["profile", "foundation", "arn"])
def test_boto3_signs_with_a_pair(url: str, pair: tuple[str, str], model: str) -> None:
    client = aws_client("bedrock-runtime", url, *pair)
    assert text_of(client.converse(modelId=model, messages=HELLO)) == ECHO
    events = list(client.converse_stream(modelId=model, messages=HELLO)["stream"])
    assert "messageStop" in events[-2]


def test_boto3_lists_models_in_any_region(url: str, pair: tuple[str, str]) -> None:
    client = aws_client("bedrock", url, *pair, region_name="eu-central-1")
    assert client.list_foundation_models(byProvider="Amazon", byOutputModality="TEXT")["modelSummaries"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("id", "UnrecognizedClientException"), ("secret", "InvalidSignatureException")],
)
def test_boto3_is_told_what_is_wrong_in_awss_words(url: str, pair: tuple[str, str], wrong: str, code: str) -> None:
    key, secret = pair
    key, secret = ("AKIDOTHER", secret) if wrong == "id" else (key, secret[::-1])
    client = aws_client("bedrock-runtime", url, key, secret)
    with pytest.raises(ClientError) as refusal:
        client.converse(modelId=NOVA, messages=HELLO)
    assert refusal.value.response["Error"]["Code"] == code
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("model", [CLAUDE, PROFILE_ARN, NOVA], ids=["profile-id", "profile-arn", "nova"])
def test_anthropic_bedrock_signs_with_a_pair(url: str, pair: tuple[str, str], model: str) -> None:
    key, secret = pair
    client = AnthropicBedrock(
        base_url=url, aws_access_key=key, aws_secret_key=secret, aws_region="us-east-1", max_retries=0
    )
    message = client.messages.create(model=model, max_tokens=256, messages=CHAT)
    assert message.content[0].text == ECHO


def test_anthropic_bedrock_with_a_token(url: str, token: str) -> None:
    client = AnthropicBedrock(base_url=url, api_key=token, aws_region="us-east-1", max_retries=0)
    assert client.messages.create(model=CLAUDE, max_tokens=256, messages=CHAT).content[0].text == ECHO


def test_openai(url: str, token: str) -> None:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=token, max_retries=0)
    answer = client.chat.completions.create(model=NOVA, messages=CHAT)
    assert answer.choices[0].message.content == ECHO
    assert [model.id for model in client.models.list()]
    with pytest.raises(openai.AuthenticationError) as refusal:
        client.with_options(api_key="oc_other").chat.completions.create(model=NOVA, messages=CHAT)
    assert refusal.value.code == "invalid_api_key"


def test_anthropic(url: str, token: str) -> None:
    client = anthropic.Anthropic(base_url=url, api_key=token, max_retries=0)
    answer = client.messages.create(model=NOVA, max_tokens=256, messages=CHAT)
    assert answer.content[0].text == ECHO
    with pytest.raises(anthropic.AuthenticationError) as refusal:
        client.with_options(api_key="oc_other").messages.create(model=NOVA, max_tokens=256, messages=CHAT)
    assert refusal.value.body["error"]["type"] == "authentication_error"
