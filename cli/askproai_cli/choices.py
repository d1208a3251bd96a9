"""The closed lists that options and arguments offer. Their values are those of `askproai_core.tenant_config`.

To import that costs each command 30 ms, `--help` included; tests/unit/cli/test_start_up.py compares the two.
"""

from enum import StrEnum


class ProviderChoice(StrEnum):
    """The values of `Provider`."""

    RETELL = "retell"
    CALCOM = "calcom"


class LanguageChoice(StrEnum):
    """The values of `Language`."""

    DE = "de"
    EN = "en"
