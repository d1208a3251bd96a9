"""Branches and services of a Tenant; with a real API server, PostgreSQL, and the providers' simulators."""

import pytest


async def test_default_service_exists_only_until_another_is_created(namespace):
    await namespace.create_salon("Tenant", "Branch")
    await namespace.wait_for_condition("ServicesReady", "True", kind="Branch", name="mitte")
    default = await namespace.wait_until_ready("ServiceOffering", "mitte-standardberatung")
    assert default["status"]["staff"] == ["anna", "mehmet"]
    await namespace.wait_for_event("Normal", "DefaultServiceCreated")
    await namespace.create("ServiceOffering", spec={"calcom": {"eventTypes": []}})
    await namespace.wait_until_gone("ServiceOffering", "mitte-standardberatung")
    branch = await namespace.get("Branch", "mitte")
    assert (branch["status"]["services"], branch["status"]["staff"]) == (1, 2)
    assert branch["status"]["phoneNumbers"] == [namespace.number]


async def test_services_applied_with_a_branch_prevent_default_service(namespace):
    await namespace.create("Branch")
    await namespace.create("ServiceOffering")
    await namespace.wait_for_condition("ServicesReady", "False", "Pending", kind="Branch", name="mitte")
    assert await namespace.get("ServiceOffering", "mitte-standardberatung") is None
    default = f"{namespace.name}/serviceofferings/mitte-standardberatung"
    assert [path for _, path in namespace.operator.writes if path.endswith(default)] == []


async def test_manual_service_with_default_name_is_never_written(namespace):
    await namespace.create_salon()
    written = await namespace.create("ServiceOffering", "mitte-standardberatung", spec={"branchRef": {"name": "nord"}})
    await namespace.create("Branch", "nord")
    await namespace.create("Branch", spec={"phoneNumbers": []})
    reported = await namespace.wait_for_condition(
        "ServicesReady", "False", "OwnershipConflict", kind="Branch", name="mitte"
    )
    assert "create a service" in reported["message"]
    live = await namespace.get("ServiceOffering", "mitte-standardberatung")
    assert live["spec"] == written["spec"]


async def test_neighbors_reduced_and_restored_capacity_is_reported(namespace):
    """Otherwise the neighbor's status would be outdated for ten minutes."""
    await namespace.create_salon("Tenant", "Branch")
    for name, capacity in (("a-kurs", 1), ("b-yoga", 4)):
        await namespace.create("ServiceOffering", name, spec={"capacity": capacity, "calcom": {"eventTypes": []}})
        await namespace.wait_for_condition("StaffMatched", "True", kind="ServiceOffering", name=name)
    await namespace.edit({"capacity": 5}, "ServiceOffering", "a-kurs")
    reported = await namespace.wait_for_condition(
        "StaffMatched", "False", "CapacityUnsupported", kind="ServiceOffering", name="b-yoga"
    )
    assert "2 at once instead of 4" in reported["message"]
    await namespace.edit({"capacity": 2}, "ServiceOffering", "a-kurs")
    await namespace.wait_for_condition("StaffMatched", "True", kind="ServiceOffering", name="b-yoga")


async def test_service_reports_its_deleted_branch(namespace):
    await namespace.create_salon("Tenant", "Branch")
    await namespace.create("ServiceOffering", spec={"calcom": {"eventTypes": []}})
    await namespace.wait_for_condition("StaffMatched", "True", kind="ServiceOffering", name="haarschnitt")
    await namespace.client.delete(namespace.path("Branch", "mitte"))
    shown = await namespace.wait_for_condition(
        "StaffMatched", "False", "BranchNotFound", kind="ServiceOffering", name="haarschnitt"
    )
    assert "create it, or delete this ServiceOffering" in shown["message"]


async def test_misspelt_state_is_corrected_while_the_branch_serves(namespace):
    await namespace.create_salon()
    await namespace.create("Branch", spec={"holidays": {"country": "DE", "subdivision": "NRW"}})
    shown = await namespace.wait_for_condition("HolidaysValid", "False", "HolidaysUnknown", kind="Branch", name="mitte")
    assert "NRW is no subdivision of DE; write NW" in shown["message"]
    await namespace.wait_for_condition("ServicesReady", "True", kind="Branch", name="mitte")
    await namespace.wait_until_ready()


@pytest.mark.nightly
async def test_branch_is_ready_only_while_numbers_are_answered(namespace):
    await namespace.write_secret()
    number = {"number": namespace.number, "sip": {"terminationUri": "salon.sip.example"}}
    await namespace.create("Branch", spec={"phoneNumbers": [number]})
    await namespace.create("Tenant")
    nobody = await namespace.wait_for_condition("Ready", "False", "NoAgent", kind="Branch", name="mitte")
    assert f"nobody answers {namespace.number}: create a RetellAgent with branchRef mitte" in nobody["message"]
    await namespace.create("RetellAgent")
    await namespace.wait_until_ready("Branch", "mitte")
    await namespace.client.delete(namespace.path("RetellAgent", "mitte"))
    await namespace.wait_for_condition("Ready", "False", "NoAgent", kind="Branch", name="mitte")


@pytest.mark.nightly
async def test_service_for_several_guests_with_types_is_ready(namespace):
    """The recipe of the how-to is Ready, and Cal.com is not asked about event types that are not used."""
    await namespace.create_salon("Tenant", "Branch")
    await namespace.create("ServiceOffering", spec={"capacity": 3})
    where = {"kind": "ServiceOffering", "name": "haarschnitt"}
    local = await namespace.wait_for_condition("CalendarLinked", "True", "NotRequested", **where)
    assert "capacity is 3" in local["message"]
    await namespace.wait_until_ready("ServiceOffering", "haarschnitt")
