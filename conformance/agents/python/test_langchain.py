"""LangChain's chat models through the gateway."""

from typing import Any, Callable

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from frameworks import ATTEMPTS, LONG, MODELS, SHORT, TOO_LONG, TOOL, TOOL_SAID, Case, Facts, aws_keys, get_weather
from gateway import Gateway
from stack import ALWAYS, Emulator

FACTS = Facts("LangChain", "langchain-core")
WEATHER = tool(get_weather)


def openai(url: str, model: str, **more: Any) -> Any:
    return ChatOpenAI(base_url=f"{url}/v1", api_key="any", model=model, max_retries=1, stream_usage=True, **more)


def responses(url: str, model: str) -> Any:
    return openai(url, model, use_responses_api=True)


def anthropic(url: str, model: str) -> Any:
    return ChatAnthropic(anthropic_api_url=url, api_key="any", model=model, max_retries=1)


def converse(url: str, model: str) -> Any:
    return ChatBedrockConverse(endpoint_url=url, model=model, max_retries=1, **aws_keys())


MODES: dict[str, Callable[[str, str], Any]] = {
    "ChatOpenAI": openai,
    "ChatOpenAI (Responses)": responses,
    "ChatAnthropic": anthropic,
    "ChatBedrockConverse": converse,
}


def answer(case: Case) -> None:
    said = case.llm.invoke(f"say:{SHORT}")
    assert said.text == SHORT
    assert said.usage_metadata["input_tokens"] > 0 and said.usage_metadata["output_tokens"] > 0


def stream(case: Case) -> None:
    pieces = list(case.llm.stream(f"say:{LONG}"))
    assert len(pieces) > 2
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    assert whole.text == LONG
    assert whole.usage_metadata["input_tokens"] > 0 and whole.usage_metadata["output_tokens"] > 0


def tool_loop(case: Case) -> None:
    llm = case.llm.bind_tools([WEATHER])
    turns: list[Any] = [HumanMessage(TOOL)]
    first = llm.invoke(turns)
    [call] = first.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Oslo"})
    result = WEATHER.invoke(call)
    assert isinstance(result, ToolMessage)
    assert llm.invoke([*turns, first, result]).text == TOOL_SAID


def streamed_tool(case: Case) -> None:
    whole: Any = None
    for piece in case.llm.bind_tools([WEATHER]).stream(TOOL):
        whole = piece if whole is None else whole + piece
    [call] = whole.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Oslo"})


def throttled_once(case: Case) -> None:
    case.emulator.fault("error=ThrottlingException;retry-after=1", times=ATTEMPTS)
    assert case.llm.invoke(f"say:{SHORT}").text == SHORT
    assert case.statuses() == [429, 200]


def throttled(case: Case) -> None:
    case.emulator.fault("error=ThrottlingException;retry-after=1", times=ALWAYS)
    case.fails(lambda: case.llm.invoke("x"))
    assert set(case.statuses()) == {429}


def overloaded(case: Case) -> None:
    case.emulator.fault("error=ServiceUnavailableException", times=ALWAYS)
    case.fails(lambda: case.llm.invoke("x"))
    assert set(case.statuses()) <= {503, 529}


def broken(case: Case) -> None:
    case.emulator.fault("stream-error=internalServerException;after=8", times=ALWAYS)
    case.fails(lambda: list(case.llm.stream(f"say:{LONG}")))


def too_long(case: Case) -> None:
    case.emulator.fault(f"error=ValidationException;message={TOO_LONG}", times=ALWAYS)
    assert "too long" in str(case.fails(lambda: case.llm.invoke("x")))


def left(case: Case) -> None:
    case.emulator.fault("stall=3600000;after=6", times=ALWAYS)
    case.leaves(case.llm.stream(f"say:{LONG}"))


CASES = {
    "answer": answer,
    "stream": stream,
    "tool": tool_loop,
    "streamed tool": streamed_tool,
    "429 once": throttled_once,
    "429": throttled,
    "overloaded": overloaded,
    "broken": broken,
    "too long": too_long,
    "left": left,
}


@pytest.mark.client("langchain")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", MODES)
def test_langchain(
    mode: str, model: str, case: str, emulator: Emulator, record_property: Callable[[str, object], None]
) -> None:
    FACTS.note(record_property, mode, model, case)
    gateway = Gateway()
    llm = MODES[mode](gateway.url, MODELS[model])
    CASES[case](Case(llm, emulator, gateway, record_property))
