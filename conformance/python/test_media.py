"""Media by address: the official clients give an address, Bedrock gets the bytes."""

import base64
import http.server
import threading
from collections.abc import Iterator

import anthropic
import openai
import pytest

from stack import CLAUDE, NOVA, PNG_BASE64, Emulator

FILES = {"/dot.png": base64.b64decode(PNG_BASE64), "/report.pdf": b"%PDF-1.4\n%%EOF\n"}
PDF_BASE64 = base64.b64encode(FILES["/report.pdf"]).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = FILES.get(self.path)
        self.send_response(404 if found is None else 200)
        self.send_header("content-length", str(len(found or b"")))
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def files() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def client(gateway: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)


def sent_image(emulator: Emulator, model: str) -> str:
    """The base64 of the image that is the second block of the first message."""
    block = emulator.last_body()["messages"][0]["content"][1]
    return block["source"]["data"] if model == CLAUDE else block["image"]["source"]["bytes"]


def test_openai_chat(client: openai.OpenAI, emulator: Emulator, files: str, model: str) -> None:
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"{files}/dot.png"}},
    ]
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert completion.choices[0].finish_reason == "stop"
    assert sent_image(emulator, model) == PNG_BASE64


def test_openai_responses(client: openai.OpenAI, emulator: Emulator, files: str) -> None:
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_file", "file_url": f"{files}/report.pdf"},
    ]
    response = client.responses.create(model=NOVA, input=[{"role": "user", "content": content}])
    assert response.status == "completed"
    document = emulator.last_body()["messages"][0]["content"][1]["document"]
    assert document == {"format": "pdf", "name": "report", "source": {"bytes": PDF_BASE64}}


def test_anthropic(gateway: str, emulator: Emulator, files: str, model: str) -> None:
    client = anthropic.Anthropic(base_url=gateway, api_key="any", max_retries=0)
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "url", "url": f"{files}/dot.png"}},
    ]
    message = client.messages.create(
        model=model, max_tokens=100, messages=[{"role": "user", "content": content}]
    )
    assert message.stop_reason == "end_turn"
    assert sent_image(emulator, model) == PNG_BASE64


def test_a_missing_file_is_the_callers_error(client: openai.OpenAI, emulator: Emulator, files: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": f"{files}/none.png"}}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=NOVA, messages=[{"role": "user", "content": content}])
    assert refused.value.param == "messages[0].content[0].image_url.url"
    assert "404" in refused.value.message
    assert emulator.requests() == []
