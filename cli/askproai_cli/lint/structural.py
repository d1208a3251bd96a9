"""The structural half of a CRD's schema, as the API server holds it: defaults, unknown fields, types, bounds, unique items.

Only what our CRDs use is known here; another keyword is an error of the program, not a promise that silently lapses.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from askproai_cli.lint.documents import Path_

Schema = dict[str, Any]

_KNOWN: Final = frozenset({
    "type", "description", "properties", "required", "items", "additionalProperties", "default", "enum", "format", "minimum",
    "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-validations",
})  # fmt: skip
_TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_WORDS: Final = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
}
_ARTICLED: Final = {"object": "an object", "array": "a list", "string": "a text: put it in quotes", "integer": "a whole number",
                    "boolean": "true or false"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a path. `blocks`: the API server looks at no rule of an object that has one of these."""

    path: Path_
    message: str
    blocks: bool = False


def with_defaults(value: Any, schema: Schema) -> Any:
    """Give the value as the API server keeps it: what is absent gets its default, and null gives way to one, too."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        absent = {
            name: child["default"]
            for name, child in properties.items()
            if "default" in child and value.get(name) is None
        }
        kept = value | absent
        rest = schema.get("additionalProperties", {})
        return {name: with_defaults(one, properties.get(name, rest)) for name, one in kept.items()}
    if isinstance(value, list):
        return [with_defaults(one, schema.get("items", {})) for one in value]
    if isinstance(value, float) and value.is_integer() and schema.get("type") == "integer":
        return int(value)  # JSON knows one kind of number, so 5.0 is an integer there
    return value


def faults(value: Any, schema: Schema, path: Path_) -> Iterator[Fault]:
    """Give everything that the schema refuses in a value, its rules aside."""
    if unknown := schema.keys() - _KNOWN:
        raise NotImplementedError(f"schema keywords that lint cannot check: {sorted(unknown)}")
    wanted = schema["type"]
    if not _is(value, wanted):
        given = "null" if value is None else _WORDS.get(type(value), type(value).__name__)
        yield Fault(path, f"must be {_ARTICLED[wanted]}; this is {given}", blocks=True)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Fault(path, f"is {value!r}; it can be: {', '.join(map(str, schema['enum']))}", blocks=True)
    match value:
        case dict():
            yield from _of_object(value, schema, path)
        case list():
            yield from _of_list(value, schema, path)
        case str():
            yield from _of_text(value, schema, path)
        case bool():
            pass
        case _:
            yield from _of_number(value, schema, path)


def _is(value: Any, wanted: str) -> bool:
    return isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _of_object(value: dict[str, Any], schema: Schema, path: Path_) -> Iterator[Fault]:
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
    if len(value) > schema.get("maxProperties", len(value)):
        yield Fault(path, f"may have {schema['maxProperties']} entries; it has {len(value)}", blocks=True)
    for name in schema.get("required", ()):
        if name not in value:
            yield Fault((*path, name), "is required", blocks=True)
    for name, one in value.items():
        child = properties.get(name, rest)
        if child is None:
            close = difflib.get_close_matches(str(name), properties, n=1)
            yield Fault(
                (*path, str(name)), "is no field" + (f"; did you mean {close[0]}?" if close else ""), blocks=True
            )
        else:
            yield from faults(one, child, (*path, str(name)))


def _of_list(value: list[Any], schema: Schema, path: Path_) -> Iterator[Fault]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if len(value) < least:
        yield Fault(path, f"must have {least} or more items")
    if len(value) > most:
        yield Fault(path, f"may have {most} items; it has {len(value)}", blocks=True)
    for index, one in enumerate(value):
        yield from faults(one, schema["items"], (*path, index))
    if schema.get("x-kubernetes-list-type") in {"map", "set"}:
        yield from _twice(value, schema.get("x-kubernetes-list-map-keys", ()), path)


def _twice(value: list[Any], keys: Sequence[str], path: Path_) -> Iterator[Fault]:
    seen: list[Any] = []
    for index, one in enumerate(value):
        if keys and not isinstance(one, dict):  # of the wrong type, and told so
            continue
        name = [one.get(key) for key in keys] if keys else one
        if name in seen:
            told = ", ".join(f"{key} {one[key]!r}" for key in keys if key in one) if keys else repr(one)
            yield Fault((*path, index), f"stands twice in this list: {told}")
        seen.append(name)


def _of_text(value: str, schema: Schema, path: Path_) -> Iterator[Fault]:
    if len(value) < schema.get("minLength", 0):
        yield Fault(
            path, "must not be empty" if schema["minLength"] == 1 else f"needs {schema['minLength']} characters"
        )
    if len(value) > schema.get("maxLength", len(value)):
        yield Fault(path, f"may have {schema['maxLength']} characters; it has {len(value)}", blocks=True)
    match schema.get("format"):
        case "date" if not _reads(date.fromisoformat, value, length=10):
            yield Fault(path, f"is {value!r}, and must be a date such as 2026-12-24", blocks=True)
        case "date-time" if not _reads(datetime.fromisoformat, value):
            yield Fault(path, f"is {value!r}, and must be an instant such as 2026-12-24T09:00:00Z", blocks=True)


def _reads(reader: Any, value: str, length: int | None = None) -> bool:
    try:
        reader(value)
    except ValueError:
        return False
    return length is None or len(value) == length


def _of_number(value: float, schema: Schema, path: Path_) -> Iterator[Fault]:
    if value < schema.get("minimum", value):
        yield Fault(path, f"is {value}, and must be {schema['minimum']} or more")
    if value > schema.get("maximum", value):
        yield Fault(path, f"is {value}, and must be {schema['maximum']} or less")
