"""The grammar of each language that calls are answered in."""

from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.german_dates.english import ENGLISH
from askproai_runtime.german_dates.german import GERMAN
from askproai_runtime.german_dates.grammar import Grammar
from askproai_runtime.sentences import present_language

_GRAMMARS: Final = {Language.DE: GERMAN, Language.EN: ENGLISH}


def present_grammar() -> Grammar:
    """Return the grammar of the present call's language."""
    return _GRAMMARS[present_language()]
