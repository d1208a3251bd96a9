"""A bug of the pod runner itself, while it handles one pod."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from structlog.testing import capture_logs

from askproai_core.clock import SystemClock
from askproai_sandbox.cluster import KubeClient, Object
from askproai_sandbox.pods.container import PodContext
from askproai_sandbox.pods.pod import Pod
from askproai_sandbox.pods.spec import Sources
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

MANIFEST: Object = {
    "metadata": {"namespace": "n", "name": "pod-1", "uid": "u"},
    "spec": {"containers": [{"name": "web", "image": "x", "command": ["x"]}]},
}


async def test_a_fault_is_reported_in_log_and_status_without_mounted_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No secret may appear in logs or status, at any level."""
    sent: list[str] = []

    async def merge(_path: str, body: Object) -> Object:
        sent.append(str(body))
        return {}

    def mount(_self: Pod) -> None:
        files = {"api-key": b"canary"}
        raise UnicodeDecodeError("utf-8", files["api-key"], 0, 1, "boom")

    monkeypatch.setattr(Pod, "_mount", mount)
    client = cast("KubeClient", SimpleNamespace(merge=merge))
    session: Any = cast("aiohttp.ClientSession", None)
    context = PodContext(client, session, Sources({}, {}), SystemClock(), tmp_path, lambda: None, timedelta())
    pod = Pod(MANIFEST, "127.64.1.2", context)
    with capture_logs() as logs:
        pod.start()
        await eventually(lambda: sent and "RunnerFault" in sent[-1], what="the report of the fault")
        await pod.end(timedelta(0), remove=False)
    fault = next(entry for entry in logs if entry["event"] == "pod.runner_fault")
    assert "in mount" in fault["trace"]
    assert "exc_info" not in fault, "structlog would print local variables"
    assert "canary" not in str([logs, sent])
