"""Every agent in each of its modes, with each model it can be pointed at, through every case."""

from pathlib import Path
from typing import Any, Callable

import pytest

from agent import Agent, Session
from cases import CASES, Scene
from claude_code import ClaudeCode
from cline import Cline
from codex import Codex
from continue_cli import Continue
from gateway import Gateway
from opencode import OpenCode
from stack import Emulator

AGENTS: list[Agent] = [ClaudeCode(), Codex(), OpenCode(), Continue(), Cline()]


def runs() -> list[Any]:
    """Agent, mode, model and case."""
    return [
        pytest.param(
            agent, mode, model, case, marks=pytest.mark.client(agent.name), id=f"{agent.name}-{mode}-{model}-{case}"
        )
        for agent in AGENTS
        for mode in agent.modes
        for model in agent.models(mode)
        for case in agent.cases(model, list(CASES))
    ]


@pytest.mark.parametrize(("agent", "mode", "model", "case"), runs())
def test_agent(
    agent: Agent,
    mode: str,
    model: str,
    case: str,
    emulator: Emulator,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    facts = {"client": agent.title, "version": agent.version(), "mode": mode, "model": model, "case": case}
    for name, value in facts.items():
        record_property(name, value)
    if why := agent.cannot(mode, model, case):
        pytest.skip(why)
    gateway = Gateway()
    session = Session(agent, mode, model, gateway.url, tmp_path)
    try:
        record_property("said", CASES[case](Scene(session, emulator, gateway)))
    finally:
        session.close()
