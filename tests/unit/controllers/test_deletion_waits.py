"""The objects that a Tenant's deletion waits for, and the steps left for a person."""

import pytest

from askproai_operator.api import RetellAgent
from askproai_operator.controllers.tenant.deletion import describe_agents
from tests.worlds.salon_models import raw


def agent(name: str, *, deleted: bool) -> RetellAgent:
    manifest = raw("RetellAgent")
    manifest["metadata"] |= {"name": name} | ({"deletionTimestamp": "2026-11-26T08:00:00Z"} if deleted else {})
    return RetellAgent.from_raw(manifest)


@pytest.mark.parametrize(
    ("deleted", "end"),
    [
        ({"nord": False, "mitte": False}, "RetellAgents mitte, nord are gone: they need its credentials; delete them too"),
        ({"nord": True, "mitte": True}, "RetellAgents mitte, nord are gone: they need its credentials, and are being deleted"),
        ({"nord": False, "mitte": True}, "RetellAgents mitte, nord are gone: they need its credentials; delete nord too"),
    ],
)  # fmt: skip
def test_agents_in_deletion_are_not_deleted_again(deleted: dict[str, bool], end: str) -> None:
    agents = [agent(name, deleted=is_deleted) for name, is_deleted in deleted.items()]
    assert describe_agents(agents) == f"waits until the {end}"
