"""What `outcrop connect` writes or shows for an agent is all that the agent needs."""

import subprocess
from pathlib import Path
from typing import Callable

import pytest

from agent import LIMIT_SECONDS, MODELS, Agent, Ended, Session
from cases import SHORT
from claude_code import ClaudeCode
from cline import Cline
from codex import Codex
from continue_cli import Continue
from opencode import OpenCode
from stack import setting

MODEL = MODELS["Claude"]
# As a user asks each of them one thing. An argument with spaces would reach opencode's model in quotation marks.
PROMPT = f"say:{SHORT} stop:end_turn"
AGENTS: list[tuple[Agent, list[str]]] = [
    (ClaudeCode(), ["--output-format", "json", "-p", PROMPT]),
    (Codex(), ["exec", "--skip-git-repo-check", "--json", PROMPT]),
    (OpenCode(), ["run", "--format", "json", *PROMPT.split(" ")]),
    (Continue(), ["-p", PROMPT]),
    (Cline(), ["--json", "-P", "openai-compatible", "-m", MODEL, PROMPT]),
]


class Connected:
    """An agent in a home where only `outcrop connect` has been."""

    def __init__(self, agent: Agent, place: Path, env: dict[str, str]) -> None:
        self.agent = agent
        self.session = Session(agent, "", "Claude", "", place)
        self.env = self.session._env(env)
        # Installed, as far as others can see.
        tools = place / "bin"
        tools.mkdir()
        self.program = tools / agent.name.removesuffix("-code").replace("continue", "cn")
        self.program.symlink_to(agent.binary())
        self.env["PATH"] = f"{tools}:{self.env['PATH']}"

    def run(self, *arguments: str) -> Ended:
        done = subprocess.run(
            arguments,
            env=self.env,
            cwd=self.session.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def outcrop(self, *arguments: str) -> str:
        ended = self.run(setting("OUTCROP_BINARY"), "connect", self.agent.name, *arguments)
        assert ended.code == 0, ended.err
        return ended.out

    def connect(self, url: str) -> None:
        gateway = ["--url", url, "--model", MODEL]
        if self.agent.name != "cline":
            self.outcrop("--write", *gateway)
            return
        # It writes its settings itself, by the first line that is shown.
        shown = self.outcrop(*gateway).splitlines()
        line = next(line for line in shown if line.startswith("cline auth"))
        assert self.run("sh", "-ec", line).code == 0

    def settings(self) -> list[str]:
        """The files that were written for the agent."""
        names = ["settings.json", "config.toml", "outcrop-models.json", "opencode.json", "config.yaml"]
        return [file.name for file in self.session.home.rglob("*") if file.name in names]


@pytest.mark.parametrize("keyed", [False, True], ids=["open", "keyed"])
@pytest.mark.parametrize(
    ("agent", "arguments"),
    [pytest.param(*row, marks=pytest.mark.client(row[0].name), id=row[0].name) for row in AGENTS],
)
def test_connect(
    agent: Agent, arguments: list[str], keyed: bool, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    case = "connect, with a key" if keyed else "connect"
    facts = {"client": agent.title, "version": agent.version(), "mode": agent.modes[0], "model": "Claude", "case": case}
    for name, value in facts.items():
        record_property(name, value)
    key = {"OUTCROP_KEY": setting("OUTCROP_TOKEN")} if keyed else {}
    connected = Connected(agent, tmp_path, key)
    try:
        connected.connect(setting("OUTCROP_KEYED_URL" if keyed else "OUTCROP_URL"))
        if agent.name == "continue":
            # As it is told: Continue does not look at the environment.
            lines = "".join(f"{name}={value}\n" for name, value in key.items())
            (connected.session.home / ".continue/.env").write_text(lines)
        ended = connected.run(str(connected.program), *arguments)
        said = agent.read(ended)
        assert not said.error, said.error
        assert said.text.strip() == SHORT, said.text
        told = ended.out + ended.err
        assert "metadata" not in told, told
        if agent.name != "cline":
            assert connected.settings()
            connected.outcrop("--uninstall")
            assert not connected.settings()
    finally:
        connected.session.close()
