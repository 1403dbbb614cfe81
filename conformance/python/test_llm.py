"""The `llm` command line through the gateway: Chat Completions and Responses, by its own config file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import ALWAYS, MODELS, Emulator

SAY = "say:granite and gneiss"
# One entry per surface and model, as a user writes it into extra-openai-models.yaml.
ENTRY = """
- model_id: {surface}/{model}
  model_name: "{model}"
  api_base: {gateway}/v1
  supports_tools: true
  supports_schema: true
  can_stream: true
  responses: {responses}
"""
WEATHER = '''
def get_weather(city: str) -> str:
    """The weather in a city."""
    return "mild in " + city
'''


class Llm:
    """`llm` with a home of its own."""

    def __init__(self, home: Path, gateway: str) -> None:
        entries = [
            ENTRY.format(surface=surface, model=model, gateway=gateway, responses=str(surface == "responses").lower())
            for surface in ["chat", "responses"]
            for model in MODELS
        ]
        (home / "extra-openai-models.yaml").write_text("".join(entries))
        self._env = os.environ | {"LLM_USER_PATH": str(home), "OPENAI_API_KEY": "any"}

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "llm", *args]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def says(self, *args: str) -> str:
        done = self.run(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def llm(tmp_path: Path, gateway: str) -> Llm:
    return Llm(tmp_path, gateway)


@pytest.fixture(params=["chat", "responses"])
def name(request: pytest.FixtureRequest, model: str) -> str:
    """A model of the config file."""
    return f"{request.param}/{model}"


def test_conversation(llm: Llm, emulator: Emulator, name: str) -> None:
    assert llm.says("-m", name, "-s", "Be brief.", SAY) == "granite and gneiss"
    assert llm.says("-c", "--no-stream", "say:two") == "two"
    assert "granite" in json.dumps(emulator.last_body())
    logs = json.loads(llm.says("logs", "--json"))
    assert len(logs) == 2 and all(log["input_tokens"] > 0 and log["output_tokens"] > 0 for log in logs)


def test_tool_loop(llm: Llm, emulator: Emulator, name: str) -> None:
    said = llm.says("-m", name, "--functions", WEATHER, 'call:get_weather {"city": "Oslo"}')
    assert said == "The tool get_weather said: mild in Oslo"


def test_throttling_is_told(llm: Llm, emulator: Emulator, name: str) -> None:
    emulator.fault("error=ThrottlingException", times=ALWAYS)
    done = llm.run("-m", name, SAY)
    assert done.returncode != 0
    assert "Too many requests" in done.stderr


def test_a_broken_stream_is_told(llm: Llm, emulator: Emulator, model: str) -> None:
    # On Responses it shows what came and overlooks `response.failed`.
    emulator.fault("stream-error=internalServerException;after=4", times=ALWAYS)
    done = llm.run("-m", f"chat/{model}", SAY)
    assert done.returncode != 0, done.stdout
    assert "unexpected error" in done.stderr
