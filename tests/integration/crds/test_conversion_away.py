"""What works, and what does not, while nobody answers at the conversion webhook (CONTRIBUTING.md)."""

from functools import partial
from typing import Any

import pytest

from askproai_core.kube import Unreachable
from askproai_sandbox.cluster import ProcessError
from tests.worlds.conversion_webhook import ALPHA, BETA
from tests.worlds.versioned_tenants import VersionedTenants, is_gone
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

BOTH = (ALPHA, BETA)
REFUSAL = (
    r"conversion webhook for .* failed: Post "  # then "connection refused", or how a connection from before has ended
)


@pytest.mark.parametrize(("stored", "other"), [(ALPHA, BETA), (BETA, ALPHA)])
async def test_only_the_stored_version_can_be_read_and_written(tenants: VersionedTenants, stored: str, other: str):
    await tenants.define(stored=stored, served=BOTH)
    await tenants.create(stored)
    spec = tenants.manifest(stored)["spec"]
    await tenants.apply("git", stored, spec, "applied")
    await tenants.webhook.stop()

    assert (await tenants.get(stored))["spec"]["displayName"] == "Salon Müller"
    assert len((await tenants.client.get(tenants.path(stored)))["items"]) == 2
    await tenants.create(stored, "new")
    await tenants.annotate(stored)
    await tenants.write_status(stored, {"branches": 1})
    await tenants.apply("git", stored, {**spec, "displayName": "Neu"}, "applied")
    await tenants.client.request("DELETE", tenants.path(stored, "new"))

    for request in (
        partial(tenants.get, other),
        partial(tenants.client.get, tenants.path(other)),
        partial(tenants.create, other, "newest"),
        partial(tenants.annotate, other),
        partial(tenants.write_status, other, {"branches": 2}),
        partial(tenants.apply, "git", other, tenants.manifest(other)["spec"], "applied"),
        partial(tenants.client.request, "DELETE", tenants.path(other, "salon")),
    ):
        with pytest.raises(Unreachable, match=REFUSAL) as refused:
            await request()
        assert refused.value.status == 500


async def test_an_object_that_is_stored_in_the_version_before_cannot_be_read_as_the_one_that_is_stored_now(
    tenants: VersionedTenants,
):
    """So that each object is written again matters to whoever reads the stored version, too."""
    await tenants.define(served=BOTH)
    await tenants.create(ALPHA)
    await tenants.define(stored=BETA, served=BOTH)
    await tenants.webhook.stop()
    assert (await tenants.get(ALPHA))["metadata"]["name"] == "salon"
    with pytest.raises(Unreachable, match=REFUSAL):
        await tenants.get(BETA)
    await tenants.webhook.start()
    await tenants.rewrite_all(BETA)
    await tenants.webhook.stop()
    assert (await tenants.get(BETA))["metadata"]["name"] == "salon"


async def test_a_write_of_an_object_with_managers_of_both_versions_forgets_all_managers(tenants: VersionedTenants):
    """An apply is refused instead. What the managers held stays, and no later apply of theirs removes it."""
    await tenants.define(served=BOTH)
    spec = tenants.manifest(ALPHA)["spec"]
    for name in ("one", "both"):
        await tenants.apply("git", ALPHA, spec, name)
    await tenants.apply("team", BETA, {"cancellation": {"noticeHours": 24}}, "both")
    await tenants.webhook.stop()

    for manager, part, fields in (("git", "spec", spec), ("operator", "status", {"branches": 1})):
        with pytest.raises(Unreachable, match=REFUSAL):
            await tenants.apply(manager, ALPHA, fields, "both", part=part)
    assert len((await tenants.write_status(ALPHA, {"branches": 1}, "one"))["metadata"]["managedFields"]) == 2
    written = await tenants.write_status(ALPHA, {"branches": 1}, "both")
    assert "managedFields" not in written["metadata"]
    assert written["spec"]["knowledge"] == spec.pop("knowledge")

    await tenants.webhook.start()
    for name, removed in (("one", True), ("both", False)):
        assert ("knowledge" not in (await tenants.apply("git", ALPHA, spec, name))["spec"]) is removed


async def test_kubectl_and_the_deletion_of_a_namespace_use_v1beta1_as_soon_as_it_is_served(tenants: VersionedTenants):
    """Both take the newest version. A namespace is deleted when the webhook is back."""
    client, doomed = tenants.client, f"{tenants.namespace}-doomed"
    await tenants.define(served=BOTH)
    await client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": doomed}})
    manifest = tenants.manifest(ALPHA)
    manifest["metadata"]["namespace"] = doomed
    await client.create(tenants.path(ALPHA).replace(tenants.namespace, doomed), manifest)

    async def is_preferred() -> bool:
        preferred: str = (await client.get(f"/apis/{tenants.group}"))["preferredVersion"]["version"]
        return preferred == BETA

    await eventually(is_preferred, SOON, "v1beta1 to be the version of who names none")
    await tenants.webhook.stop()
    with pytest.raises(ProcessError, match=REFUSAL):
        await tenants.plane.kubectl("get", f"tenants.{tenants.group}", "salon", "-n", doomed)
    assert "salon" in await tenants.plane.kubectl("get", f"tenants.{ALPHA}.{tenants.group}", "salon", "-n", doomed)
    await client.delete(f"/api/v1/namespaces/{doomed}")

    async def condition() -> dict[str, Any] | None:
        found = (await client.get(f"/api/v1/namespaces/{doomed}"))["status"].get("conditions", ())
        return next((each for each in found if each["type"] == "NamespaceDeletionContentFailure"), None)

    failed = await eventually(condition, SOON, "the failed deletion")
    assert (failed["status"], "conversion webhook for" in failed["message"]) == ("True", True)
    await tenants.webhook.start()

    await eventually(partial(is_gone, client, f"/api/v1/namespaces/{doomed}"), SOON, "the end of the namespace")


async def test_a_watch_of_the_other_version_has_what_it_missed_when_the_webhook_is_back(tenants: VersionedTenants):
    await tenants.define(served=BOTH)
    await tenants.create(ALPHA)
    async with tenants.watched(BETA) as mirror:
        await tenants.webhook.stop()
        await tenants.create(ALPHA, "meanwhile")
        await tenants.client.delete(tenants.path(ALPHA, "salon"))
        with pytest.raises(Unreachable, match=REFUSAL):
            await tenants.client.get(tenants.path(BETA))
        assert [obj["metadata"]["name"] for obj in mirror.objects.values()] == ["salon"]
        await tenants.webhook.start()
        await eventually(
            lambda: [obj["metadata"]["name"] for obj in mirror.objects.values()] == ["meanwhile"], SOON, "the changes"
        )
