"""Read settings from environment variables with msgspec, which is loaded anyway: other libraries' models cost 5 MB per process."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

PREFIX = "ASKPROAI_"
Port = Annotated[int, Meta(ge=0, le=65535)]
LogLevel = Annotated[str, Meta(pattern=r"(?i)^(debug|info|warning|error)\Z")]
TracingEndpoint = Annotated[str, Meta(pattern=r"^(https?://[^/\s]\S*)?\Z")]
S = TypeVar("S", bound=msgspec.Struct)


class WrongVariables(ValueError):
    """Some variables have invalid values. The message names each variable, and the expected value."""


def read_variables(kind: type[S], variables: Mapping[str, str] = os.environ) -> S:
    """Return settings, each from the variable `ASKPROAI_<NAME>` or its default. Raises `WrongVariables` for all errors at once.

    Names may be lower-case, and blanks and line breaks around a value do not matter.
    """
    found = {name.upper(): value.strip() for name, value in variables.items()}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in msgspec.structs.fields(kind):
        name = PREFIX + field.name.upper()
        if name not in found:
            continue
        try:
            values[field.name] = msgspec.convert(found[name], field.type, strict=False, dec_hook=_to_path)
        except msgspec.ValidationError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise WrongVariables(", ".join(faults))
    return kind(**values)


def _to_path(kind: type, value: Any) -> Any:
    """Convert a text to `Path`, the only type of our settings that msgspec does not know."""
    if kind is not Path:
        raise NotImplementedError(kind)
    return Path(value)
