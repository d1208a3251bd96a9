"""Read arguments as bounded text; placeholders for nothing count as absent."""

from collections.abc import Mapping
from typing import Any

from askproai_runtime.language.placeholders import names_nothing

_MAX_ARGUMENT_LENGTH = 500


NOTES_LIMIT = 2_000  # characters of the notes of a booking: unknown fields are a part of them


def read_text(args: Mapping[str, Any], name: str, limit: int = _MAX_ARGUMENT_LENGTH) -> str | None:
    """Return an argument as trimmed, bounded text that PostgreSQL accepts (no NUL); None if it is missing or empty."""
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\0", "").strip()[:limit] or None


def read_said(args: Mapping[str, Any], name: str) -> str | None:
    """Return an argument like `read_text`; None also for a model's placeholder for nothing (`null`, `keine`)."""
    text = read_text(args, name)
    return None if text is None or names_nothing(text) else text
