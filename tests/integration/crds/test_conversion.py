"""The way from v1alpha1 to v1beta1 (CONTRIBUTING.md), at a real API server with a conversion webhook.

v1beta1 is made up: tests/worlds/conversion_webhook.py. What is tried is what every next version meets.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_operator.api import Tenant
from askproai_sandbox.cluster import ApiError
from tests.worlds.conversion_webhook import ALPHA, BETA, KEPT, converted
from tests.worlds.versioned_tenants import VersionedTenants
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

BOTH = (ALPHA, BETA)
RULE = "Absagen kostet bis vierundzwanzig Stunden vorher nichts."
CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Ready",
    "message": "",
    "lastTransitionTime": "2026-11-25T08:00:00Z",
}
# The second half is how Kubernetes 1.31 says it.
_STORED = r'{}( was previously a storage version|": must appear in spec\.versions)'


def managers(obj: dict[str, Any]) -> dict[str, str]:
    """Return who holds fields of an object, each with the version in which."""
    entries = obj["metadata"].get("managedFields", ())
    return {entry["manager"]: entry["apiVersion"].rpartition("/")[2] for entry in entries}


@pytest.mark.parametrize("stored", BOTH)
@pytest.mark.parametrize("written", BOTH)
async def test_an_object_is_the_same_after_a_round_trip(tenants: VersionedTenants, stored: str, written: str):
    await tenants.define(stored=stored, served=BOTH)
    await tenants.create(written, notice_hours=24)
    await tenants.write_status(written, {"branches": 2, "conditions": [CONDITION]})
    alpha, beta = await tenants.get(ALPHA), await tenants.get(BETA)
    assert await tenants.version_in_etcd() == stored
    assert (alpha["spec"]["cancellationRule"], alpha["spec"]["locale"]) == (RULE, "de-DE")
    assert beta["spec"]["cancellation"] == {"rule": RULE, "noticeHours": 24}
    assert beta["spec"]["calendar"]["locale"] == "de-DE"
    assert not {"cancellationRule", "locale"} & beta["spec"].keys()
    for obj in (alpha, beta):
        assert obj["metadata"]["annotations"]["salon.example/note"] == "ä, unknown to us"
        assert obj["status"] == {"branches": 2, "conditions": [CONDITION]}
    for version, other, before in ((ALPHA, BETA, beta), (BETA, ALPHA, alpha)):
        await tenants.replace(version, await tenants.get(version))
        assert await tenants.get(other) == before, (
            f"written as {version}, with its resourceVersion: nothing was changed"
        )


async def test_a_write_in_either_version_is_read_in_the_other_and_keeps_what_it_does_not_know(
    tenants: VersionedTenants,
):
    await tenants.define(served=BOTH)
    await tenants.create(BETA, notice_hours=24)
    await tenants.client.merge(tenants.path(ALPHA, "salon"), {"spec": {"cancellationRule": "Neu.", "locale": "de-AT"}})
    beta = await tenants.get(BETA)
    assert beta["spec"]["cancellation"] == {"rule": "Neu.", "noticeHours": 24}
    assert beta["spec"]["calendar"]["locale"] == "de-AT"
    change = {"spec": {"cancellation": {"rule": None, "noticeHours": 48}, "calendar": {"locale": "en-GB"}}}
    await tenants.client.merge(tenants.path(BETA, "salon"), change)
    alpha = await tenants.get(ALPHA)
    assert "cancellationRule" not in alpha["spec"]
    assert alpha["spec"]["locale"] == "en-GB"
    without = {**alpha, "metadata": {**alpha["metadata"], "annotations": {}}}
    await tenants.replace(ALPHA, without)
    assert "cancellation" not in (await tenants.get(BETA))["spec"], (
        "who replaces the annotations of v1alpha1 removes it"
    )
    assert KEPT in alpha["metadata"]["annotations"]


async def test_each_version_refuses_what_its_own_schema_refuses(tenants: VersionedTenants):
    """The pattern of a field moves with it, and the schema of the stored version is not asked."""
    await tenants.define(served=BOTH)
    await tenants.create(ALPHA)
    for version, spec, field in (
        (ALPHA, {"locale": "deutsch"}, "spec.locale"),
        (BETA, {"calendar": {"locale": "deutsch"}}, "spec.calendar.locale"),
        (BETA, {"cancellation": {"noticeHours": 1000}}, "spec.cancellation.noticeHours"),
    ):
        with pytest.raises(ApiError, match=field) as refused:
            await tenants.client.merge(tenants.path(version, "salon"), {"spec": spec})
        assert refused.value.status == 422


@pytest.mark.parametrize("stored", BOTH)
async def test_managers_of_both_versions_keep_their_fields(tenants: VersionedTenants, stored: str):
    await tenants.define(stored=stored, served=BOTH)
    spec = tenants.manifest(ALPHA)["spec"]
    await tenants.apply("git", ALPHA, spec)
    first = await tenants.apply("team", BETA, {"cancellation": {"noticeHours": 24}})
    for field, part in (
        ("spec.cancellationRule", {"cancellation": {"rule": "Anders.", "noticeHours": 24}}),
        ("spec.locale", {"cancellation": {"noticeHours": 24}, "calendar": {"locale": "en-GB"}}),
    ):
        with pytest.raises(ApiError, match=f'conflict with "git": .{field}') as refused:
            await tenants.apply("team", BETA, part)
        assert refused.value.status == 409
    for _ in range(2):
        await tenants.apply("git", ALPHA, spec)
        last = await tenants.apply("team", BETA, {"cancellation": {"noticeHours": 24}})
    assert last["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"], "neither changes anything"
    await tenants.write_status(ALPHA, {"branches": 1})
    status_in_beta = await tenants.write_status(BETA, {"branches": 2})
    assert managers(status_in_beta) | {"git": ALPHA, "team": BETA} == managers(status_in_beta)


@pytest.mark.parametrize("stored", BOTH)
async def test_a_manifest_moves_to_v1beta1_and_what_it_then_leaves_out_goes(tenants: VersionedTenants, stored: str):
    """A manager has one entry for what it applied, in whatever version; the API server converts parts of objects for it."""
    await tenants.define(stored=stored, served=BOTH)
    spec = tenants.manifest(ALPHA)["spec"]
    await tenants.apply("git", ALPHA, spec)
    await tenants.apply("team", BETA, {"cancellation": {"noticeHours": 24}})
    moved = tenants.manifest(BETA)["spec"]
    del moved["cancellation"], moved["knowledge"]
    after = await tenants.apply("git", BETA, moved)
    assert after["spec"]["cancellation"] == {"noticeHours": 24}
    assert "knowledge" not in after["spec"]
    assert managers(after) == {"git": BETA, "team": BETA}
    sent = [obj for review in tenants.webhook.reviews for obj in review["objects"]]
    assert any("displayName" not in obj.get("spec", {}) for obj in sent), "without fields that the schema requires"


async def test_kubectl_apply_does_not_remove_a_renamed_field_with_the_change_of_the_version(
    tenants: VersionedTenants, tmp_path: Path
):
    """Its annotation names the field as v1alpha1 does. Move the manifest first, and remove the field by the next apply."""
    await tenants.define(served=BOTH)
    moved, file = tenants.manifest(BETA), tmp_path / "manifest.yaml"
    for manifest, rule in (
        (tenants.manifest(ALPHA), RULE),
        ({**moved, "spec": {name: value for name, value in moved["spec"].items() if name != "cancellation"}}, RULE),
        (moved, RULE),
        ({**moved, "spec": {name: value for name, value in moved["spec"].items() if name != "cancellation"}}, None),
    ):
        file.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        await tenants.plane.kubectl("apply", "-f", str(file))
        assert (await tenants.get(BETA))["spec"].get("cancellation", {}).get("rule") == rule


async def test_the_watch_of_the_release_before_sees_what_is_written_as_v1beta1(tenants: VersionedTenants):
    """It began before there was a v1beta1, and goes on while the storage moves; the release before can read what it sees."""
    await tenants.define()
    await tenants.create(ALPHA, "before")
    async with tenants.watched(ALPHA) as mirror:

        def seen(name: str) -> dict[str, Any] | None:
            return mirror.objects.get(f"{tenants.namespace}/{name}")

        for stored in BOTH:
            await tenants.define(stored=stored, served=BOTH)
            name = f"in-{stored}"
            await tenants.create(BETA, name, notice_hours=24)
            found = await eventually(lambda name=name: seen(name), SOON, "the new object")
            assert found["apiVersion"] == f"{tenants.group}/{ALPHA}"
            model = Tenant.from_raw(found)
            assert (model.spec.cancellation_rule, model.spec.locale) == (RULE, "de-DE")
            await tenants.client.merge(tenants.path(BETA, name), {"spec": {"cancellation": {"rule": "Neu."}}})
            await eventually(lambda name=name: seen(name)["spec"]["cancellationRule"] == "Neu.", SOON, "the change")
            await tenants.client.delete(tenants.path(BETA, name))
            await eventually(lambda name=name: seen(name) is None, SOON, "the deletion")
        assert seen("before")


async def test_the_storage_moves_when_each_object_was_written_again(tenants: VersionedTenants):
    names = ("salon", "studio", "practice")
    await tenants.define()
    for name in names:
        await tenants.create(ALPHA, name)
    before = {name: await tenants.get(ALPHA, name) for name in names}
    await tenants.define(served=BOTH)
    await tenants.define(stored=BETA, served=BOTH)
    assert await tenants.stored_versions() == [ALPHA, BETA]
    assert {await tenants.version_in_etcd(name) for name in names} == {ALPHA}, "a new definition writes no object"
    await tenants.annotate(ALPHA, "studio")
    assert await tenants.version_in_etcd("studio") == BETA, "any write does, in any version"
    with pytest.raises(ApiError, match=_STORED.format("v1alpha1")):
        await tenants.write_definition(stored=BETA, served=(BETA,))
    await tenants.rewrite_all(BETA)
    assert {await tenants.version_in_etcd(name) for name in names} == {BETA}
    await tenants.record_stored_versions(BETA)
    await tenants.define(stored=BETA, served=BOTH)
    assert await tenants.stored_versions() == [BETA]
    for name in ("salon", "practice"):
        after = await tenants.get(ALPHA, name)
        assert (after["spec"], after["metadata"]["generation"]) == (before[name]["spec"], 1)
        assert converted(after, BETA)["spec"] == (await tenants.get(BETA, name))["spec"]


async def test_a_list_of_stored_versions_that_is_wrong_makes_objects_unreadable_until_the_version_is_back(
    tenants: VersionedTenants,
):
    """The API server accepts the list without looking at the objects."""
    await tenants.define(served=BOTH)
    await tenants.create(ALPHA)
    before = await tenants.get(BETA)
    await tenants.define(stored=BETA, served=BOTH)
    await tenants.record_stored_versions(BETA)
    await tenants.write_definition(stored=BETA, served=(BETA,))

    async def refusal() -> ApiError | None:
        try:
            await tenants.get(BETA)
        except ApiError as error:
            return error
        return None

    refused = await eventually(refusal, SOON, "a refusal")
    assert (refused.status, "request to convert CR from an invalid group/version" in str(refused)) == (500, True)
    await tenants.define(stored=BETA, served=(BETA,), known=(ALPHA,))
    assert await tenants.get(BETA) == before


async def test_v1alpha1_ends_and_comes_back_step_by_step(tenants: VersionedTenants):
    await tenants.define(served=BOTH)
    await tenants.create(ALPHA, "old")
    await tenants.define(stored=BETA, served=BOTH)
    await tenants.rewrite_all(BETA)
    await tenants.record_stored_versions(BETA)
    await tenants.define(stored=BETA, served=(BETA,), known=(ALPHA,))
    with pytest.raises(ApiError) as refused:
        await tenants.get(ALPHA, "old")
    assert refused.value.status == 404
    await tenants.create(BETA, "new", notice_hours=24)

    await tenants.define(stored=BETA, served=BOTH)  # back: v1alpha1 is served again
    for name in ("old", "new"):
        alpha = await tenants.get(ALPHA, name)
        assert (alpha["spec"]["cancellationRule"], alpha["spec"]["locale"]) == (RULE, "de-DE")
    await tenants.client.merge(tenants.path(ALPHA, "new"), {"spec": {"locale": "de-AT"}})
    assert (await tenants.get(BETA, "new"))["spec"]["cancellation"] == {"rule": RULE, "noticeHours": 24}

    await tenants.define(stored=ALPHA, served=BOTH)  # back: v1alpha1 is stored again
    await tenants.create(BETA, "newest", notice_hours=48)
    stored = {name: await tenants.version_in_etcd(name) for name in ("old", "new", "newest")}
    assert stored == {"old": BETA, "new": BETA, "newest": ALPHA}
    assert (await tenants.get(ALPHA, "new"))["spec"]["locale"] == "de-AT"
    assert (await tenants.get(BETA, "newest"))["spec"]["cancellation"]["noticeHours"] == 48

    with pytest.raises(ApiError, match=_STORED.format("v1beta1")) as refused:
        await tenants.write_definition()  # two steps at once
    assert refused.value.status == 422
    await tenants.rewrite_all(ALPHA)
    await tenants.record_stored_versions(ALPHA)
    await tenants.define()
    assert {(await tenants.get(ALPHA, name))["spec"]["cancellationRule"] for name in stored} == {RULE}


async def test_a_version_leaves_the_definition_after_its_managers(tenants: VersionedTenants):
    """Else an apply is refused, and the first other write of an object forgets who holds its fields."""
    await tenants.define(served=BOTH)
    spec = tenants.manifest(ALPHA)["spec"]
    names = ("applied", "written", "prepared")
    for name in names:
        await tenants.apply("git", ALPHA, spec, name)
        await tenants.apply("team", BETA, {"cancellation": {"noticeHours": 24}}, name)
    fields = (await tenants.get(ALPHA, "prepared"))["metadata"]["managedFields"]
    kept = [entry for entry in fields if entry["apiVersion"].endswith(ALPHA)]
    await tenants.client.merge(tenants.path(ALPHA, "prepared"), {"metadata": {"managedFields": kept}})
    await tenants.define()

    with pytest.raises(ApiError, match="request to convert CR to an invalid group/version") as refused:
        await tenants.apply("git", ALPHA, spec, "applied")
    assert refused.value.status == 500
    assert managers(await tenants.write_status(ALPHA, {"branches": 1}, "written")) == {}
    assert managers(await tenants.apply("git", ALPHA, spec, "prepared")) == {"git": ALPHA}
    del spec["knowledge"]
    assert "knowledge" not in (await tenants.apply("git", ALPHA, spec, "prepared"))["spec"]
    assert "knowledge" in (await tenants.apply("git", ALPHA, spec, "written"))["spec"], "nobody held it any more"
