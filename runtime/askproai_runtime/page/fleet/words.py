"""The words of the fleet's page beside those that it shares with a tenant's (`askproai_runtime.page.words`).

Each language has a file of them: `german.toml`, `english.toml`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from askproai_core.fleet import Drift
from askproai_core.tenant_config import Language
from askproai_runtime.page.fleet.selection import State


class FleetWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language. `unconfigured` has {key} and {length}, `no_role` {name} and {issuer}."""

    fleet: str
    platform: str
    key_hint: str
    unconfigured: str
    back: str
    issuer_not_ready: str
    no_role: str
    search: str
    search_hint: str
    find: str
    all_found: str
    none_found: str
    none_there: str
    reading: str
    not_current: str
    tenants: str
    tenant: str
    since: str
    calls: str
    booked: str
    budget: str
    waiting: str
    dead: str
    drift: str
    release: str
    releases: str
    circuits: str
    circuit_open: str
    leader: str
    nobody: str
    not_read: str
    previous: str
    following: str
    show_all: str
    of: str
    own_page: str
    own_page_hint: str
    describe: str
    conditions: str
    object: str
    condition: str
    message: str
    states: Mapping[State, str]
    drifts: Mapping[Drift, str]


FLEET_WORDS: Final = {
    language: msgspec.toml.decode(Path(__file__).with_name(file).read_bytes(), type=FleetWords)
    for language, file in ((Language.DE, "german.toml"), (Language.EN, "english.toml"))
}
