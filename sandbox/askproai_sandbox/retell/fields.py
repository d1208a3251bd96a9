"""Reads `fields.yaml`, the tables of Retell's fields, and checks JSON bodies against them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

Check = Callable[[Any], str | None]  # None for a good value, else what is wrong with it

TABLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("fields.yaml").read_text(encoding="utf-8"))
_PLAIN: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "text": (lambda v: isinstance(v, str), "must be string"),
    "flag": (lambda v: isinstance(v, bool), "must be boolean"),
    "any": (lambda _v: True, ""),
    "url": (lambda v: isinstance(v, str) and re.match(r"(https?|wss?)://|\{\{", v), "must be a URL"),
    "e164": (lambda v: isinstance(v, str) and re.fullmatch(r"\+[1-9]\d{6,14}", v), "must be E.164"),
    "tool_name": (
        lambda v: isinstance(v, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", v),
        "must match pattern [A-Za-z0-9_-]{1,64}",
    ),
}


def check_for(spec: Any) -> Check:
    """Make the check that a table's entry describes; the notation stands at the head of `fields.yaml`."""
    if isinstance(spec, list):
        return _each(check_for(spec[0]))
    if isinstance(spec, dict):
        return _tagged(spec) if "by" in spec else _record(spec)
    if " or " in spec:
        return _either([check_for(part) for part in spec.split(" or ")])
    if spec[0] == "$":
        return check_for(TABLES["types"][spec[1:]])
    if spec[0] in "[{":
        return _each(check_for(spec[1:-1]), keyed=spec[0] == "{")
    if spec in _PLAIN:
        good, wrong = _PLAIN[spec]
        return lambda value: None if good(value) else wrong
    if "|" in spec:
        values = [value for value in spec.split("|") if value]
        return lambda value: None if value in values else f"must be one of {', '.join(values)}"
    return _range(spec)


def _range(spec: str) -> Check:
    kind: Any = int if spec.startswith("int ") else (int, float)
    low, _, high = spec.removeprefix("int ").partition("..")

    def check(value: Any) -> str | None:
        numeric = isinstance(value, kind) and not isinstance(value, bool)
        return None if numeric and float(low) <= value <= float(high or "inf") else f"must be {spec}"

    return check


def _either(checks: list[Check]) -> Check:
    return lambda value: None if any(check(value) is None for check in checks) else checks[0](value)


def _each(check: Check, *, keyed: bool = False) -> Check:
    def check_all(value: Any) -> str | None:
        kind: Any = dict if keyed else list
        if not isinstance(value, kind):
            return f"must be {'object' if keyed else 'array'}"
        items = value.items() if keyed else enumerate(value)
        return next((f"/{at} {wrong}" for at, item in items if (wrong := check(item))), None)

    return check_all


def _record(fields: Mapping[str, Any]) -> Check:
    checks = {name.rstrip("!~"): check_for(spec) for name, spec in fields.items()}
    required = [name[:-1] for name in fields if name.endswith("!")]
    clearable = {name[:-1] for name in fields if name.endswith("~")}

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "must be object"
        for name in required:
            if name not in value:
                return f"must have required property '{name}'"
        for name, item in value.items():
            if name not in checks:
                return f"must NOT have additional properties: '{name}'"
            wrong = None if item is None and name in clearable else checks[name](item)
            if wrong:
                return f"/{name} {wrong}"
        return None

    return check


def _tagged(spec: Mapping[str, Any]) -> Check:
    tag = spec["by"]
    kinds = {k: _record({tag: "text", **spec.get("common", {}), **own}) for k, own in spec["kinds"].items()}

    def check(value: Any) -> str | None:
        if not isinstance(value, dict) or value.get(tag) not in kinds:
            return f"/{tag} must be one of {', '.join(kinds)}"
        return kinds[value[tag]](value)

    return check


def table(name: str, *required: str, **more: str) -> Check:
    """Make the check of a whole body: a table, with some of its fields required and some more."""
    fields = {f"{key}!" if key in required else key: spec for key, spec in TABLES[name].items()}
    return _record(fields | more)
