"""The words of the fleet's page beside those that it shares with a tenant's (`askproai_runtime.page.words`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from askproai_core.fleet import Drift
from askproai_core.tenant_config import Language
from askproai_runtime.page.fleet.selection import State


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetWords:
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


GERMAN: Final = FleetWords(
    fleet="Alle Mandanten", platform="Plattform",
    key_hint="Der Schlüssel FLEET_TOKEN aus dem Secret von fleetPage.existingSecret.",
    unconfigured="Diese Seite ist nicht eingerichtet. Legen Sie im Namespace des Coordinators ein Secret mit dem Schlüssel {key} an"
    " (mindestens {length} Zeichen) und nennen Sie es dem Chart als fleetPage.existingSecret.",
    issuer_not_ready="Die Anmeldung ist noch nicht eingerichtet: das Secret aus fleetPage.oidc.existingSecret fehlt.",
    no_role="{name}, Sie sind bei {issuer} angemeldet, aber keine Ihrer Gruppen steht in fleetPage.oidc.platformGroups.",
    back="Zurück zu allen Mandanten", search="Suche", search_hint="Name, Zustand oder Ursache", find="Suchen",
    all_found="Suche aufheben", none_found="Kein Mandant passt.", none_there="Es gibt keine Mandanten.",
    reading="Die Mandanten werden noch gelesen.", not_current="Nicht aktuell: der API-Server antwortet nicht wie erwartet.",
    tenants="Mandanten", tenant="Mandant", since="seit", calls="Anrufe 24\u00a0h", booked="Gebucht %", budget="Budget %",
    waiting="Wartend", dead="Gescheitert", drift="Abweichung", release="Version", releases="Versionen",
    circuits="Schutzschalter für alle", circuit_open="offen", leader="Leitung", nobody="niemand", not_read="nicht lesbar",
    previous="Zurück", following="Weiter", show_all="Alle zeigen", of="von", own_page="Die Seite dieses Mandanten",
    own_page_hint="Im Terminal ausführen, dann http://localhost:8081 öffnen:", describe="Alles, was der Cluster dazu weiß:",
    conditions="Zustände, der schlechteste Teil zuerst", object="Objekt", condition="Bedingung",
    message="Meldung, und was zu tun ist",
    states={
        State.ALL: "Alle", State.FAILING: "Gestört", State.OVER_BUDGET: "Budget verbraucht", State.INTENDED: "Angehalten",
        State.GOOD: "In Ordnung", State.DRIFT: "Abweichend",
    },
    drifts={Drift.DRIFTED: "bei Retell geändert", Drift.PLANNED: "Plan wartet"},
)  # fmt: skip

ENGLISH: Final = FleetWords(
    fleet="All tenants", platform="platform",
    key_hint="FLEET_TOKEN of the Secret that fleetPage.existingSecret names.",
    unconfigured="This page is not set up. Create a Secret with the key {key} (at least {length} characters) in the coordinator's"
    " namespace, and name it to the chart as fleetPage.existingSecret.",
    issuer_not_ready="The login is not set up yet: the Secret of fleetPage.oidc.existingSecret is missing.",
    no_role="{name}, you are logged in at {issuer}, but none of your groups is in fleetPage.oidc.platformGroups.",
    back="Back to all tenants", search="Search", search_hint="name, state or cause", find="Search",
    all_found="Clear search", none_found="No tenant matches.", none_there="There are no tenants.",
    reading="The tenants are still being read.", not_current="Not current: the API server does not answer as expected.",
    tenants="Tenants", tenant="Tenant", since="since", calls="Calls 24\u00a0h", booked="Booked %", budget="Budget %",
    waiting="Waiting", dead="Dead", drift="Drift", release="Release", releases="Releases",
    circuits="Circuits over all", circuit_open="open", leader="Leader", nobody="nobody", not_read="cannot be read",
    previous="Previous", following="Next", show_all="Show all", of="of", own_page="This tenant's own page",
    own_page_hint="Run it in a terminal, then open http://localhost:8081:", describe="All that the cluster knows of it:",
    conditions="Conditions, the worst part first", object="Object", condition="Condition", message="Message, and what to do",
    states={
        State.ALL: "All", State.FAILING: "Failing", State.OVER_BUDGET: "Over budget", State.INTENDED: "Paused",
        State.GOOD: "Good", State.DRIFT: "Drift",
    },
    drifts={Drift.DRIFTED: "changed at Retell", Drift.PLANNED: "plan waits"},
)  # fmt: skip

FLEET_WORDS: Final[Mapping[Language, FleetWords]] = {Language.DE: GERMAN, Language.EN: ENGLISH}
