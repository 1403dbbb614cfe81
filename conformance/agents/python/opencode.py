"""opencode: OpenAI Chat by its openai-compatible provider."""

import json
from pathlib import Path

from agent import Agent, Ended, Said, Start, lines_of_json


class OpenCode(Agent):
    name = "opencode"
    title = "opencode"
    package = "opencode-linux-x64"
    program = "bin/opencode"
    modes = ["Chat"]
    # The second is for the session's title.
    calls = 2

    def start(self, prompt: str, mode: str, model: str, gateway: str, home: Path) -> Start:
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Outcrop",
            "options": {"baseURL": f"{gateway}/v1", "apiKey": "any"},
            "models": {model: {"name": model}},
        }
        config = {
            "$schema": "https://opencode.ai/config.json",
            "provider": {"outcrop": provider},
            "model": f"outcrop/{model}",
            "small_model": f"outcrop/{model}",
            "autoupdate": False,
            "share": "disabled",
        }
        # An argument with spaces would reach the model in quotation marks.
        args = [self.binary(), "run", "--format", "json", "--auto", *prompt.split(" ")]
        env = {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
        return Start(args, env, {".config/opencode/opencode.json": json.dumps(config)})

    def read(self, ended: Ended) -> Said:
        said = Said("", tokens=None)
        for event in lines_of_json(ended.out):
            part = event.get("part", {})
            if event["type"] == "text":
                said.text = part["text"]
            elif event["type"] == "step_finish":
                tokens = part["tokens"]
                said.tokens = tokens["input"] + tokens["output"]
            elif event["type"] == "error":
                said.error = event["error"]["data"]["message"]
        if not said.text and not said.error:
            said.error = (ended.out + ended.err).strip()
        return said

    def tool(self, command: str) -> str:
        return "call:bash " + json.dumps({"command": command, "description": "Run it"})
