"""The ledger of orphans is one, and each entry is tried by the operator that has its owner's namespace."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from askproai_operator.api import Key
from askproai_operator.controllers.orphan import LEDGER, LedgerController
from askproai_operator.orphans import OrphanedCache, Owner, add_orphan
from askproai_operator.settings import Settings
from tests.worlds.clock import FixedClock


class Kube:
    """The Secrets of the operator's namespace."""

    def __init__(self) -> None:
        self.secrets: list[dict[str, Any]] = []

    async def create(self, manifest: dict[str, Any]) -> None:
        data = manifest.get("data") or {}
        meta = manifest["metadata"] | {"uid": manifest["metadata"]["name"]}
        self.secrets.append({"metadata": meta, "data": data})

    async def list(self, *_: Any) -> list[dict[str, Any]]:
        return self.secrets


async def test_each_orphan_is_tried_by_one_operator():
    kube, clock = Kube(), FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    names = [f"salon-{number}" for number in range(12)]
    for name in names:
        context = SimpleNamespace(kube=kube, clock=clock, settings=Settings())
        await add_orphan(OrphanedCache(Owner("Tenant", name, name, "uid")), {}, "away", context)  # type: ignore[arg-type]
    tried: list[list[Key]] = []
    counted: list[int] = []
    for index in (0, 1):
        keys: list[Key] = []
        settings = Settings(shard_count=2, shard_index=index)
        controller = LedgerController(lambda counts: counted.append(counts["cache"]), keys.append)
        context = SimpleNamespace(kube=kube, clock=clock, settings=settings)
        await controller.reconcile(settings.background_key(LEDGER), context)  # type: ignore[arg-type]
        tried.append(keys)
    assert all(tried), "both have some"
    assert counted == [len(keys) for keys in tried]
    assert {key.name for keys in tried for key in keys} == {each["metadata"]["name"] for each in kube.secrets}
    assert not set(tried[0]) & set(tried[1])
