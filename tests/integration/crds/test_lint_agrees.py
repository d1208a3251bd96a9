"""`askproai lint` refuses exactly what the API server refuses: the same manifests, by the same rules."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from askproai_cli.lint import Severity, lint, read_documents
from askproai_cli.lint.check import check_manifest
from askproai_sandbox.cluster import ApiError

ROOT = Path(__file__).parents[3]
INVALID = sorted(Path(__file__).with_name("invalid").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
OURS = [
    document.value
    for document in read_documents(str(file) for file in EXAMPLES)
    if document.value["apiVersion"].startswith("askproai.de/")
]
VALUES: list[Any] = [
    None, "", "x", "X" * 70, "x" * 41, "ä", 0, 1, -1, 3, 5.0, 0.5, 10**9, True, [], {}, [1], ["x"], {"x": "y"}, "24:00", "9:00",
    "18:00", "00:00", "de-DE", "de-AT", "Europe/Berln", "UTC", "2026-02-30", "2026-03-29", "+49301234567", "030 1234567",
    "https://api.cal.com", "https:// x", "http://[::1]:8080/", "ftp://x", "http://a_b", "//x", "/x", "https://x:99999/", "39.00",
    "Simple", "Local", "Full", "Mon", ["Mon", "Mon"], ["Mon"], "TransferToHuman", "99.9",
]  # fmt: skip


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_manifest_is_refused_offline_too(file: Path) -> None:
    findings = lint(read_documents([str(file)]))
    assert any(finding.severity is Severity.REFUSED for finding in findings)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_has_no_findings(file: Path) -> None:
    assert lint(read_documents([str(file)])) == []


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def mutated(seed: int) -> tuple[dict[str, Any], str]:
    """Return one of the examples' manifests with one to three random changes, and their description."""
    chance = random.Random(seed)
    manifest = copy.deepcopy(chance.choice(OURS))
    changes = []
    for _ in range(chance.randint(1, 3)):
        path = ("spec", *chance.choice(list(places(manifest["spec"]))))
        at = manifest
        for step in path[:-1]:
            at = at[step]
        match chance.choice(["set", "set", "set", "drop", "add", "twice"]):
            case "set":
                at[path[-1]] = value = copy.deepcopy(chance.choice(VALUES))
                changes.append(f"{path} = {value!r}"[:100])
            case "drop":
                del at[path[-1]]
                changes.append(f"{path} dropped")
            case "add" if isinstance(at, dict):
                at[f"{path[-1]}s"] = at[path[-1]]
                changes.append(f"{path}s added")
            case "twice" if isinstance(at, list):
                at.append(copy.deepcopy(at[path[-1]]))
                changes.append(f"{path} twice")
    return manifest, f"seed {seed}: {manifest['kind']}: {'; '.join(changes)}"


async def test_lint_and_the_api_server_judge_a_thousand_mutants_alike(apply: Any) -> None:
    refused = 0
    for seed in range(1000):
        manifest, changes = mutated(seed)
        found = check_manifest(manifest)
        try:
            await apply(manifest, dry_run=True)
            server_error = ""
        except ApiError as error:
            if error.status not in {400, 422, 500}:  # 500: the answer of server-side apply to a field of no schema
                raise
            server_error = str(error)
        assert bool(server_error) == bool(found), (
            f"{changes}\nserver: {server_error or 'accepts'}\nlint: {found or 'accepts'}"
        )
        refused += bool(server_error)
        if "failed rule" not in server_error and server_error and "Invalid value" in server_error:
            for fault in found:  # every rule that lint names, the server names in the same words
                if fault.message in _RULES:
                    assert fault.message in server_error, changes
    assert 200 < refused < 900  # else the mutants prove nothing


@pytest.mark.parametrize("value", [["a"], [], "", "x", 7, True, None, {}, {"a": 1}, {"a": "b"}], ids=repr)
@pytest.mark.parametrize("field", ["labels", "annotations"])
async def test_lint_and_the_api_server_judge_labels_and_annotations_alike(apply: Any, field: str, value: Any) -> None:
    manifest = copy.deepcopy(OURS[0])
    manifest["metadata"][field] = value
    found = check_manifest(manifest)
    try:
        await apply(manifest, dry_run=True)
        server_error = ""
    except ApiError as error:
        server_error = str(error)
    assert bool(server_error) == bool(found), server_error or found


def _rule_messages(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
        for part in schema.values():
            yield from _rule_messages(part)


def _all_rules() -> set[str]:
    from askproai_cli.lint.check import _SCHEMAS  # noqa: PLC0415

    return set(_rule_messages(_SCHEMAS))


_RULES = _all_rules()
