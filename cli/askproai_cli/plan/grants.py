"""Finds other tenants' claims to the hosts and numbers of planned objects, by the grants in the operator's namespace."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from askproai_core.api_resource import LEASES
from askproai_core.kube import ApiError, HttpTransport
from askproai_operator import resources
from askproai_operator.api import Branch, CustomResource, Key, Tenant
from askproai_operator.api.conditions import Condition
from askproai_operator.controllers.name_conflicts import (
    claimed_host_condition,
    claimed_numbers_condition,
    claimed_page_host_condition,
    find_holder,
    reserved_host_condition,
    reserved_page_host_condition,
)
from askproai_operator.controllers.webhook_urls import address_of
from askproai_operator.grants import Subject, exposed_host, page_host, requested_subjects
from askproai_operator.installation_report import NAME, read_report
from askproai_operator.plan_context import PlanContext
from askproai_operator.resources import MANAGER
from askproai_operator.settings import Settings


@dataclass(frozen=True, slots=True)
class Claim:
    """A report on another tenant's claim to a host, number, key or event type; with `is_known` False, why that is unknown."""

    text: str
    is_known: bool = True


async def find_claims(
    models: Iterable[CustomResource], transport: HttpTransport, context: PlanContext
) -> dict[Key, Claim]:
    """Return, for each object that names a host or numbers, the operator's report on other holders, or why they are unknown.

    The grants are in the context's cache afterwards, so that the steps for agents leave out numbers of other tenants.
    """
    naming = {model.key: model for model in models if requested_subjects(model)}
    subjects = {subject for model in naming.values() for subject in requested_subjects(model)}
    problem = await read_grants(subjects, transport, context) if subjects else None
    if problem is not None:
        return {key: Claim(_not_known(model, problem), is_known=False) for key, model in naming.items()}
    found = {key: _claimed(model, context) for key, model in naming.items()}
    return {
        key: Claim(f"{claimed.type} would be {claimed.status}, {claimed.reason}: {claimed.message}")
        for key, claimed in found.items()
        if claimed is not None
    }


async def read_grants(subjects: Collection[Subject], transport: HttpTransport, context: PlanContext) -> str | None:
    """Read the grants of the subjects into the cache. Return why they could not be read; None if they were read."""
    namespace = context.settings.namespace
    try:
        if not await _has_operator(namespace, transport):
            return f"there is no operator in namespace {namespace}: name its own by --operator-namespace"
        paths = [resources.CONFIG_MAPS.path(namespace, subject.name) for subject in subjects]
        grants = await asyncio.gather(*map(transport.find, paths))
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return f"your account may not get ConfigMaps in {namespace}; apply, and read the condition, or ask who runs the platform"
    for grant in grants:
        if grant is not None:
            context.cache.put(resources.CONFIG_MAPS, grant)
    return None


async def _has_operator(namespace: str, transport: HttpTransport) -> bool:
    """Return True if an operator has worked in the namespace, or if the account may not find out."""
    try:
        return await transport.find(LEASES.path(namespace, MANAGER)) is not None
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return True


def _claimed(model: CustomResource, context: PlanContext) -> Condition | None:
    """Return the condition that the operator would set if another object holds the hosts or numbers; None without one."""
    if isinstance(model, Tenant) and (reserved := _reserved(model, context.settings)) is not None:
        return reserved
    others = {
        subject.value: f"{holder.namespace}/{holder.name}"
        for subject, scope in requested_subjects(model).items()
        if (holder := find_holder(model, subject, context, scope)) is not None
    }
    match model:
        case Tenant() if others and list(others) == [subject.value for subject in page_host(model)]:
            return claimed_page_host_condition(next(iter(others)))
        case Tenant() if others:
            return claimed_host_condition(address_of(model, context.settings.shared_base_url))
        case Branch() if others:
            own = context.relations.branches(model.metadata.namespace, model.spec.tenant_ref.name)
            return claimed_numbers_condition(others, {f"{each.key.namespace}/{each.key.name}" for each in own})
    return None


def _reserved(tenant: Tenant, settings: Settings) -> Condition | None:
    """Return the condition for a Tenant that names a host reserved for the platform; None if it names no reserved host."""
    for subject in exposed_host(tenant):
        if what := settings.what_is_reserved(subject.value):
            return reserved_host_condition(tenant, subject.value, what)
    for subject in page_host(tenant):
        if what := settings.what_is_reserved(subject.value):
            return reserved_page_host_condition(subject.value, what)
    return None


async def read_reported(settings: Settings, transport: HttpTransport) -> Settings:
    """Return the settings with the reserved hosts that the operator has reported; unchanged if the person may not read them."""
    try:
        found = await transport.find(resources.CONFIG_MAPS.path(settings.namespace, NAME))
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return settings
    report = read_report(found) if found is not None else None
    if report is None:
        return settings
    hosts = {"shared_base_url": report.shared_base_url, "fleet_page_host": report.fleet_page_host}
    return settings.model_copy(update=hosts)


def _not_known(model: CustomResource, problem: str) -> str:
    names = ", ".join(sorted(subject.value for subject in requested_subjects(model)))
    return f"not looked at: whether another tenant has {names} ({problem})"
