"""Every CRD is described, bounded, structural and small; checked without a cluster."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from pydantic import ConfigDict

from askproai_core.tenant_config.vocabulary import Function
from askproai_operator.api import KINDS
from askproai_operator.api.base import Part
from askproai_operator.api.conditions import ConditionType, Reason
from askproai_operator.api.crd import build_crd, field_descriptions, root_schema, structural_schema
from askproai_operator.settings import Settings as OperatorSettings
from askproai_runtime.coordinator import CoordinatorSettings
from askproai_runtime.settings import Settings as RuntimeSettings

ROOT = Path(__file__).parents[3]
KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
Node = tuple[str, dict[str, Any], bool]


def fields(schema: dict[str, Any], path: str = "", *, in_list: bool = False) -> Iterator[Node]:
    """Yield path, schema, and whether it lies inside a list, for every field."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field, in_list
        yield from fields(field, f"{path}.{name}", in_list=in_list)
    if "items" in schema:
        yield f"{path}[]", schema["items"], True
        yield from fields(schema["items"], f"{path}[]", in_list=True)


def everything(kind: Any) -> list[Node]:
    properties = root_schema(kind)["properties"]
    return [*fields(properties["spec"], "spec"), *fields(properties["status"], "status")]


@KIND
def test_every_crd_field_has_a_description(kind: Any) -> None:
    without = [path for path, field, _ in everything(kind) if not path.endswith("[]") and not field.get("description")]
    assert not without


@KIND
def test_every_list_string_and_map_is_bounded(kind: Any) -> None:
    """The API server estimates the cost of CEL rules from the bounds."""
    for path, field, _ in everything(kind):
        if field["type"] == "array":
            assert "maxItems" in field, path
            assert field["x-kubernetes-list-type"] in {"map", "set", "atomic"}, path
        if field["type"] == "string" and "enum" not in field and "format" not in field:
            assert "maxLength" in field, path
        if "additionalProperties" in field:
            assert "maxProperties" in field, path
        if field["type"] == "integer":
            assert "minimum" in field, path


@KIND
def test_api_has_no_floats_and_no_passthrough(kind: Any) -> None:
    for path, field, _ in everything(kind):
        assert field["type"] in {"object", "array", "string", "integer", "boolean"}, path
        assert not any(name.startswith("x-kubernetes-preserve") for name in field), path


@KIND
def test_crd_defaults_are_scalars_outside_lists(kind: Any) -> None:
    """A default inside a list item is a difference that never settles in GitOps tools."""
    for path, field, in_list in everything(kind):
        if "default" in field:
            assert not in_list, path
            assert isinstance(field["default"], str | int | bool), path


@KIND
def test_crds_have_the_published_plurals_and_category(kind: Any) -> None:
    names = build_crd(kind)["spec"]["names"]
    plural = {
        "Tenant": "tenants",
        "Branch": "branches",
        "ServiceOffering": "serviceofferings",
        "RetellAgent": "retellagents",
    }
    assert names["plural"] == plural[kind.kind]
    assert names["categories"] == ["askproai"]


@KIND
def test_get_shows_four_columns_from_ready_to_age(kind: Any) -> None:
    columns = build_crd(kind)["spec"]["versions"][0]["additionalPrinterColumns"]
    narrow = [column["name"] for column in columns if "priority" not in column]
    assert narrow[:2] == ["Ready", "Reason"]
    assert narrow[-1] == "Age"
    assert len(narrow) == 4


# A long usual value of each column before the message; kubectl adds three spaces.
USUAL = {
    "Ready": "True", "Reason": "NoOpeningLongEnough", "Age": "120d", "Calendar": "Calcom", "Branches": "12", "Replicas": "10",
    "Number": "+4930123456789", "Tenant": "zahnarzt-sommer", "Services": "12", "Staff": '["anna","mehmet"]', "Branch": "prenzlberg",
    "Minutes": "120", "Price": "120.00", "EventTypes": "12", "AgentId": "agent_7c1f0a52e9d84b6f93a0c5de", "Version": "123",
}  # fmt: skip


@KIND
def test_message_fits_in_160_columns_of_wide_table(kind: Any) -> None:
    """Behind the webhook's URL it was cut off."""
    names = [column["name"] for column in build_crd(kind)["spec"]["versions"][0]["additionalPrinterColumns"]]
    before = names[: names.index("Message")]
    cells = ["zahnarzt-sommer", f"{kind.kind.lower()}.askproai.de/haarschnitt", *(USUAL[name] for name in before)]
    headings = ["NAMESPACE", "NAME", *before]
    assert sum(max(len(cell), len(heading)) + 3 for cell, heading in zip(cells, headings, strict=True)) <= 160


def test_crds_are_small_and_deterministic() -> None:
    """The annotation of `kubectl apply` holds at most 256 KiB."""
    for kind in KINDS.values():
        assert build_crd(kind) == build_crd(kind)
    assert all(file.stat().st_size < 256 * 1024 for file in (ROOT / "crds").iterdir())


@pytest.mark.nightly
@pytest.mark.parametrize(
    "environment", [{}, {"ASKPROAI_DATABASE_ADMIN_URL": "postgresql://a:secret@b", "ASKPROAI_WORKERS": "3"}]
)
def test_generated_files_are_current_in_any_environment(environment: dict[str, str]) -> None:
    """The settings page shows the defaults, never what this machine has set: that may be a password."""
    command = [sys.executable, ROOT / "hack" / "generate.py", "--check"]
    completed = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_every_setting_is_on_the_page_and_explained() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    settings = [(name, field_descriptions(OperatorSettings)[name]) for name in OperatorSettings.model_fields]
    for model in (RuntimeSettings, CoordinatorSettings):
        of_struct: Any = msgspec.inspect.type_info(model)
        settings += [(field.name, field.type.extra_json_schema["description"]) for field in of_struct.fields]
    for name, description in settings:
        assert f"| `ASKPROAI_{name.upper()}` |" in page
        assert description
        assert " ".join(description.split()) in page


@KIND
def test_list_descriptions_are_shown_by_kubectl_explain(kind: Any) -> None:
    """`kubectl explain` shows a list's own description; its items would show the docstring of a Python class."""
    assert not [path for path, field, _ in everything(kind) if path.endswith("[]") and "description" in field]


def test_generator_refuses_default_inside_a_list() -> None:
    with pytest.raises(TypeError, match=r"_Outer\.items\[\]\.size: no defaults inside lists"):
        structural_schema(_Outer)


def test_crd_generator_refuses_float_fields() -> None:
    with pytest.raises(TypeError, match=r"_Loose\.share: 'number' has no place in a spec"):
        structural_schema(_Loose)


def test_every_reason_and_condition_is_explained() -> None:
    about = yaml.safe_load((ROOT / "operator/askproai_operator/api/conditions.yaml").read_text("utf-8"))
    for group, members in (("types", ConditionType), ("reasons", Reason)):
        assert list(about[group]) == [str(member) for member in members]
        assert all(text.endswith(".") for text in about[group].values())


class _Inner(Part):
    size: int = 3


class _Outer(Part):
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: tuple[_Inner, ...] = ()


class _Loose(Part):
    share: float


def test_kubectl_explain_names_every_function_of_an_agent() -> None:
    """`kubectl explain` shows no values for the items of a list."""
    spec = root_schema(KINDS["RetellAgent"])["properties"]["spec"]["properties"]
    assert [each for each in Function if each not in spec["functions"]["description"]] == []
