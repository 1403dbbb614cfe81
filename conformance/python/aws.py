"""boto3 clients, and the conversation pieces their suites share."""

from typing import Any

import boto3
from botocore.config import Config

HELLO: Any = [{"role": "user", "content": [{"text": "one two three four five"}]}]
ECHO = "You said: one two three four five"
TOOLS: Any = {
    "tools": [
        {
            "toolSpec": {
                "name": "get_weather",
                "description": "The weather in a city",
                "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
            }
        },
        {"toolSpec": {"name": "get_time", "description": "Now", "inputSchema": {"json": {"type": "object"}}}},
    ]
}


def client(service: str, url: str, key: str, secret: str, **more: Any) -> Any:
    """A client that signs with this key pair and never retries."""
    config = Config(
        region_name=more.pop("region_name", "us-east-1"),
        retries={"total_max_attempts": 1},
        **more.pop("config", {}),
    )
    return boto3.client(
        service, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, config=config, **more
    )


def user(text: str) -> Any:
    return [{"role": "user", "content": [{"text": text}]}]


def text_of(answer: Any) -> str:
    """The text of a Converse answer."""
    return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])


def text_of_stream(answer: Any) -> str:
    """The text of a ConverseStream answer, read to its end."""
    deltas = (event["contentBlockDelta"]["delta"] for event in answer["stream"] if "contentBlockDelta" in event)
    return "".join(delta.get("text", "") for delta in deltas)


def calls_of(answer: Any) -> list[Any]:
    """The tool calls of a Converse answer."""
    return [block["toolUse"] for block in answer["output"]["message"]["content"] if "toolUse" in block]
