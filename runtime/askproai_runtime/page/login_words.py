"""The words of the login at an issuer, in German and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from askproai_runtime.admin_api import Role
from askproai_runtime.oidc import Failure


@dataclass(frozen=True, slots=True)
class LoginWords:
    """The page's words about a login at the tenant's issuer. `no_role` and `at` name the issuer's host, `no_role` the visitor,
    too."""

    at: str
    or_otherwise: str
    logged_in: str
    go_on: str
    no_role: str
    not_ready: str
    host_unknown: str
    failures: Mapping[Failure, str]
    roles: Mapping[Role, str]
    sessions: str
    sessions_hint: str
    role: str
    since: str
    last_seen: str
    nameless: str
    own: str


GERMAN: Final = LoginWords(
    at="Anmelden bei {issuer}",
    or_otherwise="Oder mit einem Zugangsschlüssel:",
    logged_in="Sie sind angemeldet.",
    go_on="Weiter",
    no_role="{name}, Sie sind bei {issuer} angemeldet, aber keine Ihrer Gruppen hat hier eine Rolle. Bitten Sie, wer diesen "
    "Betrieb verwaltet, eine Ihrer Gruppen unter page.oidc.roles einzutragen, oder Sie bei {issuer} in eine solche "
    "Gruppe aufzunehmen.",
    not_ready="Die Anmeldung ist noch nicht eingerichtet: das Secret aus page.oidc.clientSecretRef fehlt "
    "(kubectl describe tenant).",
    host_unknown="Diese Adresse kennt die Anmeldung nicht: Öffnen Sie http://localhost mit dem weitergeleiteten Port.",
    failures={
        Failure.BEGIN_AGAIN: "Die Anmeldung ist abgelaufen, oder sie begann in einem anderen Fenster. Bitte noch einmal.",
        Failure.DENIED: "Die Anmeldung wurde dort abgelehnt oder abgebrochen.",
        Failure.NOT_SET_UP: "Die Anmeldung ist nicht richtig eingerichtet: Client, Secret und Redirect-URI müssen beim Anbieter "
        "stimmen. Näheres steht im Log des Pods (page.login_failed).",
        Failure.UNAVAILABLE: "Der Anbieter der Anmeldung antwortet nicht. Bitte in einigen Minuten noch einmal.",
        Failure.NOT_VALID: "Die Antwort des Anbieters war nicht gültig, deshalb sind Sie nicht angemeldet. "
        "Näheres steht im Log des Pods (page.login_failed).",
    },
    roles={Role.OWNER: "Inhaber", Role.STAFF: "Team", Role.READER: "nur lesen"},
    sessions="Wer angemeldet ist",
    sessions_hint="Anmeldungen der letzten zwölf Stunden, die niemand beendet hat. Wer beendet wird, kann sich neu anmelden, "
    "solange Zugangsschlüssel oder Gruppe gelten.",
    role="Rolle",
    since="Seit",
    last_seen="Zuletzt gesehen",
    nameless="ohne Namen",
    own="Sie",
)

ENGLISH: Final = LoginWords(
    at="Log in at {issuer}",
    or_otherwise="Or with a token:",
    logged_in="You are logged in.",
    go_on="Continue",
    no_role="{name}, you are logged in at {issuer}, but none of your groups has a role here. Ask whoever manages this business to "
    "add one of your groups to page.oidc.roles, or to add you to such a group at {issuer}.",
    not_ready="The login is not set up yet: the Secret of page.oidc.clientSecretRef is missing (kubectl describe tenant).",
    host_unknown="The login does not know this address: open http://localhost with the forwarded port.",
    failures={
        Failure.BEGIN_AGAIN: "The login has expired, or it began in another window. Please try again.",
        Failure.DENIED: "The login was refused or cancelled there.",
        Failure.NOT_SET_UP: "The login is not set up correctly: client, secret and redirect URI must be right at the issuer. "
        "The pod's log has more (page.login_failed).",
        Failure.UNAVAILABLE: "The issuer of the login does not answer. Please try again in some minutes.",
        Failure.NOT_VALID: "The issuer's answer was not valid, so you are not logged in. "
        "The pod's log has more (page.login_failed).",
    },
    roles={Role.OWNER: "owner", Role.STAFF: "staff", Role.READER: "read only"},
    sessions="Who is logged in",
    sessions_hint="Logins of the last twelve hours that nobody has ended. Whose session is ended can log in again, as long as the "
    "token or the group is valid.",
    role="Role",
    since="Since",
    last_seen="Last seen",
    nameless="without a name",
    own="you",
)
