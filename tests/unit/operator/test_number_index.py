"""Each reconcile of a branch looks up other branches with its numbers, so the lookup must not walk over all branches."""

import time

from askproai_operator import resources
from askproai_operator.api import Branch
from askproai_operator.engine import Cache
from askproai_operator.grants import Subject, SubjectKind, requested_subjects
from askproai_operator.relations import Relations
from tests.worlds.salon_objects import put, raw


def branch(name: str, *numbers: str, did: str | None = None, namespace: str = "salon-mueller") -> dict:
    manifest = raw("Branch", name, namespace=namespace, uid=f"uid-{namespace}-{name}")
    entries = [{"number": number} | ({"did": did} if did else {}) for number in numbers]
    return manifest | {"spec": manifest["spec"] | {"phoneNumbers": entries}}


def stored(cache: Cache, obj: dict) -> Branch:
    return put(cache, obj)[1]  # type: ignore[return-value]


def names(relations: Relations, model: Branch) -> list[str]:
    keys = {key for subject in requested_subjects(model) for key in relations.requesting(subject)}
    return [f"{key.namespace}/{key.name}" for key in sorted(keys)]


def test_branches_sharing_a_number_match_in_any_spelling():
    cache = Cache()
    relations = Relations(cache)
    first = stored(cache, branch("one", "030 1234567"))
    stored(cache, branch("two", "+49 30 1234567", namespace="elsewhere"))
    stored(cache, branch("three", "030 7654321", did="+49301234567"))
    stored(cache, branch("four", "030 7654321"))
    assert names(relations, first) == ["elsewhere/two", "salon-mueller/one", "salon-mueller/three"]


def test_number_is_free_when_dropped_or_branch_deleted():
    cache = Cache()
    relations = Relations(cache)
    first, second = stored(cache, branch("one", "030 1234567")), stored(cache, branch("two", "030 1234567"))
    stored(cache, branch("one", "030 7654321"))
    assert names(relations, second) == ["salon-mueller/two"]
    cache.drop(resources.BRANCHES, "salon-mueller", "two", second.metadata.uid)
    assert names(relations, first) == []
    assert Subject(SubjectKind.NUMBER, "+49301234567") not in relations._by_subject


def test_an_invalid_number_belongs_to_nobody():
    cache = Cache()
    relations = Relations(cache)
    assert names(relations, stored(cache, branch("one", "zwölf"))) == []


def test_branches_that_are_cached_already_are_indexed():
    cache = Cache()
    first = stored(cache, branch("one", "030 1234567"))
    assert names(Relations(cache), first) == ["salon-mueller/one"]


def test_a_thousand_branches_are_compared_in_little_time():
    """A walk over all branches for each of them took 2.5 s here. The bound is wide, but quadratic time would exceed it."""
    cache = Cache()
    relations = Relations(cache)
    models = [stored(cache, branch(f"b{n}", f"030 {1000000 + n}")) for n in range(1000)]
    began = time.process_time()
    assert all(len(names(relations, model)) == 1 for model in models)
    assert time.process_time() - began < 0.5
