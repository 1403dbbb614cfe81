"""Rerank: boto3 and plain HTTP through the gateway, which must agree."""

import json
import urllib.request

import pytest

from aws import client as aws_client

DOCUMENTS = ["taxes are due in spring", "the red fox sleeps", "a fox"]


@pytest.mark.parametrize(
    ("model", "more"),
    [("cohere.rerank-v3-5:0", {"api_version": 2}), ("amazon.rerank-v1:0", {})],
    ids=["cohere", "amazon"],
)
def test_rerank_says_what_invoke_says(gateway: str, model: str, more: dict[str, int]) -> None:
    runtime = aws_client("bedrock-runtime", gateway, "dummy", "dummy")
    body = {"query": "red fox", "documents": DOCUMENTS, **more}
    answer = runtime.invoke_model(modelId=model, body=json.dumps(body))
    native = json.loads(answer["body"].read())
    ask = json.dumps({"model": model, "query": "red fox", "documents": DOCUMENTS}).encode()
    request = urllib.request.Request(f"{gateway}/v2/rerank", data=ask, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as response:
        ranked = json.loads(response.read())
    assert ranked["results"] == native["results"]
    assert [result["index"] for result in ranked["results"]] == [1, 2, 0]
