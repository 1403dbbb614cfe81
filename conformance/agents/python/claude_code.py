"""Claude Code: Anthropic Messages, Bedrock's InvokeModel (two ways to sign in) and Mantle."""

import json
from pathlib import Path

from agent import Agent, Ended, Said, Start
from stack import setting


class ClaudeCode(Agent):
    name = "claude-code"
    title = "Claude Code"
    package = "@anthropic-ai/claude-code-linux-x64"
    program = "claude"
    modes = ["Messages", "Bedrock (no auth)", "Bedrock (API key)", "Mantle"]
    thinks = True

    def start(self, prompt: str, mode: str, model: str, gateway: str, home: Path) -> Start:
        args = [self.binary(), "-p", prompt, "--output-format", "json", "--allowedTools", "Bash"]
        return Start(args, self.env(model) | self._way(mode, gateway))

    def env(self, model: str) -> dict[str, str]:
        return {
            "ANTHROPIC_MODEL": model,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "2",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
        }

    def _way(self, mode: str, gateway: str) -> dict[str, str]:
        if mode == "Messages":
            return {"ANTHROPIC_BASE_URL": gateway, "ANTHROPIC_AUTH_TOKEN": "any"}
        if mode == "Mantle":
            return {
                "CLAUDE_CODE_USE_MANTLE": "1",
                "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": f"{gateway}/anthropic",
                "CLAUDE_CODE_SKIP_MANTLE_AUTH": "1",
            }
        bedrock = {
            "CLAUDE_CODE_USE_BEDROCK": "1",
            "ANTHROPIC_BEDROCK_BASE_URL": gateway,
            "AWS_REGION": setting("EMULATOR_REGION"),
        }
        if mode == "Bedrock (no auth)":
            return bedrock | {"CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1"}
        return bedrock | {"AWS_BEARER_TOKEN_BEDROCK": setting("EMULATOR_API_KEY")}

    def read(self, ended: Ended) -> Said:
        try:
            result = json.loads(ended.out)
        except ValueError:
            return Said("", error=(ended.out + ended.err).strip() or f"exit code {ended.code}")
        usage = result.get("usage", {})
        tokens = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
        text = result.get("result", "")
        return Said(text, error=text if result.get("is_error") else "", tokens=tokens)

    def tool(self, command: str) -> str:
        return "call:Bash " + json.dumps({"command": command, "description": "Run it"})
