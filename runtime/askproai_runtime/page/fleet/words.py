"""The words of the fleet's page beside those that it shares with a tenant's (`askproai_runtime.page.words`).

Each language has a file of them: `german.toml`, `english.toml`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from askproai_core.tenant_config import Language
from askproai_runtime.page.words import read_words


class FleetWords(msgspec.Struct, frozen=True, kw_only=True):
    """One language. `unconfigured` has {key} and {length}, `no_role` {name} and {issuer}. `shown` is for templates."""

    fleet: str
    key_hint: str
    unconfigured: str
    back: str
    issuer_not_ready: str
    no_role: str
    shown: Mapping[str, Any]


FLEET_WORDS: Final = {
    Language.DE: read_words(Path(__file__).with_name("german.toml"), FleetWords),
    Language.EN: read_words(Path(__file__).with_name("english.toml"), FleetWords),
}
