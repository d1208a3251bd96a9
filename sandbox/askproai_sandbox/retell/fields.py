"""The types of request bodies, made from the tables in `fields.yaml`, and the validation of a JSON body against a type."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import msgspec
import yaml
from msgspec import Meta

from askproai_sandbox.simulator import Refusal

TABLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("fields.yaml").read_text(encoding="utf-8"))
_PLAIN: Mapping[str, Any] = {
    "text": str,
    "flag": bool,
    "any": Any,
    "url": Annotated[str, Meta(pattern=r"^((https?|wss?)://|\{\{)")],
    "e164": Annotated[str, Meta(pattern=r"^\+[1-9]\d{6,14}$")],
    "tool_name": Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")],
}


def body_type(table: str, *required: str, **more: str) -> Any:
    """Return the type of a request body. It has the fields of a table in `fields.yaml` and `more`; `required` must be sent."""
    fields = {f"{key}!" if key in required else key: spec for key, spec in TABLES[table].items()}
    return _object(fields | more)


def checked(type_: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Return the body if it has the type `type_`. Raises Refusal with status 422 if it does not."""
    try:
        msgspec.convert(body, type_)
    except msgspec.ValidationError as error:
        raise Refusal(422, f"request/body: {error}") from None
    return body


def _type(spec: Any) -> Any:
    """Return the type that an entry of a table describes; `fields.yaml` explains the notation at its top."""
    if isinstance(spec, list):
        return list[_type(spec[0])]  # type: ignore[misc]  # types made at run time, here and below
    if isinstance(spec, dict):
        if "kinds" not in spec:
            return _object(spec)
        return Union[tuple(_object(spec.get("common", {}) | own, tag) for tag, own in spec["kinds"].items())]  # noqa: UP007
    if " or " in spec:
        return Union[tuple(map(_type, spec.split(" or ")))]  # noqa: UP007
    if spec[0] == "$":
        return _type(TABLES["types"][spec[1:]])
    if spec[0] == "[":
        return list[_type(spec[1:-1])]  # type: ignore[misc]
    if spec[0] == "{":
        return dict[str, _type(spec[1:-1])]  # type: ignore[misc]
    if spec in _PLAIN:
        return _PLAIN[spec]
    if "|" in spec:
        return Literal[tuple(value for value in spec.split("|") if value)]
    number: Any = int if spec.startswith("int ") else float
    low, _, high = spec.removeprefix("int ").partition("..")
    return Annotated[number, Meta(ge=number(low), le=number(high) if high else None)]


def _object(fields: Mapping[str, Any], tag: str | None = None) -> Any:
    members: list[Any] = []
    for name, spec in fields.items():
        kind = _type(spec)
        if name.endswith("!"):
            members.append((name[:-1], kind))
        elif name.endswith("~"):
            members.append((name[:-1], kind | None, None))
        else:
            members.append((name, kind, None))  # may be absent, but not null
    return msgspec.defstruct(
        "Body", members, kw_only=True, forbid_unknown_fields=True, tag=tag, tag_field="type" if tag else None
    )
