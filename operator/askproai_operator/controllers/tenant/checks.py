"""What must hold before a Tenant's database, pods and webhook are touched. Pure."""

from askproai_core.clock import is_known_time_zone
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad
from askproai_operator.controllers.conditions import Check, condition_of
from askproai_operator.controllers.tenant.inputs import Inputs
from askproai_operator.providers import find_key_conflict

_KIND = ConditionType.CREDENTIALS_VALID


def secrets_incomplete(inputs: Inputs) -> Condition | None:
    """A Secret that the Tenant names does not exist, does not permit its use, or lacks a key.

    The reason is the first problem's, the message lists all.
    """
    problems = inputs.credentials.problems
    if not problems:
        return None
    return bad(_KIND, problems[0].reason, "; ".join(problem.message for problem in problems))


def keys_unusable(inputs: Inputs) -> Condition | None:
    """The host of a provider is not allowed, or Retell does not accept the key.

    A provider that does not answer stops a new tenant only: what runs already must not wait for the end of an outage.
    """
    if inputs.key_error is None:
        return None
    condition = condition_of(inputs.key_error, _KIND)
    return None if inputs.was_provisioned and condition.status is Status.UNKNOWN else condition


def retell_key_shared(inputs: Inputs) -> Condition | None:
    """An older Tenant uses the same Retell key."""
    if find_key_conflict(inputs.key_holder, inputs.other_key_holders) is None:
        return None
    # The other tenant may belong to somebody else: its name stays out of a status that this one reads.
    text = "another tenant uses this Retell key, and who shares a workspace can sign for the other: use your own"
    return bad(_KIND, Reason.CREDENTIALS_SHARED, text)


def time_zone_unknown(inputs: Inputs) -> Condition | None:
    """The API server knows the time zone, but not this image: pods that got it would fail each call."""
    zone = inputs.tenant.spec.time_zone
    if is_known_time_zone(zone):
        return None
    text = f"the pods do not know timeZone {zone}: write its usual name, such as Europe/Berlin; until then nothing is changed"
    return bad(ConditionType.RUNTIME_AVAILABLE, Reason.TIME_ZONE_UNKNOWN, text)


# The order is the precedence. The first failing check ends the reconcile.
CHECKS: tuple[Check[Inputs], ...] = (
    secrets_incomplete,  # CredentialsValid=False: SecretNotFound, SecretNotPermitted, SecretKeyMissing
    keys_unusable,  # =False: ProviderHostNotAllowed, CredentialsInvalid; =Unknown: ProviderUnavailable
    retell_key_shared,  # =False: CredentialsShared
    time_zone_unknown,  # RuntimeAvailable=False: TimeZoneUnknown
)
