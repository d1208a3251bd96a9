"""What a language model passed as arguments, made regular. It may send numbers for texts, nulls, blanks, or no object at all."""

from typing import Any

_BOOLEANS = {"true": True, "ja": True, "yes": True, "false": False, "nein": False, "no": False}
_FLAGS = frozenset({"another"})
MOST_CHARACTERS = 500


def said(args: Any) -> dict[str, Any]:
    """Give the arguments that say something: texts, trimmed and bounded; flags as booleans. The rest counts as not said."""
    if not isinstance(args, dict):
        return {}
    regular = {str(name): _regular(str(name), value) for name, value in args.items()}
    return {name: value for name, value in regular.items() if value is not None}


def _regular(name: str, value: Any) -> str | bool | None:
    match value:
        case bool():
            return value if name in _FLAGS else None
        case str() if value.strip():
            text = value.strip()[:MOST_CHARACTERS]
            return _BOOLEANS.get(text.casefold(), False) if name in _FLAGS else text
        case int() | float():
            return str(value)
        case _:
            return None
