"""The durations of Leases on the pages equal the settings."""

import pytest
from hack.check_source import ROOT
from msgspec.structs import fields

from askproai_operator.settings import Settings as OperatorSettings
from askproai_runtime.coordinator.settings import CoordinatorSettings

OPERATOR = OperatorSettings().lease_seconds
COORDINATOR = next(each.default for each in fields(CoordinatorSettings) if each.name == "lease_seconds")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("docs/decisions/0035-sessions-are-watched.md", f"after its death {OPERATOR} s (the Lease) are added"),
        ("SECURITY.md", f"after its death up to {OPERATOR} s more pass (its Lease)"),
        (
            "docs/runbooks/coordinator-not-leading.md",
            f"A dead holder is replaced {COORDINATOR} s after its last renewal",
        ),
        (
            "docs/decisions/0011-leader-election.md",
            f"{OPERATOR} s for the operator, {COORDINATOR} s for the coordinator",
        ),
    ],
)
def test_pages_state_the_duration_of_a_lease(page: str, text: str) -> None:
    assert text in (ROOT / page).read_text("utf-8")
