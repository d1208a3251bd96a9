"""The structural schema of a CRD, as the API server enforces it: defaults, unknown fields, types, bounds, unique items.

Only the keywords of our CRDs are supported. Any other raises `NotImplementedError`, so that no check silently lapses.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from askproai_cli.lint.documents import FieldPath

Schema = dict[str, Any]

_SUPPORTED: Final = frozenset({
    "type", "description", "properties", "required", "items", "additionalProperties", "default", "enum", "format", "minimum",
    "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-validations",
})  # fmt: skip
_TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_ACTUAL: Final = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number",
                  bool: "true or false"}  # fmt: skip
_EXPECTED: Final = {"object": "an object", "array": "a list", "string": "a text: put it in quotes", "integer": "a whole number",
                    "boolean": "true or false"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """A schema error at a path, with our own `hint`. If `blocks`, the API server does not evaluate the object's CEL rules."""

    path: FieldPath
    message: str
    blocks: bool = False
    hint: str = ""


def overlaps(first: FieldPath, second: FieldPath) -> bool:
    """Return True if two paths are equal, or one contains the other."""
    return all(one == other for one, other in zip(first, second, strict=False))


def with_defaults(value: Any, schema: Schema) -> Any:
    """Return the value as the API server stores it: absent fields and null have the defaults of the schema."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        defaults = {
            name: child["default"]
            for name, child in properties.items()
            if "default" in child and value.get(name) is None
        }
        completed = value | defaults
        rest = schema.get("additionalProperties", {})
        return {name: with_defaults(child, properties.get(name, rest)) for name, child in completed.items()}
    if isinstance(value, list):
        return [with_defaults(item, schema.get("items", {})) for item in value]
    if isinstance(value, float) and value.is_integer() and schema.get("type") == "integer":
        return int(value)  # JSON knows one kind of number, so 5.0 is an integer there
    return value


def find_faults(value: Any, schema: Schema, path: FieldPath) -> Iterator[Fault]:
    """Yield every fault of a value that the schema refuses, except by its CEL rules."""
    if unknown := schema.keys() - _SUPPORTED:
        raise NotImplementedError(f"schema keywords that lint cannot check: {sorted(unknown)}")
    expected = schema["type"]
    if not _has_type(value, expected):
        yield wrong_type(path, value, expected)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Fault(path, f"is {value!r}; it can be: {', '.join(map(str, schema['enum']))}", blocks=True)
    match value:
        case dict():
            yield from _check_object(value, schema, path)
        case list():
            yield from _check_list(value, schema, path)
        case str():
            yield from _check_text(value, schema, path)
        case bool():
            pass
        case _:
            yield from _check_number(value, schema, path)


def wrong_type(path: FieldPath, value: Any, expected: str) -> Fault:
    """Return the fault for a value that does not have the expected type of JSON schema."""
    actual = "null" if value is None else _ACTUAL.get(type(value), type(value).__name__)
    return Fault(path, f"must be {_EXPECTED[expected]}; this is {actual}", blocks=True)


def _has_type(value: Any, expected: str) -> bool:
    return isinstance(value, _TYPES[expected]) and (expected == "boolean" or not isinstance(value, bool))


def _check_object(value: dict[str, Any], schema: Schema, path: FieldPath) -> Iterator[Fault]:
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
    if len(value) > schema.get("maxProperties", len(value)):
        yield Fault(path, f"may have at most {schema['maxProperties']} entries; it has {len(value)}", blocks=True)
    for name in schema.get("required", ()):
        if name not in value:
            yield Fault((*path, name), "is required", blocks=True)
    for name, field in value.items():
        child = properties.get(name, rest)
        if child is None:
            meant = meant_field(name, value, properties)
            advice = f"; did you mean {meant}?" if meant else _list_fields(properties)
            yield Fault((*path, name), f"is no field{advice}", blocks=True)
            if meant and meant not in value:  # its value is judged as the intended field's
                yield from find_faults(field, properties[meant], (*path, name))
        else:
            yield from find_faults(field, child, (*path, name))


def meant_field(name: str, value: dict[str, Any], properties: Schema) -> str | None:
    """Return the schema's field that a misspelt name probably means, preferably an absent one; None if no field is similar."""
    absent = [field for field in properties if field not in value]
    close = difflib.get_close_matches(name, absent, n=1) or difflib.get_close_matches(name, properties, n=1)
    return close[0] if close else None


def as_meant(value: Any, schema: Schema, path: FieldPath = ()) -> tuple[Any, dict[FieldPath, FieldPath]]:
    """Return the value with misspelt fields renamed to the probably intended fields, and without other unknown fields.

    The second returned value maps the new path of each renamed field to the path that was written.
    """
    if isinstance(value, list):
        items = [as_meant(item, schema.get("items", {}), (*path, index)) for index, item in enumerate(value)]
        return [item for item, _ in items], {new: old for _, renamed in items for new, old in renamed.items()}
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
    if not isinstance(value, dict) or schema.get("type") != "object":
        return value, {}
    known: dict[str, Any] = {}
    written: dict[FieldPath, FieldPath] = {}
    for name, field in value.items():
        child, to = properties.get(name, rest), name
        if child is None:
            to = meant_field(name, value, properties)
            if to is None or to in value or to in known:
                continue
            child, written[*path, to] = properties[to], (*path, name)
        known[to], renamed = as_meant(field, child, (*path, to))
        written |= renamed
    return known, written


def _list_fields(properties: Schema) -> str:
    return f"; there are: {', '.join(properties)}" if properties else ""


def _check_list(value: list[Any], schema: Schema, path: FieldPath) -> Iterator[Fault]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if len(value) < least:
        yield Fault(path, f"must have {least} or more items")
    if len(value) > most:
        yield Fault(path, f"may have at most {most} items; it has {len(value)}", blocks=True)
    for index, item in enumerate(value):
        yield from find_faults(item, schema["items"], (*path, index))
    if schema.get("x-kubernetes-list-type") in {"map", "set"}:
        yield from _find_duplicates(value, schema.get("x-kubernetes-list-map-keys", ()), path)


def _find_duplicates(value: list[Any], keys: Sequence[str], path: FieldPath) -> Iterator[Fault]:
    seen: list[Any] = []
    for index, item in enumerate(value):
        if keys and not isinstance(item, dict):  # has a fault of its own already
            continue
        identity = [item.get(key) for key in keys] if keys else item
        if identity in seen:
            shown = ", ".join(f"{key} {item[key]!r}" for key in keys if key in item) if keys else repr(item)
            yield Fault((*path, index), f"is twice in this list: {shown}")
        seen.append(identity)


def _check_text(value: str, schema: Schema, path: FieldPath) -> Iterator[Fault]:
    if len(value) < schema.get("minLength", 0):
        yield Fault(
            path, "must not be empty" if schema["minLength"] == 1 else f"needs {schema['minLength']} characters"
        )
    if len(value) > schema.get("maxLength", len(value)):
        yield Fault(path, f"may have at most {schema['maxLength']} characters; it has {len(value)}", blocks=True)
    match schema.get("format"):
        case "date" if not _parses(date.fromisoformat, value, length=10):
            yield Fault(path, f"is {value!r}, and must be a date such as 2026-12-24", blocks=True)
        case "date-time" if not _parses(datetime.fromisoformat, value):
            yield Fault(path, f"is {value!r}, and must be an instant such as 2026-12-24T09:00:00Z", blocks=True)


def _parses(parse: Any, value: str, length: int | None = None) -> bool:
    try:
        parse(value)
    except ValueError:
        return False
    return length is None or len(value) == length


def _check_number(value: float, schema: Schema, path: FieldPath) -> Iterator[Fault]:
    if value < schema.get("minimum", value):
        yield Fault(path, f"is {value}, and must be {schema['minimum']} or more")
    if value > schema.get("maximum", value):
        yield Fault(path, f"is {value}, and must be {schema['maximum']} or less")
