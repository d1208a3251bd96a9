"""`askproai lint` refuses exactly what the API server refuses: the same manifests, by the same rules."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from askproai_cli.lint import Severity, lint, read_documents
from askproai_cli.lint.judge import judge, schema_of
from askproai_cli.lint.structural import Fault
from askproai_operator.api import KINDS
from askproai_sandbox.cluster import ApiError, ControlPlane

pytestmark = pytest.mark.nightly

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


SCALARS = [
    "y", "n", "Y", "N", "yes", "No", "on", "OFF", "true", "False", "~", "null", "Null", "", "01067", "00123", "09123", "0x1F",
    "-0x1F", "0b11", "0o17", "1_000", "1_0.5", "1e3", "1.e+3", "0.50", ".5", "5.", "-.5", "+49301234567", "12:30", "09:00", "1:2",
    "2026-12-24", "2026-12-24T09:00:00Z", "=", "_1", "1_", "0x", "0b12", "0.5.5", "-0", "'01067'", "yEs", "e3",
]  # fmt: skip


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_manifest_is_refused_offline_too(file: Path) -> None:
    report = lint(read_documents([str(file)]))
    assert report.refused == 1
    assert any(finding.severity is Severity.REFUSED for finding in report.findings)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_has_no_findings(file: Path) -> None:
    assert lint(read_documents([str(file)])).findings == ()


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


async def test_lint_and_api_server_judge_1000_mutants_alike(apply: Any) -> None:
    refused = beside_others = 0
    for seed in range(1000):
        manifest, changes = mutated(seed)
        found = judge(manifest).faults
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
        named = {fault.message for fault in found if fault.message in _RULES}
        # Lint evaluates the rules anyway, the server only after the other faults are corrected.
        if any(fault.blocks for fault in found):
            mended_error = await _refusal_when_mended(manifest, found, apply) if named else None
            assert mended_error != "", f"{changes}\nserver accepts the rest\nlint: {found}"
            beside_others += mended_error is not None
            server_error = mended_error or ""
        if "failed rule" not in server_error and "Invalid value" in server_error:
            for message in named:  # every rule that lint names, the server names in the same words
                assert message in server_error, changes
    assert 200 < refused < 900  # else the mutants prove nothing
    assert beside_others > 5


async def _refusal_when_mended(manifest: dict[str, Any], found: list[Fault], apply: Any) -> str | None:
    """Return what the server says when all fields with blocking faults are as in the examples, "" if it accepts that.

    None where a rule is about one of these fields.
    """
    original = next(
        each for each in OURS if (each["kind"], each["metadata"]) == (manifest["kind"], manifest["metadata"])
    )
    ill_formed = {str(fault.path[1]) if len(fault.path) > 1 else "" for fault in found if fault.blocks}
    if any(str(fault.path[1:2] and fault.path[1]) in ill_formed for fault in found if fault.message in _RULES):
        return None
    mended = {name: value for name, value in manifest["spec"].items() if name not in ill_formed}
    mended |= {name: original["spec"][name] for name in ill_formed if name in original["spec"]}
    try:
        await apply({**manifest, "spec": mended}, dry_run=True)
    except ApiError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("value", [["a"], [], "", "x", 7, True, None, {}, {"a": 1}, {"a": "b"}], ids=repr)
@pytest.mark.parametrize("field", ["labels", "annotations"])
async def test_lint_and_api_server_judge_labels_alike(apply: Any, field: str, value: Any) -> None:
    manifest = copy.deepcopy(OURS[0])
    manifest["metadata"][field] = value
    found = judge(manifest).faults
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


_RULES = {message for kind in KINDS for message in _rule_messages(schema_of(kind))}


async def test_lint_and_kubectl_parse_scalars_alike(control_plane: ControlPlane, tmp_path: Path) -> None:
    lines = [f"  k{number}: {scalar}" for number, scalar in enumerate(SCALARS)] + ["  y: 1", "  n: 2", "  1: 3"]
    file = tmp_path / "scalars.yaml"
    header = "apiVersion: askproai.de/v1alpha1\nkind: Branch\nmetadata: {name: x}\nspec:\n"
    file.write_text(header + "\n".join(lines) + "\n")
    sent = await control_plane.kubectl("patch", "--local", "-f", str(file), "--type=merge", "-p", "{}", "-o", "json")
    (document,) = read_documents([str(file)])
    assert _comparable(document.value["spec"]) == _comparable(json.loads(sent)["spec"])


def _comparable(values: dict[str, Any]) -> dict[str, str]:
    """Return values with their types; JSON knows one kind of number."""
    return {key: repr(float(value) if type(value) is int else value) for key, value in values.items()}
