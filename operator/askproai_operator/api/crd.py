"""CustomResourceDefinitions generated from the models: structural, bounded, and the same text at every run.

Differences from pydantic's JSON schema, and their reasons:
- References are inlined and `null` is omitted, because a structural schema has neither.
- Lists, objects and everything inside a list have no defaults, or GitOps tools would show a difference for ever
  (argo-cd #11139). Absent fields stay absent, and the models fill in the defaults when they read.
- The items of a list have no description: `kubectl explain` shows the list's.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, TypeAdapter

from askproai_operator.api.base import CustomResource, Part, column

_DROPPED = frozenset({"title", "$defs", "anyOf", "$ref", "default", "additionalProperties"})
_FIRST = (
    column("Ready", '.status.conditions[?(@.type=="Ready")].status', wide=False),
    column("Reason", '.status.conditions[?(@.type=="Ready")].reason', wide=False),
)
_LAST = (
    column("Age", ".metadata.creationTimestamp", "date", wide=False),
    column("Message", '.status.conditions[?(@.type=="Ready")].message'),
)


def build_crd(kind: type[CustomResource]) -> dict[str, Any]:
    """Return the CustomResourceDefinition of one kind."""
    selectable = {"selectableFields": [{"jsonPath": path} for path in kind.selectable]} if kind.selectable else {}
    names = {"kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.plural, "singular": kind.kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.askproai.de"},
        "spec": {
            "group": "askproai.de",
            "scope": "Namespaced",
            "names": names | {"shortNames": [kind.short_name], "categories": ["askproai"]},
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [*_FIRST, *kind.columns, *_LAST, *kind.further_columns],
                    **selectable,
                    "schema": {"openAPIV3Schema": root_schema(kind)},
                }
            ],
        },
    }


def root_schema(kind: type[CustomResource], *, described: bool = True) -> dict[str, Any]:
    """Return the structural schema of one kind: spec, status, and the rules on the whole object.

    `described=False` omits the fields' descriptions. A manifest is validated without them, and collecting them is slow, because
    it reads the models' source files.
    """
    extra = kind.model_config.get("json_schema_extra")
    return {
        "type": "object",
        "description": kind.__doc__,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Always askproai.de/v1alpha1."},
            "kind": {"type": "string", "description": f"Always {kind.kind}."},
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},  # rules refer to it
            "spec": structural_schema(kind.model_fields["spec"].annotation, described=described),
            "status": structural_schema(kind.status_model, described=described),
        },
        **(extra if isinstance(extra, dict) else {}),
    }


def structural_schema(model: Any, *, described: bool = True) -> dict[str, Any]:
    """Return the structural schema of a model. Raises TypeError for types that a structural schema cannot express."""
    raw = TypeAdapter(model).json_schema()
    if described:
        describe(raw, model)
        named = raw.get("$defs", {})
        for part in _list_parts(Part):
            if part.__name__ in named:
                describe(named[part.__name__], part)
    return _walk(raw, raw.get("$defs", {}), path=model.__name__, in_list=False)


def describe(schema: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Add the docstrings of a model's fields, also of inherited ones, to its JSON schema, and return it."""
    fields = schema.get("properties", {})
    for name, text in field_descriptions(model).items():
        alias = model.model_fields[name].alias or name
        if alias in fields:
            fields[alias] = {"description": text} | fields[alias]
    return schema


def field_descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings below the fields of a model and its bases, by Python field name. A subclass's docstring wins."""
    return {name: text for base in reversed(model.__mro__) for name, text in _docstrings_of(base).items()}


def _list_parts(base: type[Part]) -> Iterator[type[Part]]:
    for part in base.__subclasses__():
        yield part
        yield from _list_parts(part)


@cache
def _docstrings_of(model: type) -> dict[str, str]:
    """Return the docstring below each field in the source of a class, by field name; bases are not read."""
    if not issubclass(model, BaseModel):
        return {}
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in pairwise(tree.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(content))):
                found[name] = inspect.cleandoc(content)
    return {name: text for name, text in found.items() if name in getattr(model, "model_fields", {})}


def _walk(node: dict[str, Any], defs: dict[str, Any], *, path: str, in_list: bool) -> dict[str, Any]:
    node = resolve_node(node, defs, path)
    out = {name: value for name, value in node.items() if name not in _DROPPED}
    if out.get("type") not in {"object", "array", "string", "integer", "boolean"}:
        raise TypeError(f"{path}: {out.get('type')!r} has no place in a spec; decimals are strings, the rest integers")
    if isinstance(node.get("default"), str | int):
        if in_list:
            raise TypeError(f"{path}: no defaults inside lists; let None say that it is absent")
        out["default"] = node["default"]
    if "properties" in out:
        out["properties"] = {
            name: _walk(child, defs, path=f"{path}.{name}", in_list=in_list)
            for name, child in out["properties"].items()
        }
    if "items" in out:
        out["items"] = _walk(out["items"], defs, path=f"{path}[]", in_list=True)
        out["items"].pop("description", None)
    if isinstance(node.get("additionalProperties"), dict):  # a map, such as annotations
        out["additionalProperties"] = _walk(node["additionalProperties"], defs, path=f"{path}.*", in_list=True)
    return out


def resolve_node(node: dict[str, Any], defs: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a schema node with its reference inlined and `X | None` reduced to X.

    Siblings of the reference (description, default) take precedence. Raises TypeError for a union of two types.
    """
    siblings = {name: value for name, value in node.items() if name not in {"$ref", "anyOf"}}
    if "$ref" in node:
        inner = defs[node["$ref"].removeprefix("#/$defs/")]
    elif "anyOf" in node:
        choices = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
        if len(choices) != 1:
            raise TypeError(f"{path}: a union cannot be said in a structural schema")
        inner = choices[0]
    else:
        return node
    return {**resolve_node(inner, defs, path), **siblings}
