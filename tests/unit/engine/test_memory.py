"""The memory that a process needs for thousands of objects."""

import json
from typing import Any

import kopf

from askproai_operator.control_loop.informer import kopf_settings
from askproai_operator.engine import Cache
from tests.worlds.salon_objects import key, put, raw


def with_condition() -> dict[str, Any]:
    """Return a status as it is decoded from an answer: with strings of its own."""
    return json.loads(
        '{"conditions": [{"type": "Synced", "status": "True", "message": "as declared", "observedGeneration": 3}]}'
    )


def test_equal_condition_messages_share_one_string():
    cache = Cache()
    for name in ("a", "b"):
        put(cache, raw("Branch", name, status=with_condition()))
    first, second = (cache.get(key("Branch", name)).status["conditions"][0] for name in ("a", "b"))  # type: ignore[union-attr]
    assert first == second == with_condition()["conditions"][0]
    assert first["message"] is second["message"]


def test_kopf_stores_no_copy_and_idles_briefly():
    settings = kopf_settings()
    body = kopf.Body({"metadata": {"annotations": {"a": "b"}}, "spec": {"c": 1}})
    assert settings.persistence.diffbase_storage.build(body=body) == {}
    assert settings.persistence.diffbase_storage.fetch(body=body) is None
    assert settings.queueing.idle_timeout <= 1
