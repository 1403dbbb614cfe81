"""What every agent has to come through; each case returns what the user read, for the results."""

from typing import Any, Callable

from agent import Said, Session
from gateway import Gateway, eventually
from stack import ALWAYS, Emulator

STREAMS = ["InvokeModelWithResponseStream", "ConverseStream"]
WHOLES = ["InvokeModel", "Converse"]
SHORT = "granite and gneiss"
# Long enough to break off in the middle.
LONG = "granite and gneiss and schist and slate and marble and quartzite"


class Scene:
    """One case: an agent, the gateway, the Bedrock behind it."""

    def __init__(self, session: Session, emulator: Emulator, gateway: Gateway) -> None:
        self.session, self.emulator, self.gateway = session, emulator, gateway

    def say(self, text: str) -> Said:
        """Makes the model say `text`, and nothing of what the agent adds to the prompt."""
        self.launch(text)
        return self.session.wait()

    def launch(self, text: str) -> None:
        self.session.launch(f"say:{text} stop:end_turn")

    def fault(self, fault: str, times: int = 1, operations: list[str] = STREAMS) -> None:
        """Lets answers go wrong; what an agent asks beside them stays as it is."""
        for operation in operations:
            self.emulator.fault(fault, times=times, operation=operation)

    def streaming(self) -> bool:
        """Whether a streamed answer was asked of Bedrock."""
        return any(request["path"].endswith("-stream") for request in self.emulator.requests())

    def receipts(self) -> list[dict[str, Any]]:
        """Of the streamed answers; a model may also be probed for being there."""
        return [receipt for receipt in self.gateway.receipts() if receipt["stream"]]

    def outcomes(self) -> list[str]:
        return [receipt["outcome"] for receipt in self.receipts()]


def answer(scene: Scene) -> str:
    """One plain answer, with its tokens counted on both sides."""
    said = scene.say(SHORT)
    assert not said.error, said.error
    assert said.text.strip() == SHORT, said.text
    assert said.tokens is None or said.tokens > 0, "the agent counted no tokens"
    assert set(scene.outcomes()) == {"completed"}, scene.outcomes()
    for receipt in scene.receipts():
        kinds = ["input_tokens", "cache_read_tokens", "cache_write_tokens"]
        assert sum(receipt[kind] for kind in kinds) > 0 and receipt["output_tokens"] > 0, receipt
    return ""


def tool(scene: Scene) -> str:
    """A tool round trip: the tool runs here, and its result reaches the model."""
    said = scene.session.ask(scene.session.agent.tool("printf basalt > proof; printf 'it is '; cat proof"))
    assert not said.error, said.error
    assert scene.session.read("proof") == "basalt", f"the tool did not run: {said.text}"
    assert "it is basalt" in said.text, said.text
    assert set(scene.outcomes()) == {"completed"}, scene.outcomes()
    return ""


def thinking(scene: Scene) -> str:
    """The model thinks before it calls a tool: its signed thinking is in the next request."""
    said = scene.session.ask("think:Well. " + scene.session.agent.tool("printf basalt > proof; cat proof"))
    assert not said.error, said.error
    assert "basalt" in said.text, said.text
    turns = scene.emulator.last_body()["messages"]
    blocks = [block for turn in turns if turn["role"] == "assistant" for block in turn["content"]]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"], blocks
    assert blocks[0]["signature"], "the thinking came back without its signature"
    return ""


def throttled_once(scene: Scene) -> str:
    """429 with retry-after, then better times: the agent asks again and gets its answer."""
    scene.fault("error=ThrottlingException;retry-after=2", ALWAYS)
    statuses = lambda: [receipt["status"] for receipt in scene.receipts()]
    scene.launch(SHORT)
    eventually("its 429", lambda: statuses().count(429) >= scene.session.agent.calls or scene.session.ended())
    scene.emulator.clear()
    said = scene.session.wait()
    assert not said.error, f"{statuses()}: {said.error}"
    assert said.text.strip() == SHORT, said.text
    assert {429, 200} <= set(statuses()), statuses()
    return ""


def throttled(scene: Scene) -> str:
    """429 with retry-after, again and again: the agent gives up and says why."""
    scene.fault("error=ThrottlingException;retry-after=1", ALWAYS, STREAMS + WHOLES)
    said = scene.say(SHORT)
    assert said.error, f"no error, but: {said.text}"
    assert set(scene.outcomes()) == {"throttled"}, scene.outcomes()
    return said.error


def overloaded(scene: Scene) -> str:
    """Bedrock has no capacity, again and again: the agent gives up and says why."""
    scene.fault("error=ServiceUnavailableException", ALWAYS, STREAMS + WHOLES)
    said = scene.say(SHORT)
    assert said.error, f"no error, but: {said.text}"
    assert set(scene.outcomes()) == {"overloaded"}, scene.outcomes()
    return said.error


def broken_once(scene: Scene) -> str:
    """An answer breaks off: the agent asks again, or says so; it never takes a part for the whole."""
    scene.fault("stream-error=internalServerException;after=8")
    said = scene.say(LONG)
    assert "internal" in scene.outcomes(), scene.outcomes()
    # What came before may stand before the answer.
    assert said.error or said.text.strip().endswith(LONG), f"took a part for the whole: {said.text}"
    part = "shows the part, then " if said.text.strip() != LONG else ""
    return said.error or f"({part}asks again and gets its answer)"


def broken(scene: Scene) -> str:
    """Every answer breaks off: the agent says so."""
    scene.fault("stream-error=internalServerException;after=8", ALWAYS)
    scene.fault("error=InternalServerException", ALWAYS, WHOLES)
    said = scene.say(LONG)
    assert said.error, f"no error, but: {said.text}"
    return said.error


def too_long(scene: Scene) -> str:
    """More than the model's context holds: the agent understands that."""
    text = "prompt is too long: 210000 tokens > 200000 maximum"
    scene.fault(f"error=ValidationException;message={text}", ALWAYS, STREAMS + WHOLES)
    said = scene.say(SHORT)
    assert said.error, f"no error, but: {said.text}"
    assert set(scene.outcomes()) == {"context_overflow"}, scene.outcomes()
    return said.error


def killed(scene: Scene) -> str:
    """The agent is killed within an answer: the gateway notes it, and serves the next."""
    scene.fault("stall=3600000;after=5", ALWAYS)
    scene.session.launch("lorem:400 stop:end_turn")
    eventually("the request", lambda: scene.streaming() or scene.session.ended())
    assert not scene.session.ended(), scene.session.wait()
    scene.session.kill()
    eventually("its receipt", scene.outcomes)
    assert set(scene.outcomes()) == {"client_left"}, scene.outcomes()
    scene.emulator.clear()
    assert scene.say(SHORT).text.strip() == SHORT
    return ""


# By the heads of the results table.
CASES: dict[str, Callable[[Scene], str]] = {
    "answer": answer,
    "tool": tool,
    "thinking": thinking,
    "429 once": throttled_once,
    "429": throttled,
    "overloaded": overloaded,
    "broken once": broken_once,
    "broken": broken,
    "too long": too_long,
    "killed": killed,
}
