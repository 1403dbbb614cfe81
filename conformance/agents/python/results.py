"""`conformance/RESULTS.md`: what the last whole run of each client showed, one section each."""

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

HEAD = """# Results of real clients

What the last run of each client against gateway and [emulator](../docs/dev/emulator.md) showed. `cargo xtask agents NAME`
runs a client and rewrites its section; [testing.md](../docs/dev/testing.md#agents) says how, and what each case is.
A case that did not pass, or cannot be run, stands below its table with the reason.
"""
# What differs from run to run.
CHANGING = [
    (re.compile(r"req_\w+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "…"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1"),
    (re.compile(r"~\d+ tokens"), "~… tokens"),
    (re.compile(r"/\S*/(home|folder)\b"), r"~"),
]
LONGEST = 300


@dataclass
class Result:
    """One case of one client."""

    client: str
    version: str
    mode: str
    model: str
    case: str
    # pass, FAIL or "cannot run".
    outcome: str
    # What the client said, or why the case did not pass.
    text: str


def write(path: Path, results: list[Result]) -> None:
    """Replaces the sections of these clients and keeps the others."""
    old = path.read_text() if path.exists() else ""
    sections = {name_of(section): section.strip() for section in re.split(r"^## ", old, flags=re.M)[1:]}
    for client in dict.fromkeys(result.client for result in results):
        sections[client] = section([result for result in results if result.client == client])
    body = "".join(f"\n## {sections[name]}\n" for name in sorted(sections, key=str.lower))
    path.write_text(HEAD + body)


def name_of(section: str) -> str:
    """The client of a section that begins with its name and version."""
    return section.splitlines()[0].rsplit(" ", 1)[0]


def section(results: list[Result]) -> str:
    first = results[0]
    passed = sum(result.outcome == "pass" for result in results)
    lines = [f"{first.client} {first.version}", ""]
    lines += [f"{datetime.date.today()}: {passed} of {len(results)} passed.", ""]
    cases = list(dict.fromkeys(result.case for result in results))
    lines += table(["mode", "model", *cases], rows(results, cases))
    said = [result for result in results if result.outcome == "pass" and result.text]
    if said:
        lines += ["", *table(["case", "what the user reads"], texts(said, results))]
    others = [result for result in results if result.outcome != "pass"]
    if others:
        lines += ["", *reasons(others, results)]
    return "\n".join(lines)


def rows(results: list[Result], cases: list[str]) -> list[list[str]]:
    outcomes = {(result.mode, result.model, result.case): result.outcome for result in results}
    ways = dict.fromkeys((result.mode, result.model) for result in results)
    return [[*way, *(outcomes.get((*way, case), "") for case in cases)] for way in ways]


def texts(said: list[Result], results: list[Result]) -> list[list[str]]:
    """Each text of a case once; with the ways that gave it where ways differ."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in said:
        found.setdefault((result.case, tidy(result.text)), []).append(result)
    per_case = [case for case, _ in found]
    lines = [
        [case if per_case.count(case) == 1 else f"{case} ({ways(group, results)})", text]
        for (case, text), group in found.items()
    ]
    return sorted(lines, key=lambda line: per_case.index(line[0].split(" (", 1)[0]))


def reasons(others: list[Result], results: list[Result]) -> list[str]:
    """Each reason once, with the ways and cases it stopped."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in others:
        found.setdefault((result.outcome, tidy(result.text)), []).append(result)
    return [
        f"* {outcome}: {ways(group, results)}: {', '.join(dict.fromkeys(one.case for one in group))}: {text}"
        for (outcome, text), group in found.items()
    ]


def ways(group: list[Result], results: list[Result]) -> str:
    """Modes, each with its model unless all its models are meant."""
    words = []
    for mode in dict.fromkeys(result.mode for result in group):
        models = list(dict.fromkeys(result.model for result in group if result.mode == mode))
        every = {result.model for result in results if result.mode == mode}
        words.append(mode if set(models) == every else f"{mode}, {', '.join(models)}")
    return "; ".join(words)


def table(head: list[str], lines: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines]]


def tidy(text: str) -> str:
    for pattern, instead in CHANGING:
        text = pattern.sub(instead, text)
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
