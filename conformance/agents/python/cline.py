"""Cline: OpenAI Chat by the AI SDK."""

import json
from pathlib import Path

from agent import Agent, Ended, Said, Start, lines_of_json


class Cline(Agent):
    name = "cline"
    title = "Cline"
    package = "@cline/cli-linux-x64"
    program = "bin/cline"
    modes = ["Chat"]

    def start(self, prompt: str, mode: str, model: str, gateway: str, home: Path) -> Start:
        # What `cline auth -p openai -k any -m MODEL -b URL/v1` writes; it takes ten seconds.
        settings = {
            "provider": "openai-compatible",
            "apiKey": "any",
            "model": model,
            "baseUrl": f"{gateway}/v1",
        }
        provider = {"settings": settings, "updatedAt": "2026-11-26T00:00:00.000Z", "tokenSource": "manual"}
        providers = {
            "version": 1,
            "lastUsedProvider": "openai-compatible",
            "modes": {},
            "providers": {"openai-compatible": provider},
        }
        args = [self.binary(), "--json", "-P", "openai-compatible", "-m", model, prompt]
        files = {".cline/data/settings/providers.json": json.dumps(providers)}
        return Start(args, {"CLINE_TELEMETRY_DISABLED": "1"}, files)

    def read(self, ended: Ended) -> Said:
        said = Said("")
        for event in lines_of_json(ended.out):
            if event["type"] == "run_result":
                said.text = event["text"]
                said.tokens = event["usage"]["inputTokens"] + event["usage"]["outputTokens"]
            elif event["type"] == "error":
                said.error = event.get("message") or json.dumps(event)
        if ended.code and not said.error:
            said.error = said.text or ended.err.strip() or f"exit code {ended.code}"
        return said

    def tool(self, command: str) -> str:
        return "call:run_commands " + json.dumps({"commands": [command]})
