"""Services that callers could not book, by the rules of the operator's conditions: no opening fits, or a name is not unique."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from askproai_cli.lint.findings import Finding, warn
from askproai_cli.lint.manifest import Manifest
from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.api.conditions import Status
from askproai_operator.controllers.offering import (
    active_offerings,
    name_condition,
    namesakes,
    openings_condition,
    staff_by_branch,
)


def check_services(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of services that would not be Ready by these files alone. Tenants with a refused manifest are left out."""
    by_tenant: dict[tuple[str, str | None], list[Manifest]] = defaultdict(list)
    for manifest in {manifest.identity: manifest for manifest in manifests}.values():
        by_tenant[manifest.identity.namespace, manifest.belongs_to()].append(manifest)
    for (_, tenant), of_tenant in by_tenant.items():
        if tenant is not None and not any(manifest.judged.faults for manifest in of_tenant):
            yield from _check_tenant(of_tenant)


def _check_tenant(manifests: Iterable[Manifest]) -> Iterator[Finding]:
    manifests = list(manifests)
    models = [manifest.model for manifest in manifests]
    branches = [model for model in models if isinstance(model, Branch)]
    offerings = active_offerings((model for model in models if isinstance(model, ServiceOffering)), branches)
    for manifest in manifests:
        offering = manifest.model
        if not isinstance(offering, ServiceOffering) or offering not in offerings:
            continue
        opening = openings_condition(offering, branches, staff_by_branch(offering, branches))
        name = name_condition(offering, namesakes(offering, offerings))
        for field, condition in (("durationMinutes", opening), ("displayName", name)):
            if condition.status != Status.TRUE:
                yield warn(manifest.document, ("spec", field), condition.message)
