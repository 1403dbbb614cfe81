"""What an agent is to the cases: how it is started, and how what it said is read."""

import json
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack import CLAUDE, NOVA, setting

# Far above any run, so that only a hang meets it.
LIMIT_SECONDS = 180
MODELS = {"Claude": CLAUDE, "Nova": NOVA}


@dataclass
class Start:
    """A command line of an agent."""

    args: list[str]
    env: dict[str, str] = field(default_factory=dict)
    # Files written to its home before it starts.
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Said:
    """What a finished agent told its user."""

    text: str
    # Empty when it ended well.
    error: str = ""
    # Tokens as the agent counts them; `None` when it does not show them.
    tokens: int | None = None


@dataclass
class Ended:
    """A finished process."""

    code: int
    out: str
    err: str


def lines_of_json(text: str) -> list[dict[str, Any]]:
    """The lines that are JSON objects; agents print others between them."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class Agent(ABC):
    """One coding agent."""

    # As on the command line of `cargo xtask agents`.
    name: str
    title: str
    # Folder in its npm package -> the program.
    program: str
    package: str
    modes: list[str]
    # How many answers it asks for at once.
    calls = 1
    # Whether it asks models to think, and sends signed thinking back.
    thinks = False

    def version(self) -> str:
        return json.loads((self.folder() / self.package / "package.json").read_text())["version"]

    def folder(self) -> Path:
        return Path(setting("AGENTS_NPM")) / self.name / "node_modules"

    def binary(self) -> str:
        return str(self.folder() / self.package / self.program)

    def models(self, mode: str) -> list[str]:
        return list(MODELS)

    def cases(self, model: str, cases: list[str]) -> list[str]:
        """Those that are about something the agent does and the model can."""
        return [case for case in cases if case != "thinking" or (self.thinks and model == "Claude")]

    def cannot(self, mode: str, model: str, case: str) -> str:
        """Why this case cannot be run; empty when it can."""
        return ""

    @abstractmethod
    def start(self, prompt: str, mode: str, model: str, gateway: str, home: Path) -> Start:
        """How to ask `prompt`, without anybody being asked for leave to run a tool."""

    @abstractmethod
    def read(self, ended: Ended) -> Said:
        """What it said."""

    @abstractmethod
    def tool(self, command: str) -> str:
        """The emulator's directive for a call of the agent's shell tool."""


class Session:
    """An agent in a home and a folder of its own."""

    def __init__(self, agent: Agent, mode: str, model: str, gateway: str, place: Path) -> None:
        self.agent, self.mode, self.model, self.gateway = agent, mode, model, gateway
        self.home, self.folder = place / "home", place / "folder"
        self.home.mkdir()
        self.folder.mkdir()
        self._running: subprocess.Popen[str] | None = None

    def ask(self, prompt: str) -> Said:
        """One run to its end."""
        self.launch(prompt)
        return self.wait()

    def launch(self, prompt: str) -> None:
        start = self.agent.start(prompt, self.mode, MODELS[self.model], self.gateway, self.home)
        for name, text in start.files.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        self._running = subprocess.Popen(
            start.args,
            env=self._env(start.env),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait(self) -> Said:
        assert self._running
        try:
            out, err = self._running.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.agent.title} did not end within {LIMIT_SECONDS} s") from None
        (self.home / "out.log").write_text(out)
        (self.home / "err.log").write_text(err)
        return self.agent.read(Ended(self._running.returncode, out, err))

    def read(self, name: str) -> str | None:
        """A file that the agent left in its folder."""
        file = self.folder / name
        return file.read_text() if file.exists() else None

    def ended(self) -> bool:
        return self._running is not None and self._running.poll() is not None

    def kill(self) -> None:
        """Ends it as a closed terminal does, without a chance to say goodbye."""
        assert self._running
        os.killpg(self._running.pid, signal.SIGKILL)
        self._running.communicate()

    def close(self) -> None:
        """Ends whatever still runs with this home: some agents leave a daemon."""
        mark = f"HOME={self.home}".encode()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
            except (OSError, ProcessLookupError):
                continue  # It has ended meanwhile, or is not ours to look at.

    def _env(self, more: dict[str, str]) -> dict[str, str]:
        kept = ["PATH", "LANG", "TERM", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
        env = {name: os.environ[name] for name in kept if name in os.environ}
        return env | {"HOME": str(self.home), "TMPDIR": str(self.home), "SHELL": "/bin/sh"} | more
