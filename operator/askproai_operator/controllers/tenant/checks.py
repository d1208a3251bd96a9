"""Checks before anything of a Tenant is written: Secrets, keys and time zone. Each returns a condition if it fails. Pure."""

from dataclasses import replace

from askproai_core.time_zones import is_known_time_zone
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad
from askproai_operator.controllers.conditions import Check, condition_of
from askproai_operator.controllers.name_conflicts import shared_keys_condition
from askproai_operator.controllers.tenant.run import Inputs
from askproai_operator.engine import TOKEN_ANNOTATION
from askproai_operator.status_reads import KEYS_TRIED_AGAIN

_KIND = ConditionType.CREDENTIALS_VALID


def secrets_incomplete(inputs: Inputs) -> Condition | None:
    """Return CredentialsValid if a Secret that the Tenant names does not exist, does not permit its use, or lacks a key.

    The reason is that of the first problem; the message lists all problems.
    """
    problems = inputs.credentials.problems
    if not problems:
        return None
    return bad(_KIND, problems[0].reason, "; ".join(problem.message for problem in problems))


def keys_unusable(inputs: Inputs) -> Condition | None:
    """Return CredentialsValid if a provider's host is forbidden, Retell refuses the key, or the key of a new tenant is
    untested.

    A provider that does not answer stops a new tenant only: running tenants must not wait for the end of an outage.
    """
    if inputs.key_error is None:
        return None
    condition = condition_of(inputs.key_error, _KIND)
    if condition.reason is Reason.CREDENTIALS_INVALID and inputs.key_test_due is not None:
        name, namespace = inputs.tenant.metadata.name, inputs.tenant.metadata.namespace
        now = f"kubectl annotate tenants.askproai.de {name} -n {namespace} {TOKEN_ANNOTATION}=$(date +%s) --overwrite"
        when = f"{KEYS_TRIED_AGAIN} {inputs.key_test_due:%H:%M} UTC, at once when the Secret changes, or now: {now}"
        condition = replace(condition, message=f"{condition.message}; {when}")
    return None if inputs.was_provisioned and condition.status is Status.UNKNOWN else condition


def keys_shared(inputs: Inputs) -> Condition | None:
    """Return CredentialsValid if another Tenant holds the same key of Retell or the calendar."""
    return shared_keys_condition(inputs.tenant, inputs.shared_keys) if inputs.shared_keys else None


def time_zone_unknown(inputs: Inputs) -> Condition | None:
    """Return a condition if this image does not know the time zone, though the API server does: pods would fail each call."""
    zone = inputs.tenant.spec.time_zone
    if is_known_time_zone(zone):
        return None
    text = f"the pods do not know timeZone {zone}: write its usual name, such as Europe/Berlin; until then nothing is changed"
    return bad(ConditionType.RUNTIME_AVAILABLE, Reason.TIME_ZONE_UNKNOWN, text)


# The order is the precedence. The first failing check ends the reconcile.
CHECKS: tuple[Check[Inputs], ...] = (
    secrets_incomplete,  # CredentialsValid=False: SecretNotFound, SecretNotPermitted, SecretKeyMissing
    keys_unusable,  # =False: ProviderHostNotAllowed, CredentialsInvalid; =Unknown: ProviderUnavailable
    keys_shared,  # =False: CredentialsShared
    time_zone_unknown,  # RuntimeAvailable=False: TimeZoneUnknown
)
