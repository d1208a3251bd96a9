"""The closed lists of values for options and arguments, equal to those in `askproai_core.tenant_config`.

Importing that package would cost each command 30 ms, `--help` included; tests/unit/cli/test_start_up.py compares both lists.
"""

from enum import StrEnum


class ProviderChoice(StrEnum):
    """The values of `Provider`."""

    RETELL = "retell"
    CALCOM = "calcom"
