"""Python's official MCP SDK, both ways: Outcrop's models use the tools of its servers, and its client those of
`outcrop mcp serve`."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from mcp import Client, StdioServerParameters

from stack import CLAUDE, setting

LLAMA = "meta.llama3-1-70b-instruct-v1:0"
# A server with a tool in the style of the reference server `fetch`, one that fails and one that draws.
SERVER = '''
import base64, sys, urllib.request
from mcp.server.mcpserver import Image, MCPServer

server = MCPServer("pages")

@server.tool()
def fetch(url: str, max_length: int = 5000) -> str:
    """Fetches a page."""
    return urllib.request.urlopen(url).read().decode()[:max_length]

@server.tool()
def broken() -> str:
    """Fails."""
    raise ValueError("out of ink")

@server.tool()
def dot() -> Image:
    """Draws a dot."""
    return Image(data=base64.b64decode(sys.argv[2]), format="png")

if sys.argv[1] == "stdio":
    server.run()
else:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
'''


class Outcrop:
    """`outcrop` with a home of its own, asking the gateway."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._env = {"PATH": os.environ["PATH"], "HOME": str(home), "OUTCROP_HOME": str(home)}

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = [setting("OUTCROP_BINARY"), *args]
        return subprocess.run(
            command, env=self._env, cwd=self._home, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    def query(self, model: str, prompt: str) -> dict:
        done = self.run("query", prompt, "-m", model, "--via", setting("OUTCROP_URL"), "--json", "-y")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def results(self, model: str, prompt: str) -> list[dict]:
        return self.query(model, prompt)["tool_calls"]

    def define(self, name: str, *args: str) -> None:
        done = self.run("mcp", "add", name, *args)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def outcrop(tmp_path: Path) -> Outcrop:
    return Outcrop(tmp_path)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "pages.py"
    path.write_text(SERVER)
    return path


@pytest.fixture
def address(script: Path, png: str) -> Iterator[str]:
    """The server on streamable HTTP."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, script, str(port), png], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    while "running on" not in (line := server.stderr.readline()):
        assert line, "the server ended"
    yield f"http://127.0.0.1:{port}/mcp"
    server.kill()
    server.wait()


@pytest.fixture
def png() -> str:
    from stack import PNG_BASE64

    return PNG_BASE64


def use_tools(outcrop: Outcrop, model: str) -> None:
    url = json.dumps({"url": setting("OUTCROP_URL") + "/health"})
    calls = outcrop.results(model, f"call:pages__fetch {url} call:pages__broken {{}} call:pages__dot {{}}")
    fetched, broken, dot = calls
    assert fetched["success"] and "ok" in json.dumps(fetched["result"]).lower(), fetched
    assert not broken["success"] and "broken" in json.dumps(broken["result"]), broken
    # Llama takes no images; it is told of them.
    shown = "image_url" if model == CLAUDE else "cannot be shown"
    assert dot["success"] and shown in json.dumps(dot["result"]), dot


@pytest.mark.parametrize("model", [CLAUDE, LLAMA], ids=["claude", "llama"])
def test_server_on_stdio(outcrop: Outcrop, script: Path, png: str, model: str) -> None:
    outcrop.define("pages", "--", sys.executable, str(script), "stdio", png)
    use_tools(outcrop, model)


def test_server_on_http(outcrop: Outcrop, address: str) -> None:
    outcrop.define("pages", "--url", address)
    use_tools(outcrop, CLAUDE)


async def use_outcrop(client: Client) -> None:
    tools = (await client.list_tools()).tools
    assert sorted(tool.name for tool in tools) == ["embed", "models", "query"]
    answers = await asyncio.gather(*(client.call_tool("query", {"prompt": f"say:answer {n}"}) for n in range(5)))
    assert [answer.content[0].text for answer in answers] == [f"answer {n}" for n in range(5)]
    failed = await client.call_tool("query", {"prompt": "Hi", "model": "no.such"})
    assert failed.is_error
    vectors = await client.call_tool("embed", {"texts": ["a", "b"]})
    assert len(vectors.structured_content["vectors"]) == 2


@pytest.fixture
def serve(tmp_path: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=setting("OUTCROP_BINARY"),
        args=["mcp", "serve", "--via", setting("OUTCROP_URL"), "-m", CLAUDE],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OUTCROP_HOME": str(tmp_path)},
    )


def test_outcrop_as_a_server_on_stdio(serve: StdioServerParameters) -> None:
    async def talk() -> None:
        async with Client(serve) as client:
            await use_outcrop(client)

    asyncio.run(talk())


def test_outcrop_as_a_server_on_http(serve: StdioServerParameters) -> None:
    command = [serve.command, *serve.args, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, env=serve.env, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = server.stdout.readline().removeprefix("listening on ").strip()

    async def talk() -> None:
        async with Client(url) as client:
            await use_outcrop(client)

    try:
        asyncio.run(talk())
    finally:
        server.terminate()
        assert server.wait() == 0
