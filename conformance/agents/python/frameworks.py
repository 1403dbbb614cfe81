"""What the suites of LangChain and LlamaIndex share."""

from importlib.metadata import version
from typing import Any, Callable

import pytest

from gateway import Gateway, eventually
from stack import CLAUDE, NOVA, Emulator, setting

MODELS = {"Claude": CLAUDE, "Nova": NOVA}
# The gateway under test sends a request this often.
ATTEMPTS = 2
SHORT = "granite and gneiss"
LONG = "granite and gneiss and schist and slate and marble and quartzite"
TOOL = 'call:get_weather {"city": "Oslo"}'
TOOL_SAID = "The tool get_weather said: mild in Oslo"
TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"mild in {city}"


def aws_keys() -> dict[str, Any]:
    """The key pair that the clients sign with."""
    return {
        "aws_access_key_id": setting("EMULATOR_ACCESS_KEY_ID"),
        "aws_secret_access_key": setting("EMULATOR_SECRET_ACCESS_KEY"),
        "region_name": setting("EMULATOR_REGION"),
    }


class Case:
    """One case of a framework: its model object, what it stands on, and its note in the results."""

    def __init__(self, llm: Any, emulator: Emulator, gateway: Gateway, note: Callable[[str, object], None]) -> None:
        self.llm, self.emulator, self.gateway, self._note = llm, emulator, gateway, note

    def fails(self, ask: Callable[[], object]) -> BaseException:
        """The error of `ask`, whose words go to the results."""
        with pytest.raises(Exception) as caught:
            ask()
        self._note("said", f"{type(caught.value).__name__}: {caught.value}")
        return caught.value

    def leaves(self, stream: Any) -> None:
        """Takes one piece of an answer and goes; the gateway notes it."""
        next(stream)
        stream.close()
        eventually("its receipt", self.gateway.receipts)
        assert [receipt["outcome"] for receipt in self.gateway.receipts()] == ["client_left"]

    def statuses(self) -> list[int]:
        return [receipt["status"] for receipt in self.gateway.receipts()]


class Facts:
    """Notes for the results which case a test is."""

    def __init__(self, client: str, package: str) -> None:
        self._fixed = {"client": client, "version": version(package)}

    def note(self, note: Callable[[str, object], None], mode: str, model: str, case: str) -> None:
        for name, value in (self._fixed | {"mode": mode, "model": model, "case": case}).items():
            note(name, value)
