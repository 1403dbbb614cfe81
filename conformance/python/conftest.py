"""Fixtures of every suite: the emulator, clean before and after each test."""

from typing import Iterator

import pytest

from stack import MODELS, Emulator, setting


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    emulator = Emulator(setting("EMULATOR_URL"))
    emulator.clear()
    yield emulator
    emulator.clear()


@pytest.fixture
def gateway() -> str:
    return setting("OUTCROP_URL")


@pytest.fixture(params=MODELS, ids=["claude", "nova"])
def model(request: pytest.FixtureRequest) -> str:
    """A model that is relayed or translated to Anthropic Messages, and one reached by Converse."""
    return request.param
