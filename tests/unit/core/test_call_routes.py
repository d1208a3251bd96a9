"""The route of a call in a tenant with one branch."""

import pytest

from askproai_core.phone_numbers import Route, Routing
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER, salon_config


@pytest.mark.parametrize(
    ("agent", "number", "branch"),
    [
        (AGENT_ID, None, "mitte"),
        (AGENT_ID, "+49309999999", "mitte"),
        ("agent_strange", NUMBER, "mitte"),
        (None, NUMBER, "mitte"),
        ("agent_strange", "+49309999999", None),
        (None, None, None),
        ("", "", None),
    ],
)
def test_a_call_belongs_to_its_agent_else_to_its_number_else_to_nobody(
    agent: str | None, number: str | None, branch: str | None
) -> None:
    """Never to the first branch: that would hand the call to a stranger."""
    route = Routing(salon_config()).route(agent, number)
    assert (route.branch if isinstance(route, Route) else None) == branch
