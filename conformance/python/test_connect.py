"""What `outcrop connect` shows for SDKs and the AWS CLI runs as it is printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import NOVA, setting

ECHO = "You said: Hello"
# How the part of what is shown that a person copies begins.
BEGINNINGS = {"openai-sdk": "import ", "anthropic-sdk": "import ", "boto3": "import ", "aws-cli": "aws "}


def shown(client: str, url: str, *more: str) -> str:
    command = [setting("OUTCROP_BINARY"), "connect", client, "--url", url, "--model", NOVA, *more]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def ran(arguments: list[str], env: dict[str, str]) -> str:
    """What it prints; neither settings nor keys of others are in its environment."""
    # Programs of the suite's environment, as after `activate`.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "AWS_EC2_METADATA_DISABLED": "true", **env}
    done = subprocess.run(arguments, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("keyed", [False, True], ids=["open", "keyed"])
@pytest.mark.parametrize("client", BEGINNINGS)
def test_a_snippet_runs_as_it_is_printed(client: str, keyed: bool) -> None:
    text = shown(client, setting("OUTCROP_KEYED_URL" if keyed else "OUTCROP_URL"))
    snippet = text[text.index(f"\n{BEGINNINGS[client]}") :]
    env = {"OUTCROP_KEY": setting("OUTCROP_TOKEN")} if keyed else {}
    if client in ["boto3", "aws-cli"]:
        pair = setting("OUTCROP_KEY_PAIR") if keyed else "AWS_ACCESS_KEY_ID=any\nAWS_SECRET_ACCESS_KEY=any"
        env = dict(line.split("=", 1) for line in pair.splitlines())
    program = ["sh", "-ec"] if client == "aws-cli" else [sys.executable, "-c"]
    assert ECHO in ran([*program, snippet], env)


CALLS = {
    "openai-sdk": f"import openai; print(openai.OpenAI().responses.create(model='{NOVA}', input='Hello').output_text)",
    "anthropic-sdk": "import anthropic; print(anthropic.Anthropic().messages.create("
    f"model='{NOVA}', max_tokens=50, messages=[{{'role': 'user', 'content': 'Hello'}}]).content[0].text)",
    "boto3": "import boto3; print(boto3.client('bedrock-runtime', region_name='us-east-1').converse("
    f"modelId='{NOVA}', messages=[{{'role': 'user', 'content': [{{'text': 'Hello'}}]}}])['output'])",
}


@pytest.mark.parametrize("client", CALLS)
def test_variables_are_enough(client: str, tmp_path: Path) -> None:
    script = tmp_path / "call.py"
    script.write_text(CALLS[client])
    exports = shown(client, setting("OUTCROP_URL"), "--env")
    env = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"} if client == "boto3" else {}
    assert ECHO in ran(["sh", "-ec", f"{exports}\nexec {sys.executable} {script}"], env)
