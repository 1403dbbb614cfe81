"""Fixtures of every case, the choice of clients, and the results."""

import os
from pathlib import Path
from typing import Any, Iterator

import pytest

import results
from results import Result
from stack import Emulator, setting

RESULTS = pytest.StashKey[list[Result]]()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    emulator = Emulator(setting("EMULATOR_URL"))
    emulator.clear()
    yield emulator
    emulator.clear()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "client(name): of this client, by its name for `cargo xtask agents`")
    config.stash[RESULTS] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    names = [name for name in os.environ.get("AGENTS_NAMES", "").split(",") if name]
    if not names:
        return
    chosen = [item for item in items if any(mark.args[0] in names for mark in item.iter_markers("client"))]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    decided = report.when == "call" or (report.when == "setup" and not report.passed)
    facts = dict(report.user_properties)
    if decided and "case" in facts:
        said = facts.pop("said", "")
        outcome, text = outcome_of(report, call, said)
        item.config.stash[RESULTS].append(Result(**facts, outcome=outcome, text=text))
    return report


def outcome_of(report: pytest.TestReport, call: pytest.CallInfo[Any], said: str) -> tuple[str, str]:
    if report.passed:
        return "pass", said
    why = str(call.excinfo.value) if call.excinfo else ""
    return ("cannot run" if report.skipped else "FAIL"), why


def pytest_sessionfinish(session: pytest.Session) -> None:
    path, found = os.environ.get("AGENTS_RESULTS"), session.config.stash[RESULTS]
    if path and found:
        results.write(Path(path), found)
