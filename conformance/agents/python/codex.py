"""Codex: OpenAI Responses."""

import json
from pathlib import Path

from agent import Agent, Ended, Said, Start, lines_of_json

CONFIG = """
model = "{model}"
model_provider = "outcrop"
model_reasoning_effort = "low"
model_supports_reasoning_summaries = true
check_for_update_on_startup = false

[model_providers.outcrop]
name = "Outcrop"
base_url = "{gateway}/v1"
env_http_headers = {{ "x-api-key" = "OUTCROP_KEY" }}
wire_api = "responses"
request_max_retries = 2
stream_max_retries = 2

[analytics]
enabled = false
"""


class Codex(Agent):
    name = "codex"
    title = "Codex"
    package = "@openai/codex-linux-x64"
    program = "vendor/x86_64-unknown-linux-musl/bin/codex"
    modes = ["Responses"]
    thinks = True

    def version(self) -> str:
        return super().version().removesuffix("-linux-x64")

    def start(self, prompt: str, mode: str, model: str, gateway: str, home: Path) -> Start:
        bypass = "--dangerously-bypass-approvals-and-sandbox"
        args = [self.binary(), "exec", "--skip-git-repo-check", "--json", bypass, prompt]
        config = CONFIG.format(model=model, gateway=gateway)
        return Start(args, {}, {".codex/config.toml": config})

    def read(self, ended: Ended) -> Said:
        said = Said("", tokens=None)
        for event in lines_of_json(ended.out):
            item = event.get("item", {})
            if event["type"] == "item.completed" and item["type"] == "agent_message":
                said.text = item["text"]
            elif event["type"] == "turn.completed":
                usage = event["usage"]
                said.tokens = usage["input_tokens"] + usage["output_tokens"]
            elif event["type"] == "turn.failed":
                said.error = event["error"]["message"]
        if ended.code and not said.error:
            said.error = ended.err.strip() or f"exit code {ended.code}"
        return said

    def tool(self, command: str) -> str:
        return "call:exec_command " + json.dumps({"cmd": command})
