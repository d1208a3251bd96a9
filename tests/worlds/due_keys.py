"""The keys that are due when an object of the salon changes."""

from typing import Any

from askproai_operator.engine import Cache
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.relations import Relations
from askproai_operator.resources import resource_of_kind
from tests.worlds.salon_objects import key, put, raw

TENANT = key("Tenant", "salon-mueller")
BRANCH = key("Branch", "mitte")
OFFERING = key("ServiceOffering", "haarschnitt")
AGENT = key("RetellAgent", "mitte")


def with_conditions(**statuses: str) -> dict[str, Any]:
    usual = {"reason": "AsDeclared", "message": "", "lastTransitionTime": "x"}
    return {"conditions": [{"type": type_, "status": status, **usual} for type_, status in statuses.items()]}


def changed(cache: Cache, kind: str, name: str = "", **changes: Any) -> set:
    old, new = put(cache, raw(kind, name, **changes))
    return Relations(cache).of_resource(old, new)


def changed_by(cache: Cache, obj: dict[str, Any]) -> set:
    due: set = set()
    EventSink(cache, Relations(cache), due.add).observe(resource_of_kind(obj["kind"]), obj)
    return due
