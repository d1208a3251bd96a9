"""A field that nothing acts on is described so: in the CRD, in `kubectl explain` and in docs/reference/custom-resources.md.

Whether a field is read is judged by its name: a field counts as read if code outside of the models reads an attribute, or has a
text, of that name. A second meaning of a name can hide a field that is not read, so the lists below are kept by hand, too.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from askproai_operator.api import KINDS
from askproai_operator.api.crd import field_descriptions

ROOT = Path(__file__).parents[3]
KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
NOT_ACTED_ON, NOT_FILLED = "Not acted on", "Not filled"
# Spec fields without effect. The descriptions of a listed field's inner fields need not repeat that.
UNREAD: dict[str, set[str]] = {}
# The fields of a status that nothing writes.
UNWRITTEN: dict[str, set[str]] = {}
# Inner fields of objects that are sent to Kubernetes as a whole.
DUMPED = {
    "Tenant": {
        "spec.exposure.gateway.parentRefs[].sectionName",
        "spec.page.gateway.parentRefs[].sectionName",
        "spec.runtime.pods.tolerations[].effect",
        "spec.runtime.pods.tolerations[].tolerationSeconds",
    }
}
# The models; code that copies fields by name; the list of status fields that wake nobody.
LEFT_OUT = (
    "operator/askproai_operator/api/",
    "core/askproai_core/tenant_config/",
    "controllers/tenant/tenant_config.py",
    "operator/askproai_operator/relations.py",
)


def models_in(annotation: Any) -> Iterator[tuple[type[BaseModel], bool]]:
    """Yield the model in an annotation, if there is one, and whether it is inside a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, False
    for inner in get_args(annotation):
        for model, _ in models_in(inner):
            yield model, annotation.__class__.__name__ != "UnionType"


def fields_of(model: type[BaseModel], path: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, name in Python and description of every field."""
    descriptions = field_descriptions(model)
    for name, field in model.model_fields.items():
        here = f"{path}.{field.alias}"
        yield here, name, str(descriptions.get(name))
        for part, in_list in models_in(field.annotation):
            yield from fields_of(part, f"{here}[]" if in_list else here)


@cache
def words_in_code() -> set[str]:
    """Return every attribute and every text of the product's code, except the files in LEFT_OUT."""
    words: set[str] = set()
    for folder in ("operator", "runtime", "core", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            if any(part in str(file.relative_to(ROOT)) for part in LEFT_OUT):
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Attribute):
                    words.add(node.attr)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    words.add(node.value)
    return words


def parts(kind: Any) -> Iterator[tuple[str, str, str]]:
    """Yield path, name in Python and description of every field of a kind."""
    for part, model in (("spec", kind.model_fields["spec"].annotation), ("status", kind.status_model)):
        yield from fields_of(model, part)


@KIND
def test_fields_without_reader_or_writer_are_listed(kind: Any) -> None:
    unknown = {path for path, name, _ in parts(kind) if not {name, path.rsplit(".", 1)[1]} & words_in_code()}
    assert unknown <= UNREAD.get(kind.kind, set()) | UNWRITTEN.get(kind.kind, set()) | DUMPED.get(kind.kind, set())


@KIND
def test_only_the_listed_fields_report_no_effect(kind: Any) -> None:
    found = {path: description for path, _, description in parts(kind)}
    for phrase, listed in ((NOT_ACTED_ON, UNREAD), (NOT_FILLED, UNWRITTEN)):
        saying = {path for path, description in found.items() if phrase in description}
        assert saying == listed.get(kind.kind, set()), phrase


def test_search_for_unread_fields_finds_an_unused_name() -> None:
    assert {"aFieldThatNobodyReads"} & words_in_code() == set()
    assert {"display_name", "opening_hours", "configHash", "calls24h"} <= words_in_code()


@KIND
def test_no_column_shows_a_field_that_nothing_fills(kind: Any) -> None:
    paths = {f".{path}" for path in UNWRITTEN.get(kind.kind, set())}
    assert not paths & {column["jsonPath"] for column in kind.columns}
