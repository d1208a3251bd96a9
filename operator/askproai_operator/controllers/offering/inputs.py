"""Reads the objects on which a ServiceOffering depends: its references and related objects, and its event types at Cal.com."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from askproai_core.providers import CredentialRefused, Json, ProviderError, ProviderUnavailable
from askproai_operator.api import Branch, ServiceOffering, Tenant
from askproai_operator.api.conditions import ConditionType, Reason
from askproai_operator.api.offering import EventType
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import References, resolve_references
from askproai_operator.controllers.grant import report_refusal
from askproai_operator.controllers.name_conflicts import find_holder
from askproai_operator.controllers.offering.status import event_type_fits
from askproai_operator.credentials import Credentials, event_types_of, own_key_file, own_key_refs, read_optional_keys
from askproai_operator.engine import TOKEN_ANNOTATION, find_condition
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.providers import CredentialProblem, hash_key
from askproai_operator.services import active_offerings

# The other tenant may belong to somebody else: its name stays out of a status that this one reads.
_SHARED = (
    "another tenant has this Cal.com key, and Cal.com would send each the bookings of the other: use another account's; "
    "whoever runs the platform can name the other"
)

_Answer = Json | CredentialProblem | ProviderError | None
EventTypes = Sequence[tuple[EventType, _Answer]]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The state of the cluster around a ServiceOffering. The lists are empty if its Branch or Tenant is missing."""

    references: References
    branches: Sequence[Branch] = ()  # of the tenant
    offerings: Sequence[ServiceOffering] = ()  # of the tenant, this one among them
    neighbours: Sequence[ServiceOffering] = ()  # those that are active


async def gather(offering: ServiceOffering, context: ReconcileContext) -> Inputs:
    """Read the offering's references and related objects from the cache; ask the API server only about a missing reference."""
    references = await resolve_references(offering, context)
    if references.absence is not None or references.tenant is None:
        return Inputs(references)
    namespace, tenant = offering.metadata.namespace, references.tenant.metadata.name
    branches, offerings = context.relations.branches(namespace, tenant), context.relations.offerings(namespace, tenant)
    return Inputs(references, branches, offerings, active_offerings(offerings, branches))


async def read_usable_own_keys(
    offering: ServiceOffering, tenant: Tenant, context: ReconcileContext
) -> dict[str, str | CredentialProblem]:
    """Return staff members' own keys by mounted file; a problem for an unusable key, or one that another tenant holds."""
    found = await read_optional_keys(own_key_refs([offering]), offering.metadata.namespace, context)
    is_known = find_condition(offering, ConditionType.CALENDAR_LINKED).get("reason") == Reason.CREDENTIALS_SHARED
    for file, key in found.items():
        subject = (
            Subject(SubjectKind.CALENDAR_KEY, hash_key(context.installation_id, key)) if isinstance(key, str) else None
        )
        holder = find_holder(tenant, subject, context) if subject is not None else None
        if subject is not None and holder is not None:
            if not is_known:
                await report_refusal(offering, subject, holder, context)
            found[file] = CredentialProblem(Reason.CREDENTIALS_SHARED, _SHARED)
    return found


async def read_event_types(
    offering: ServiceOffering,
    credentials: Credentials,
    own_keys: Mapping[str, str | CredentialProblem],
    context: ReconcileContext,
) -> EventTypes:
    """Return each event type that the spec names, with Cal.com's `data` object, None if the id does not exist, or the problem.

    Each event type is remembered by itself: with more event types than the request budget, a service has all of them after
    some runs. A staff member's unusable key, or another failure, affects only that event type. Raises CredentialRefused if Cal.com
    does not accept the tenant's key, and HostNotAllowed.
    """
    assert credentials.calcom_key, "calendar_key_missing reports it"
    base_url, entries, looks = credentials.calendar_base_url, event_types_of(offering), context.memory.looks
    looks.retain(offering.key, {_look_name(entry) for entry in entries})
    answers: dict[int, _Answer] = {}  # by the position of the entry
    away: ProviderUnavailable | None = None
    # In an outage, each run requests one event type, which is the last in the next run: it must not block the others.
    for position in sorted(
        range(len(entries)), key=lambda each: looks.failed_until(offering.key, _look_name(entries[each]))
    ):
        ref = entries[position].api_key_secret_ref
        key = credentials.calcom_key if ref is None else own_keys[own_key_file(ref)]
        answer = away or await _read_event_type(offering, entries[position], base_url, key, context)
        away = answer if isinstance(answer, ProviderUnavailable) else None
        answers[position] = answer
    return [(entry, answers[position]) for position, entry in enumerate(entries)]


async def _read_event_type(
    offering: ServiceOffering, entry: EventType, base_url: str, key: str | CredentialProblem, context: ReconcileContext
) -> _Answer:
    """Return Cal.com's data of one event type, or the problem of reading it. Raises CredentialRefused for the tenant's key."""
    if isinstance(key, CredentialProblem):
        return key
    # Every edit of the service leads to a new look.
    edits = (offering.metadata.uid, offering.metadata.generation, offering.metadata.annotations.get(TOKEN_ANNOTATION))
    source = (*edits, base_url, hash_key(context.installation_id, key))
    client = context.providers.calcom(base_url, key)

    async def read() -> bytes:  # remembered for each service of each tenant: as objects, three times as large
        return json.dumps(await client.get_event_type(entry.event_type_id)).encode()

    def fits(answer: bytes) -> bool:
        return event_type_fits(offering, entry, json.loads(answer))

    try:
        answer = await context.look(offering.key, _look_name(entry), source, read, is_good=fits)
    except CredentialRefused as error:
        ref = entry.api_key_secret_ref
        if ref is not None:
            text = f"{error}; put a valid key into key {ref.key!r} of Secret {ref.name!r}"
            return CredentialProblem(Reason.CREDENTIALS_INVALID, text)
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise
        return error  # 403 is about this event type
    except ProviderError as error:
        return error
    event_type: Json | None = json.loads(answer)
    return event_type


def _look_name(entry: EventType) -> Hashable:
    ref = entry.api_key_secret_ref
    return entry.event_type_id, own_key_file(ref) if ref is not None else None
