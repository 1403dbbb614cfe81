"""LlamaIndex's models through the gateway."""

from typing import Any, Callable

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.tools import FunctionTool
from llama_index.llms.bedrock_converse import BedrockConverse
from llama_index.llms.openai_like import OpenAILike

from frameworks import ATTEMPTS, LONG, MODELS, SHORT, TOO_LONG, TOOL, TOOL_SAID, Case, Facts, aws_keys, get_weather
from gateway import Gateway
from stack import ALWAYS, Emulator

FACTS = Facts("LlamaIndex", "llama-index-core")
WEATHER = FunctionTool.from_defaults(get_weather)


def openai_like(url: str, model: str) -> Any:
    return OpenAILike(
        api_base=f"{url}/v1",
        api_key="any",
        model=model,
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=1,
    )


def converse(url: str, model: str) -> Any:
    return BedrockConverse(endpoint_url=url, model=model, max_retries=1, **aws_keys())


MODES: dict[str, Callable[[str, str], Any]] = {"OpenAILike": openai_like, "BedrockConverse": converse}


def user(text: str) -> list[ChatMessage]:
    return [ChatMessage(role=MessageRole.USER, content=text)]


def answer(case: Case) -> None:
    said = case.llm.chat(user(f"say:{SHORT}"))
    assert said.message.content == SHORT
    assert said.raw


def stream(case: Case) -> None:
    pieces = list(case.llm.stream_chat(user(f"say:{LONG}")))
    assert len(pieces) > 2
    assert pieces[-1].message.content == LONG


def tool_loop(case: Case) -> None:
    turns = user(TOOL)
    first = case.llm.chat_with_tools([WEATHER], chat_history=turns)
    [call] = case.llm.get_tool_calls_from_response(first)
    assert (call.tool_name, call.tool_kwargs) == ("get_weather", {"city": "Oslo"})
    result = WEATHER(**call.tool_kwargs)
    more = {"tool_call_id": call.tool_id, "name": call.tool_name}
    turns += [first.message, ChatMessage(role=MessageRole.TOOL, content=result.content, additional_kwargs=more)]
    assert case.llm.chat_with_tools([WEATHER], chat_history=turns).message.content == TOOL_SAID


def throttled_once(case: Case) -> None:
    case.emulator.fault("error=ThrottlingException;retry-after=1", times=ATTEMPTS)
    assert case.llm.chat(user(f"say:{SHORT}")).message.content == SHORT
    assert case.statuses() == [429, 200]


def throttled(case: Case) -> None:
    case.emulator.fault("error=ThrottlingException;retry-after=1", times=ALWAYS)
    case.fails(lambda: case.llm.chat(user("x")))
    assert set(case.statuses()) == {429}


def overloaded(case: Case) -> None:
    case.emulator.fault("error=ServiceUnavailableException", times=ALWAYS)
    case.fails(lambda: case.llm.chat(user("x")))
    assert set(case.statuses()) <= {503, 529}


def broken(case: Case) -> None:
    case.emulator.fault("stream-error=internalServerException;after=8", times=ALWAYS)
    case.fails(lambda: list(case.llm.stream_chat(user(f"say:{LONG}"))))


def too_long(case: Case) -> None:
    case.emulator.fault(f"error=ValidationException;message={TOO_LONG}", times=ALWAYS)
    assert "too long" in str(case.fails(lambda: case.llm.chat(user("x"))))


def left(case: Case) -> None:
    pytest.skip("closing its stream leaves the connection open until the process ends")


CASES = {
    "answer": answer,
    "stream": stream,
    "tool": tool_loop,
    "429 once": throttled_once,
    "429": throttled,
    "overloaded": overloaded,
    "broken": broken,
    "too long": too_long,
    "left": left,
}


@pytest.mark.client("llamaindex")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", MODES)
def test_llamaindex(
    mode: str, model: str, case: str, emulator: Emulator, record_property: Callable[[str, object], None]
) -> None:
    FACTS.note(record_property, mode, model, case)
    gateway = Gateway()
    llm = MODES[mode](gateway.url, MODELS[model])
    CASES[case](Case(llm, emulator, gateway, record_property))
