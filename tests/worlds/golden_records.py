"""The records of golden answers: a file of JSON lines for each test module, sorted by test, with placeholders for varying parts."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "tests" / "golden"
COMMAND: Final = "python -m pytest -m '' --golden=record"
# Values that differ in each run, by the names of their placeholders.
_VARYING: Final = re.compile(
    r"""(?P<id>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b)
    |(?P<call>\bcall_[0-9a-f]{28,32}\b)
    |(?P<number>\+49151\d{8})
    |(?P<port>(?<=127\.0\.0\.1:)\d+)""",
    re.VERBOSE,
)
Lines = list[str]


def number_placeholders(lines: Sequence[str]) -> Lines:
    """Replace varying values by placeholders, numbered in the order of their first occurrence."""
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        kind = str(match.lastgroup)
        return names.setdefault(match[0], f"<{kind} {1 + sum(each.startswith(f'<{kind}') for each in names.values())}>")

    return [_VARYING.sub(name, line) for line in lines]


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def read_records(module: str) -> dict[str, Lines]:
    """Return the lines of each test of a module, such as `tests/integration/calls/test_english_calls.py`."""
    file, records = record_file(module), dict[str, Lines]()
    if not file.exists():
        return records
    for line in file.read_text("utf-8").splitlines():
        if line.startswith('{"test": '):
            lines = records.setdefault(json.loads(line)["test"], [])
        else:
            lines.append(line)
    return records


def write_records(module: str, records: Mapping[str, Lines]) -> None:
    """Write a module's records, sorted by test. Without records the file is deleted."""
    lines = [line for test in sorted(records) for line in (dump({"test": test}), *records[test])]
    file = record_file(module)
    file.parent.mkdir(exist_ok=True)
    if lines:
        file.write_text("\n".join(lines) + "\n", "utf-8")
    else:
        file.unlink(missing_ok=True)


def record_file(module: str) -> Path:
    return FOLDER / f"{module.removeprefix('tests/integration/').removesuffix('.py').replace('/', '.')}.jsonl"


def module_of(file: Path) -> str:
    """Return the test module of a file of records."""
    return f"tests/integration/{file.stem.replace('.', '/')}.py"


def describe_change(module: str, test: str, kept: Lines, lines: Lines) -> str:
    """Return the answers that differ from their record."""
    changes: list[str] = []
    for tag, first, last, new_first, new_last in difflib.SequenceMatcher(None, kept, lines, False).get_opcodes():
        if tag != "equal":
            changes += _differences(kept[first:last], lines[new_first:new_last])
    return "\n".join([
        f"{test} is answered otherwise than recorded (-) in {record_file(module).relative_to(FOLDER.parents[1])}:", *changes,
        f"If this is meant: {COMMAND} '{module}', and commit the changed file.",
    ])  # fmt: skip


def _differences(kept: Lines, lines: Lines) -> Lines:
    """Return both versions of each difference. If the requests are equal, return only the fields of their answers."""
    pairs = [(json.loads(before), json.loads(after)) for before, after in zip(kept, lines, strict=False)]
    texts = [f"  {sign} {line}" for sign, side in (("-", kept), ("+", lines)) for line in side]
    if len(kept) != len(lines) or any("answer" not in each or "answer" not in new for each, new in pairs):
        return texts
    if any(before | {"answer": None} != after | {"answer": None} for before, after in pairs):
        return texts
    changes = []
    for before, after in pairs:
        changes.append(f"  {before['function']} {dump(before['args'])}")
        for name in (before["answer"] or {}) | (after["answer"] or {}):
            old, new = ((each["answer"] or {}).get(name) for each in (before, after))
            changes += [f"    - {name}: {dump(old)}", f"    + {name}: {dump(new)}"] if old != new else []
    return changes
