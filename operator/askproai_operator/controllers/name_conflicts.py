"""Finds in the cache who else holds a host, number or key, and returns the condition of the object that is refused it."""

from collections.abc import Collection, Mapping
from typing import Final

from askproai_operator import resources
from askproai_operator.api import Branch, CustomResource, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.controllers.webhook_urls import Address
from askproai_operator.grants import Holder, Subject, SubjectKind, find_other, holder_of, read_grant
from askproai_operator.plan_context import PlanContext

# The other tenant may belong to somebody else: its name stays out of a status that this one reads.
_SHARED: Final = {
    SubjectKind.RETELL_KEY: "another tenant has this Retell key, and who shares a workspace can sign for the other: use your own",
    SubjectKind.CALENDAR_KEY: "another tenant has this {calendar} key, and {calendar} would send each the bookings of the other:"
    " use the key of an account of your own",
}


def find_holder(model: CustomResource, subject: Subject, context: PlanContext, scope: str = "") -> Holder | None:
    """Return the other object that holds the subject, according to the cache; None if nobody holds it, or only `model` does."""
    child = context.cache.child(resources.CONFIG_MAPS, context.settings.namespace, subject.name)
    grant = read_grant(child.annotations) if child is not None else None
    return find_other(grant.holders, holder_of(model, scope)) if grant is not None else None


def is_of_other(branch: Branch, did: str, context: PlanContext) -> bool:
    """Return True if another branch holds this dialled number, by its grant: the status lists only public numbers."""
    return find_holder(branch, Subject(SubjectKind.NUMBER, did), context) is not None


def claimed_host_condition(address: Address) -> Condition:
    # The other tenant may belong to somebody else: its name stays out of a status that this one reads.
    text = (
        f"another tenant has {address.base_url} already, so nothing is routed here: choose another host or pathPrefix;"
        " whoever runs the platform can name the other"
    )
    return bad(ConditionType.EXPOSED, Reason.HOST_CLAIMED_TWICE, text)


def claimed_page_host_condition(host: str) -> Condition:
    """Return PageReady for a tenant whose page's host another tenant holds."""
    text = f"another tenant has {host} already, so the page is not published: choose another page.host"
    return bad(
        ConditionType.PAGE_READY, Reason.HOST_CLAIMED_TWICE, f"{text}; whoever runs the platform can name the other"
    )


def reserved_host_condition(tenant: Tenant, host: str, reserved: str) -> Condition:
    """Return Exposed for a tenant that names a host of the platform as its own; `reserved` describes its use."""
    path = f"/{tenant.metadata.namespace}/{tenant.metadata.name}"
    text = (
        f"{host} is {reserved}: leave exposure.host out, and be reached at {path} of the shared host, or choose another"
    )
    return bad(ConditionType.EXPOSED, Reason.HOST_RESERVED, text)


def reserved_page_host_condition(host: str, reserved: str) -> Condition:
    """Return PageReady for a tenant whose page's host is the platform's; `reserved` describes its use."""
    return bad(ConditionType.PAGE_READY, Reason.HOST_RESERVED, f"{host} is {reserved}: choose another page.host")


def claimed_numbers_condition(claimed: Mapping[str, str], own: Collection[str]) -> Condition:
    """Return NumbersValid, False, for a branch that lists other branches' numbers. `claimed` maps each number to its holder.

    Branches are named `namespace/name`; `own` are the branches of the same Tenant.
    """
    numbers = ", ".join(sorted(claimed))
    if all(holder in own for holder in claimed.values()):
        names = " and ".join(sorted({repr(holder.partition("/")[2]) for holder in claimed.values()}))
        text = (
            f"{numbers}: Branch {names} of this Tenant has it already; a number rings in one branch only, so take it out of"
            " one of them"
        )
        return bad(ConditionType.NUMBERS_VALID, Reason.NUMBER_CLAIMED_TWICE, text)
    # The other branch may belong to somebody else: its name stays out of a status that this tenant reads.
    text = (
        f"{numbers}: another branch has it already; a number rings in one branch only, so take it out of one of them; whoever"
        " runs the platform can name the other"
    )
    return bad(ConditionType.NUMBERS_VALID, Reason.NUMBER_CLAIMED_TWICE, text)


def shared_keys_condition(tenant: Tenant, kinds: Collection[SubjectKind]) -> Condition:
    """Return CredentialsValid for a Tenant whose keys another Tenant holds; `kinds` are the kinds of these keys."""
    calendar = tenant.spec.calendar.provider.label
    texts = [text.format(calendar=calendar) for kind, text in _SHARED.items() if kind in kinds]
    text = "; ".join([*texts, "whoever runs the platform can name the other"])
    return bad(ConditionType.CREDENTIALS_VALID, Reason.CREDENTIALS_SHARED, text)
