"""The creation of an agent that `askproai plan` shows for a Tenant that does not exist yet."""

from datetime import UTC, datetime
from typing import Any, cast

from askproai_operator import resources
from askproai_operator.api import Branch, RetellAgent, Tenant
from askproai_operator.controllers.agent_plan import plan_unseen
from askproai_operator.engine import Cache
from askproai_operator.grants import Subject, SubjectKind, grant_annotations, holder_of
from askproai_operator.plan_context import PlanContext
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings
from tests.worlds.clock import FixedClock
from tests.worlds.rows import each_row
from tests.worlds.salon_objects import put, raw

URLS = {kind: f"https://voice.example/retell/{kind}" for kind in ("retell", "functions")}
TRUNK = {"terminationUri": "sip.carrier.example", "authSecretRef": {"name": "trunk"}}
NEW, FOREIGN = "+493055550101", "+493055550102"
CREATED = ["create an LLM", "create an agent", "publish that version"]
BOUND = [f"bind {NEW} to the published version"]


def _is_held(cache: Cache, number: str) -> None:
    """Store the grant of a number that a branch of another tenant holds."""
    subject = Subject(SubjectKind.NUMBER, number)
    other = Branch.from_raw(raw("Branch", "theirs", namespace="elsewhere", uid="uid-theirs"))
    metadata = {"name": subject.name, "namespace": Settings().namespace, "uid": "uid-grant", "resourceVersion": "1"}
    metadata["annotations"] = grant_annotations(subject, [holder_of(other)])  # type: ignore[assignment]
    cache.put(resources.CONFIG_MAPS, {"kind": "ConfigMap", "metadata": metadata})


@each_row(
    "numbers, steps",
    [
        ([{"number": NEW}], [*CREATED, *BOUND]),
        ([{"number": NEW, "sip": TRUNK}], [*CREATED, f"import the number {NEW}", *BOUND]),
        ([{"number": "030 7654321", "did": NEW}], [*CREATED, *BOUND]),
        ([{"number": FOREIGN}, {"number": NEW}], [*CREATED, *BOUND]),
        ([{"number": "zwölf"}, {"number": NEW}], [*CREATED, *BOUND]),
        ([{"number": "zwölf", "did": NEW}], CREATED),
        ([], CREATED),
    ],
)
def test_creation_is_planned_without_asking_retell(numbers: list[dict[str, Any]], steps: list[str]) -> None:
    cache = Cache()
    relations = Relations(cache)
    branch, agent, tenant = raw("Branch"), raw("RetellAgent"), raw("Tenant", status={"webhookUrls": URLS})
    put(cache, {**branch, "spec": branch["spec"] | {"phoneNumbers": numbers}})
    _is_held(cache, FOREIGN)
    unused = cast("Any", None)  # a plan of an unseen agent asks neither Kubernetes nor Retell
    clock = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
    context = PlanContext(
        kube=unused, cache=cache, settings=Settings(), clock=clock,
        relations=relations, providers=unused, installation_id="inst",
    )  # fmt: skip
    plan = plan_unseen(RetellAgent.from_raw(agent), Tenant.from_raw(tenant), context)
    assert (list(plan.lines()), plan.number_problems) == (steps, ())
