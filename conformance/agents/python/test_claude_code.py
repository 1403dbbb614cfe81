"""What only Claude Code does: it asks a gateway which models there are."""

import json
from pathlib import Path
from typing import Callable

import pytest

from agent import Session
from cases import SHORT, Scene
from claude_code import ClaudeCode
from gateway import Gateway
from stack import Emulator


class Discovering(ClaudeCode):
    """With model discovery on, which the switch for less traffic would turn off."""

    def env(self, model: str) -> dict[str, str]:
        env = super().env(model) | {"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"}
        del env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"]
        return env


@pytest.mark.client("claude-code")
def test_discovery(emulator: Emulator, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    agent, mode, model = Discovering(), "Messages", "Claude"
    facts = {"client": agent.title, "version": agent.version(), "mode": mode, "model": model, "case": "discovery"}
    for name, value in facts.items():
        record_property(name, value)
    gateway = Gateway()
    session = Session(agent, mode, model, gateway.url, tmp_path)
    try:
        said = Scene(session, emulator, gateway).say(SHORT)
        assert said.text.strip() == SHORT, said
        found = json.loads((session.home / ".claude/cache/gateway-models.json").read_text())
        names = {entry["id"] for entry in found["models"]}
        assert {"claude-sonnet-4-5", "claude-opus-4-8", "claude-haiku-4-5"} <= names, names
        record_property("said", f"(finds {', '.join(sorted(names))})")
    finally:
        session.close()
