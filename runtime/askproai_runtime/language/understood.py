"""The words of callers and models that are understood: one file for each language, by sections and keys.

Callers and models mix languages, so that in each call the words of all languages count: `UNDERSTOOD` has them together. A new
language is a file with the same keys; `understood_words.py` explains its values.
"""

from pathlib import Path

from askproai_core.tenant_config import Language
from askproai_runtime.understood_words import not_behind, read_understood

__all__ = ["UNDERSTOOD", "UNDERSTOOD_IN", "not_behind"]

UNDERSTOOD_IN, UNDERSTOOD = read_understood({
    language: Path(__file__).with_name(language.words_file) for language in Language
})  # fmt: skip
