"""The operator soon knows that a pod has changed keys."""

from types import SimpleNamespace
from typing import Any

import pytest

from askproai_operator.api import Key
from askproai_operator.controllers.config_sync import KIND, ConfigSyncController
from askproai_operator.engine import GONE
from askproai_operator.memory import Memory, PodKeys

POD = {"metadata": {"name": "web-1", "namespace": "salon", "labels": {}}, "status": {"podIP": "10.0.0.1"}}


@pytest.mark.parametrize("shown_after", [0.5, 1.5, 2.5, 3.1, 3.9])
async def test_keys_are_known_a_second_after_mounting(shown_after: float, monkeypatch: pytest.MonkeyPatch) -> None:
    async def list_pods(*_: object) -> list[dict[str, Any]]:
        return [POD]

    async def patch(*_: object) -> None: ...

    kube = SimpleNamespace(list=list_pods, patch=patch)
    context: Any = SimpleNamespace(kube=kube, memory=Memory(), enqueue=lambda _: None)
    controller, elapsed = ConfigSyncController(lambda _: None), 0.0

    async def shown(_: object) -> frozenset[str]:
        return frozenset({"config", "new" if elapsed >= shown_after else "old"})

    monkeypatch.setattr(controller, "_shown_hashes", shown)
    controller.trigger("salon", "t", "config", PodKeys("new", ()))
    while (result := await controller.reconcile(Key(KIND, "salon", "t"), context)) is not GONE:
        elapsed += result.requeue_after.total_seconds()
    assert elapsed <= 5
