"""A salon whose services two people do."""

from typing import Any

import msgspec
import pytest

from askproai_runtime.book.context import BookingSettings
from tests.worlds.booking_environment import Salon
from tests.worlds.segmented_services import with_services
from tests.worlds.visits import CUT, DRY, WASH

BOTH = ("anna", "mehmet")


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    """A salon where two people do each service: the staff member of the customer's own appointment is no reason to refuse."""
    salon = await new_salon(settings=BookingSettings())
    services = (msgspec.structs.replace(each, staff={"mitte": BOTH}) for each in (WASH, CUT, DRY))
    salon.apply_config(with_services(salon.configs[-1], *services))
    return salon
