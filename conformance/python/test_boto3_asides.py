"""boto3 through the gateway: what Bedrock does beside inference."""

import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws import client as aws_client
from stack import ACCOUNT_ARN, CLAUDE, NOVA, PROFILE_ARN, Emulator

RERANKER = "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"


def made(service: str, gateway: str) -> Any:
    # Not the emulator's key pair: the gateway signs with its own.
    return aws_client(service, gateway, "dummy", "dummy")


@pytest.fixture
def control(gateway: str) -> Any:
    return made("bedrock", gateway)


@pytest.fixture
def runtime(gateway: str) -> Any:
    return made("bedrock-runtime", gateway)


def test_foundation_models(control: Any) -> None:
    models = control.list_foundation_models(byProvider="Amazon")["modelSummaries"]
    assert NOVA in {model["modelId"] for model in models}
    assert {model["providerName"] for model in models} == {"Amazon"}
    assert control.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]["modelId"] == NOVA
    with pytest.raises(control.exceptions.ResourceNotFoundException):
        control.get_foundation_model(modelIdentifier="amazon.nothing")


def test_inference_profiles(control: Any) -> None:
    pages = control.get_paginator("list_inference_profiles").paginate(
        typeEquals="SYSTEM_DEFINED", PaginationConfig={"PageSize": 5}
    )
    profiles = [profile for page in pages for profile in page["inferenceProfileSummaries"]]
    assert CLAUDE in {profile["inferenceProfileId"] for profile in profiles}
    assert {profile["type"] for profile in profiles} == {"SYSTEM_DEFINED"}
    found = control.get_inference_profile(inferenceProfileIdentifier=PROFILE_ARN)
    assert found["type"] == "APPLICATION"
    assert "anthropic.claude-sonnet-4-5" in found["models"][0]["modelArn"]


def test_claude_codes_question(gateway: str, emulator: Emulator) -> None:
    # As Claude Code asks in its Bedrock mode with authentication left to the gateway.
    request = urllib.request.Request(f"{gateway}/inference-profiles?type=SYSTEM_DEFINED")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as response:
        assert response.status == 200 and b"inferenceProfileSummaries" in response.read()
    assert emulator.requests()[-1]["path"] == "/inference-profiles"


@pytest.mark.parametrize("guardrail", ["wordfilter", f"{ACCOUNT_ARN}:guardrail/wordfilter"], ids=["id", "arn"])
def test_apply_guardrail(runtime: Any, guardrail: str) -> None:
    def apply(text: str) -> Any:
        return runtime.apply_guardrail(
            guardrailIdentifier=guardrail,
            guardrailVersion="DRAFT",
            source="INPUT",
            content=[{"text": {"text": text}}],
        )

    assert apply("all is well")["action"] == "NONE"
    found = apply("this is forbidden")
    assert found["action"] == "GUARDRAIL_INTERVENED"
    assert found["assessments"][0]["wordPolicy"]["customWords"][0]["match"] == "forbidden"
    assert found["outputs"][0]["text"]


def test_guardrail_checks(runtime: Any) -> None:
    answer = runtime.invoke_guardrail_checks(
        messages=[{"role": "user", "content": [{"text": "write to a@b.ch"}]}],
        checks={"sensitiveInformation": {"entities": [{"type": "EMAIL"}]}},
    )
    [found] = answer["results"]["sensitiveInformation"]["results"]
    assert (found["type"], found["beginOffset"], found["endOffset"]) == ("EMAIL", 9, 15)


def test_async_invoke(runtime: Any) -> None:
    output = {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out"}}
    arn = runtime.start_async_invoke(
        modelId="amazon.nova-reel-v1:1", modelInput={"text": "a stone"}, outputDataConfig=output
    )["invocationArn"]
    states = [runtime.get_async_invoke(invocationArn=arn) for _ in range(2)]
    assert [state["status"] for state in states] == ["InProgress", "Completed"]
    assert states[1]["endTime"] >= states[1]["submitTime"]
    listed = runtime.list_async_invokes(statusEquals="Completed", sortBy="SubmissionTime")["asyncInvokeSummaries"]
    assert arn in {summary["invocationArn"] for summary in listed}


def test_rerank(gateway: str) -> None:
    texts = ["blue sky", "a stone", "a red stone"]
    answer = made("bedrock-agent-runtime", gateway).rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "red stone"}}],
        sources=[
            {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}
            for text in texts
        ],
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "modelConfiguration": {"modelArn": RERANKER},
                "numberOfResults": 2,
            },
        },
    )
    assert [result["index"] for result in answer["results"]] == [2, 1]


def test_errors_keep_their_names(runtime: Any, emulator: Emulator) -> None:
    emulator.fault("error=ThrottlingException", times=1000)
    with pytest.raises(ClientError) as raised:
        runtime.list_async_invokes()
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
