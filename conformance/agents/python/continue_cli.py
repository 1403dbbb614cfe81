"""Continue's command line: OpenAI Chat by the openai SDK."""

import json
import shutil
from pathlib import Path

from agent import Agent, Ended, Said, Start

CONFIG = """
name: Outcrop
version: 0.0.1
schema: v1
models:
  - name: outcrop
    provider: openai
    model: "{model}"
    apiBase: {gateway}/v1
    apiKey: any
    roles: [chat, edit, apply]
    capabilities: [tool_use]
"""


class Continue(Agent):
    name = "continue"
    title = "Continue"
    package = "@continuedev/cli"
    program = "dist/cn.js"
    modes = ["Chat"]

    def cannot(self, mode: str, model: str, case: str) -> str:
        if case in ["429", "overloaded", "broken"]:
            return "it asks again some thirty times, for more than three minutes, before it gives up"
        return ""

    def start(self, prompt: str, mode: str, model: str, gateway: str, home: Path) -> Start:
        config = home / "config.yaml"
        args = [shutil.which("node") or "node", self.binary(), "-p", prompt, "--config", str(config), "--auto"]
        env = {"CONTINUE_CLI_AUTO_UPDATED": "true"}
        return Start(args, env, {"config.yaml": CONFIG.format(model=model, gateway=gateway)})

    def read(self, ended: Ended) -> Said:
        text = ended.out.strip()
        error = "" if ended.code == 0 and text else (ended.err or ended.out).strip()
        return Said(text, error=error or ("" if text else f"exit code {ended.code}"))

    def tool(self, command: str) -> str:
        return "call:Bash " + json.dumps({"command": command})
