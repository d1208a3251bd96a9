"""The CEL rules of a CRD, evaluated by the library of CEL's authors with the functions that Kubernetes adds."""

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from askproai_cli.lint.documents import FieldPath
from askproai_cli.lint.structural import Fault, Schema, overlaps

# `self.spec.adopt`, `self.?status.?agentId`; a name before a parenthesis is a function.
_READ: Final = re.compile(r"\bself\b((?:\.\??\w+\b(?!\())*)")


class CelMissing(RuntimeError):
    """The CEL library is not installed."""

    def __init__(self) -> None:
        super().__init__("askproai lint needs the CEL library: pip install 'askproai[lint]'")


def broken_rules(
    value: Any, old: Any, schema: Schema, path: FieldPath, unjudged: Collection[FieldPath] = ()
) -> Iterator[Fault]:
    """Yield a fault for each rule that a value or its descendants break. `old` is the value before an update; None: new.

    Each mistake is reported once: a rule is left out if it reads an `unjudged` path, or a part of the value that itself breaks
    a rule. Raises `CelMissing`.
    """
    if path in unjudged:
        return
    inner = list(_broken_within(value, old, schema, path, unjudged))
    yield from inner
    unjudged = {*unjudged, *(fault.path for fault in inner)}
    for rule in schema.get("x-kubernetes-validations", ()):
        if not _reads_any(rule["rule"], path, unjudged) and not _holds(rule, value, old):
            field = tuple(part for part in rule.get("fieldPath", "").split(".") if part)
            yield Fault((*path, *field), rule["message"])


def _broken_within(
    value: Any, old: Any, schema: Schema, path: FieldPath, unjudged: Collection[FieldPath]
) -> Iterator[Fault]:
    if isinstance(value, dict):
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
        old_fields = old if isinstance(old, dict) else {}
        for name, child in value.items():
            yield from broken_rules(child, old_fields.get(name), properties.get(name, rest), (*path, name), unjudged)
    elif isinstance(value, list):  # our transition rules are on fields, never inside lists
        for index, item in enumerate(value):
            yield from broken_rules(item, None, schema.get("items", {}), (*path, index), unjudged)


def _reads_any(expression: str, path: FieldPath, unjudged: Collection[FieldPath]) -> bool:
    """Return True if a rule at `path` reads an unjudged path, or one that contains an unjudged path or lies within it."""
    if not unjudged:
        return False
    read = {(*path, *(name.lstrip("?") for name in names.split(".")[1:])) for names in _READ.findall(expression)}
    return any(overlaps(each, other) for each in read for other in unjudged)


def _holds(rule: dict[str, Any], value: Any, old: Any) -> bool:
    environment = _environment()
    data = {"self": value}
    if rule.get("optionalOldSelf"):
        data["oldSelf"] = _optional(old)
    elif "oldSelf" in rule["rule"]:
        if old is None:  # a transition rule does not apply to a new object
            return True
        data["oldSelf"] = old
    # An evaluation error, such as an unknown time zone, breaks the rule, as it does in the API server.
    return environment.compile(rule["rule"]).eval(data=data).plain_value() is True


def _optional(old: Any) -> Any:
    if old is None:
        return _environment().compile("optional.none()").eval()
    return _environment().compile("optional.of(self)").eval(data={"self": old})


def _is_url(text: str) -> bool:
    """Return True if Go's `url.ParseRequestURI` accepts a text: an absolute URL or an absolute path."""
    split = _split_url(text)
    return split is not None and (bool(split.scheme) or text.startswith("/"))


def _split_url(text: str) -> SplitResult | None:
    if not text.isprintable() or any(character in text for character in ' <>"{}|\\^`'):
        return None
    try:
        split = urlsplit(text)
        _ = split.port  # raises ValueError for an invalid port
    except ValueError:
        return None
    return split


@cache
def _environment() -> Any:
    try:
        from cel_expr_python import cel
        from cel_expr_python.ext.ext_optional import ExtOptional
    except ImportError as error:
        raise CelMissing from error
    text, boolean, anything, number = cel.Type.STRING, cel.Type.BOOL, cel.Type.DYN, cel.Type.INT

    def function(name: str, impl: Any, result: Any, argument: Any, *, member: bool) -> Any:
        return cel.FunctionDecl(name, [cel.Overload(f"kubernetes_{name}", result, [argument], member, impl)])

    urls = cel.CelExtension(
        "kubernetes.url",
        [
            function("isURL", _is_url, boolean, text, member=False),
            function("url", lambda url: {"url": url}, anything, text, member=False),
            function("getScheme", lambda url: urlsplit(url["url"]).scheme, text, anything, member=True),
            function("getHostname", lambda url: urlsplit(url["url"]).hostname or "", text, anything, member=True),
        ],
    )
    lists = cel.CelExtension("kubernetes.lists", [function("sum", sum, number, anything, member=True)])
    return cel.NewEnv(variables={"self": anything, "oldSelf": anything}, extensions=[ExtOptional(), urls, lists])
