"""The manifests of one run: each with its faults, and the well-formed part of its spec for the checks across manifests."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from askproai_cli.lint.documents import Document
from askproai_cli.lint.findings import Identity, identity_of
from askproai_cli.lint.judge import Judged
from askproai_core.phone_numbers import e164_or_none, home_region
from askproai_operator.api import CustomResource


@dataclass(frozen=True, slots=True)
class Manifest:
    """One manifest of our API group."""

    document: Document
    judged: Judged

    @property
    def identity(self) -> Identity:
        return identity_of(self.document.value)

    @property
    def name(self) -> str:
        """Return the manifest's name in findings about other manifests, such as `Branch salon/mitte`."""
        kind, namespace, name = self.identity
        return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.judged.spec

    @property
    def model(self) -> CustomResource | None:
        return self.judged.model

    def part(self, *path: str) -> Mapping[str, Any]:
        """Return the object at a path within the spec; an empty object if it is absent or ill-formed."""
        value: Any = self.spec
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def items(self, field: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield the index and content of each well-formed object in the list `field` of the spec."""
        value = self.spec.get(field)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, dict):
                yield index, item

    @property
    def region(self) -> str:
        """Return the country of the national numbers in a Branch: by the same rule as `BranchSpec.region`."""
        written = (entry.get(field) for _, entry in self.items("phoneNumbers") for field in ("number", "did"))
        country = self.part("holidays").get("country")
        numbers = (text for text in written if isinstance(text, str))
        return home_region(numbers, country if isinstance(country, str) else None)

    def read_number(self, written: object) -> str | None:
        """Return a Branch's phone number in E.164; None if the written value is no phone number."""
        return e164_or_none(written, self.region) if isinstance(written, str) else None

    def is_refused(self, *path: str | int) -> bool:
        """Return True if a fault has been found at exactly this path, so that a further finding is not needed."""
        return any(fault.path == path for fault in self.judged.faults)

    @property
    def branch(self) -> Identity:
        """Return the identity of the Branch that the spec names; if it names none, an identity that no object has."""
        return Identity("Branch", self.identity.namespace, str(self.part("branchRef").get("name")))

    def belongs_to(self) -> str | None:
        """Return the name of the Tenant that the spec names directly; None if it names a Branch instead, or nothing."""
        name = self.part("tenantRef").get("name")
        return name if isinstance(name, str) else None


def name_tenants(manifests: Collection[Manifest]) -> dict[Identity, str | None]:
    """Return the name of each manifest's Tenant, named directly or by its Branch; None if neither names one."""
    direct = {manifest.identity: manifest.belongs_to() for manifest in manifests}
    return {each.identity: direct[each.identity] or direct.get(each.branch) for each in manifests}
