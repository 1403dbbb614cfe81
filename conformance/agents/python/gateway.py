"""The gateway as the cases see it: its address, and the receipts it logged."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, TypeVar

from stack import setting

# Far above what anything here takes, so that only a hang meets it.
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.05

T = TypeVar("T")


def eventually(what: str, look: Callable[[], T]) -> T:
    """What `look` finds, as soon as it finds something: other processes give no other sign."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain: {what}")
        time.sleep(PAUSE_SECONDS)
    return found


class Gateway:
    """Reads the log from where it was when this value was made."""

    def __init__(self) -> None:
        self.url = setting("OUTCROP_URL")
        self._log = Path(setting("OUTCROP_LOG_FILE"))
        self._start = self._log.stat().st_size

    def receipts(self) -> list[dict[str, Any]]:
        """Every receipt since then, of requests for a model."""
        with self._log.open("rb") as log:
            log.seek(self._start)
            lines = log.read().decode().splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [entry for entry in entries if entry.get("message") == "request" and entry.get("model")]

    def healthy(self) -> bool:
        # The default opener would ask the proxy of the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/health") as response:
            return response.status == 200
