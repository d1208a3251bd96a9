"""The grammar of each language that calls are answered in."""

from functools import cache

from askproai_core.tenant_config import Language
from askproai_runtime.german_dates.german import GERMAN
from askproai_runtime.german_dates.grammar import Grammar
from askproai_runtime.sentences import present_language


def present_grammar() -> Grammar:
    """Return the grammar of the present call's language."""
    return _english() if present_language() is Language.EN else GERMAN


@cache
def _english() -> Grammar:
    """Import the English tables when they are first used: 10 ms, for which neither a command nor a pod in German waits."""
    from askproai_runtime.german_dates.english import ENGLISH  # noqa: PLC0415

    return ENGLISH
