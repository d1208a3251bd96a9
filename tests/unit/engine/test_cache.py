"""What the cache keeps when reports of one object come late."""

from typing import Any

from askproai_operator.engine import Cache, resources

WHERE = ("salon", "providers")


def secret(version: int) -> dict[str, Any]:
    namespace, name = WHERE
    return {
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name, "uid": "u", "resourceVersion": str(version)},
    }


def test_a_late_deletion_takes_no_newer_state_away():
    """The label by which a Secret is watched was taken off and put on again: the watch reports the first as a deletion."""
    cache = Cache()
    cache.put(resources.SECRETS, secret(7))
    assert cache.drop(resources.SECRETS, *WHERE, "u", 6) is None
    assert cache.secret(*WHERE) is not None
    assert cache.drop(resources.SECRETS, *WHERE, "u", 8) is not None
    assert cache.secret(*WHERE) is None


def test_a_list_without_the_object_takes_it_away_whatever_its_version():
    cache = Cache()
    cache.put(resources.SECRETS, secret(7))
    assert cache.drop(resources.SECRETS, *WHERE, "u") is not None
    assert cache.secret(*WHERE) is None
