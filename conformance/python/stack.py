"""What the suites run against, and the words they share.

`cargo xtask clients` starts the processes and names them in the environment.
"""

import json
import os
import urllib.request
from typing import Any

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_FOUNDATION = "anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-lite-v1:0"
MODELS = [CLAUDE, NOVA]
ACCOUNT_ARN = "arn:aws:bedrock:us-east-1:123456789012"
# An application inference profile the emulator knows; Claude Sonnet 4.5 is behind it.
PROFILE_ARN = f"{ACCOUNT_ARN}:application-inference-profile/a1b2c3d4e5f6"

# More requests than any gateway retries.
ALWAYS = 1000

# A valid 1x1 PNG.
PNG_BASE64 = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def setting(name: str) -> str:
    """A value that `cargo xtask clients` passes."""
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"{name} is not set: run the suites by `cargo xtask clients`")
    return value


class Emulator:
    """The emulator's admin API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, fault: str, *, times: int = 1, **match: str) -> None:
        """Lets the next `times` requests (of an `operation` or `model`) go wrong."""
        self._call("POST", "faults", {"fault": fault, "times": times, **match})

    def clear(self) -> None:
        self._call("DELETE", "faults")
        self._call("DELETE", "requests")

    def requests(self) -> list[dict[str, Any]]:
        """Every request since the last `clear`."""
        return self._call("GET", "requests")["requests"]

    def last_body(self) -> dict[str, Any]:
        """The JSON body of the last request."""
        return self.requests()[-1]["body"]

    def _call(self, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{what}", data=data, method=method)
        # The default opener would ask the proxy of the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as response:
            text = response.read()
        return json.loads(text) if text.strip() else None
