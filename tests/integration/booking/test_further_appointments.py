"""A call books one appointment of a service per person, and a further one only if the model requests it."""

from dataclasses import replace

import msgspec

from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, call


async def test_move_within_another_branch_names_that_branch(salon: Salon) -> None:
    """Somebody rings the Westend to have the appointment there: no function moves it, so the place must be heard before."""
    (mitte,) = salon.configs[-1].branches
    west = msgspec.structs.replace(mitte, name="west", display_name="Westend")
    salon.apply_config(msgspec.structs.replace(salon.configs[-1], branches=(mitte, west)))
    await salon.book(MORNING)
    asked = await salon.booking.reschedule_appointment(replace(call(), branch="west"), {})
    assert not asked.success
    assert f"in {mitte.display_name}, und bleibt dort. Auf welchen Tag" in asked.message
    at_home = await salon.booking.reschedule_appointment(call(), {})
    assert at_home.message.startswith("Auf welchen Tag")


async def test_booking_in_another_branch_offers_no_move(salon: Salon) -> None:
    """No function moves an appointment into another branch."""
    config = salon.configs[-1]
    west = msgspec.structs.replace(config.branches[0], name="west", display_name="Westend")
    staff = {"mitte": ("anna",), "west": ("anna",)}
    services = tuple(msgspec.structs.replace(each, branch=None, staff=staff) for each in config.services)
    salon.apply_config(msgspec.structs.replace(config, branches=(config.branches[0], west), services=services))
    first = await salon.book(MORNING)
    asked = await salon.book(HALF_PAST_TWO, by=replace(call(), branch="west"))
    assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert config.branches[0].display_name in asked.message
    assert asked.message.endswith("absagen?")
