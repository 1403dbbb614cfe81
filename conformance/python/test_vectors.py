"""The committed vectors of botocore's are what botocore does now: signatures and endpoints."""

import importlib.util
import pathlib

import pytest

DATA = pathlib.Path(__file__).parents[2] / "crates" / "outcrop-aws" / "tests" / "data"


@pytest.mark.parametrize("name", ["generate_sigv4", "generate_endpoints"])
def test_vectors_are_those_of_botocore(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, DATA / f"{name}.py")
    assert spec and spec.loader
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.PATH.read_text() == generator.vectors()
