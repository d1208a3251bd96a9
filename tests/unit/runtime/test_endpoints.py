"""The endpoint that a path of the public port names."""

import pytest

from askproai_core.tenant_config import Function
from askproai_runtime.intake import Source
from askproai_runtime.web import Hook, StopRequest, find_endpoint
from tests.worlds.rows import each_row

PREFIX = "/salon/salon"


@each_row(
    ("path", "endpoint"),
    [
        ("/webhooks/retell", Source.RETELL),
        ("/webhooks/calcom", Source.CALCOM),
        ("/webhooks/calcom/7d0c", Source.CALCOM),
        ("/webhooks/stripe", Source.STRIPE),
        ("/retell/functions/check_availability", Function.CHECK_AVAILABILITY),
        ("/retell/functions/book_appointment", Function.BOOK_APPOINTMENT),
        ("/retell/functions/cancel_appointment", Function.CANCEL_APPOINTMENT),
        ("/retell/functions/transfer_to_human", None),
        ("/retell/inbound", Hook.INBOUND),
        ("/webhooks/stop-reminders/" + "A" * 54, StopRequest("A" * 54)),
        ("/webhooks/stop-reminders/" + "A" * 53, None),
        ("/webhooks/retell/", None),
        ("/webhooks/stripe/7d0c", None),
        ("/webhooks/calcom/", None),
        ("/webhooks/calendar-sync", None),
        ("/webhooks/paypal", None),
        ("/health/detailed", None),
        ("/", None),
    ],
)
def test_paths_are_served_with_and_without_the_prefix(path: str, endpoint: object) -> None:
    assert find_endpoint(path, PREFIX) == endpoint
    assert find_endpoint(PREFIX + path, PREFIX) == endpoint
    assert find_endpoint(path, "") == endpoint
    assert find_endpoint("/other/tenant" + path, PREFIX) is None
    assert find_endpoint(PREFIX + "x" + path, PREFIX) is None


@pytest.mark.parametrize(("new", "former"), [("/salon", PREFIX), (PREFIX, "/salon"), ("", PREFIX), ("/webhooks", "")])
def test_paths_of_nested_prefixes_are_served(new: str, former: str) -> None:
    for prefix in (new, former, ""):
        assert find_endpoint(f"{prefix}/webhooks/retell", new, former) is Source.RETELL
    assert find_endpoint("/salon/other/webhooks/retell", new, former) is None
