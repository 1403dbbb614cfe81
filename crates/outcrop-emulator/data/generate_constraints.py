#!/usr/bin/env python3
"""Reduce AWS's service models of Bedrock to the table `constraints.json` beside this file.

The models come from the botocore wheel, fetched with pip into a temporary folder. Kept are facts only:
paths, members, and what each member must satisfy. No text of the documentation is kept.

Usage: generate_constraints.py [--wheel FILE]
"""

import argparse
import datetime
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

BOTOCORE = "1.44.5"
RUNTIME = "bedrock-runtime/2023-09-30"
CONTROL = "bedrock/2023-04-20"
AGENT = "bedrock-agent/2023-06-05"
AGENT_RUNTIME = "bedrock-agent-runtime/2023-07-26"
CONTROL_OPERATIONS = (
    "ListFoundationModels",
    "GetFoundationModel",
    "GetFoundationModelAvailability",
    "ListInferenceProfiles",
    "GetInferenceProfile",
    "ListCustomModels",
    "GetCustomModel",
    "ListCustomModelDeployments",
    "GetCustomModelDeployment",
    "ListImportedModels",
    "GetImportedModel",
    "ListProvisionedModelThroughputs",
    "GetProvisionedModelThroughput",
    "ListPromptRouters",
    "GetPromptRouter",
)
AGENT_OPERATIONS = ("GetPrompt",)
AGENT_RUNTIME_OPERATIONS = ("Rerank",)
TARGET = pathlib.Path(__file__).with_name("constraints.json")


def fetch_wheel(folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "--dest", folder, f"botocore=={BOTOCORE}"], check=True)
    (wheel,) = pathlib.Path(folder).glob("botocore-*.whl")
    return wheel


def read_model(wheel, name):
    path = f"botocore/data/{name}/service-2.json"
    with zipfile.ZipFile(wheel) as archive:
        if path in archive.namelist():
            return json.loads(archive.read(path))
        return json.loads(gzip.decompress(archive.read(path + ".gz")))


class Reduction:
    """Collects the shapes that the inputs of the chosen operations reach."""

    def __init__(self):
        self.operations = {}
        self.shapes = {}

    def add(self, model, names, prefix):
        for name in names:
            operation = model["operations"][name]
            shape = operation["input"]["shape"]
            entry = {
                "method": operation["http"]["method"],
                "path": operation["http"]["requestUri"],
                "input": prefix + shape,
            }
            payload = model["shapes"][shape].get("payload")
            if payload:
                entry["payload"] = payload
            self.operations[name] = entry
            self.add_shape(model, shape, prefix)

    def add_shape(self, model, name, prefix):
        if prefix + name in self.shapes:
            return
        shape = model["shapes"][name]
        facts = {"type": shape["type"]}
        self.shapes[prefix + name] = facts
        for key in ("min", "max", "pattern", "enum", "required", "union", "document", "sensitive"):
            if shape.get(key):
                facts[key] = shape[key]
        if shape.get("min") == 0 and shape["type"] in ("float", "integer"):
            facts["min"] = 0
        if shape.get("max") == 0:
            facts["max"] = 0
        for key in ("member", "key", "value"):
            if key in shape:
                facts[key] = prefix + shape[key]["shape"]
                self.add_shape(model, shape[key]["shape"], prefix)
        for member, target in shape.get("members", {}).items():
            facts.setdefault("members", {})[member] = prefix + target["shape"]
            if "location" in target:
                bound = [target["location"], target["locationName"]]
                facts.setdefault("bound", {})[member] = bound
            self.add_shape(model, target["shape"], prefix)


def lines_of(table):
    """One line for each operation and shape, so that a new version reads well as a difference."""
    compact = {"separators": (",", ":"), "ensure_ascii": True}
    yield "{"
    for key in ("source", "checked"):
        yield f'"{key}":{json.dumps(table[key])},'
    for section, end in (("operations", "},"), ("shapes", "}")):
        yield f'"{section}":{{'
        entries = sorted(table[section].items())
        for position, (name, facts) in enumerate(entries):
            comma = "," if position + 1 < len(entries) else ""
            yield f"{json.dumps(name)}:{json.dumps(facts, **compact)}{comma}"
        yield end
    yield "}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=pathlib.Path, help="a botocore wheel that is already here")
    wheel = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as folder:
        wheel = wheel or fetch_wheel(folder)
        runtime, control = read_model(wheel, RUNTIME), read_model(wheel, CONTROL)
        agent, agent_runtime = read_model(wheel, AGENT), read_model(wheel, AGENT_RUNTIME)
    reduction = Reduction()
    reduction.add(runtime, runtime["operations"], "")
    reduction.add(control, CONTROL_OPERATIONS, "bedrock#")
    reduction.add(agent, AGENT_OPERATIONS, "bedrock-agent#")
    reduction.add(agent_runtime, AGENT_RUNTIME_OPERATIONS, "bedrock-agent-runtime#")
    table = {
        "source": f"botocore {BOTOCORE}: {RUNTIME}, {CONTROL}, {AGENT}, {AGENT_RUNTIME}",
        "checked": datetime.date.today().isoformat(),
        "operations": reduction.operations,
        "shapes": reduction.shapes,
    }
    TARGET.write_text("\n".join(lines_of(table)) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(reduction.operations)} operations, {len(reduction.shapes)} shapes")


if __name__ == "__main__":
    main()
