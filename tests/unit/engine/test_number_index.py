"""Who else lists a number: asked for each branch at each look, so it must not cost a walk over all branches."""

import time

from engine_objects import put, raw

from askproai_operator.api import Branch
from askproai_operator.engine import Cache, resources


def branch(name: str, *numbers: str, did: str | None = None, namespace: str = "salon-mueller") -> dict:
    made = raw("Branch", name, namespace=namespace, uid=f"uid-{namespace}-{name}")
    entries = [{"number": number} | ({"did": did} if did else {}) for number in numbers]
    return made | {"spec": made["spec"] | {"phoneNumbers": entries}}


def kept(cache: Cache, obj: dict) -> Branch:
    return put(cache, obj)[1]  # type: ignore[return-value]


def names(cache: Cache, model: Branch) -> list[str]:
    return [f"{one.key.namespace}/{one.key.name}" for one in cache.branches_with(model)]


def test_branches_of_one_number_find_each_other_however_it_is_written():
    cache = Cache()
    one = kept(cache, branch("one", "030 1234567"))
    kept(cache, branch("two", "+49 30 1234567", namespace="elsewhere"))
    kept(cache, branch("three", "030 7654321", did="+49301234567"))
    kept(cache, branch("four", "030 7654321"))
    assert names(cache, one) == ["elsewhere/two", "salon-mueller/one", "salon-mueller/three"]


def test_a_number_that_was_given_up_or_whose_branch_went_is_free():
    cache = Cache()
    one, two = kept(cache, branch("one", "030 1234567")), kept(cache, branch("two", "030 1234567"))
    kept(cache, branch("one", "030 7654321"))
    assert names(cache, two) == ["salon-mueller/two"]
    cache.drop(resources.BRANCHES, "salon-mueller", "two", two.metadata.uid)
    assert names(cache, one) == []
    assert "+49301234567" not in cache._by_number


def test_what_is_no_number_is_nobodys():
    cache = Cache()
    assert names(cache, kept(cache, branch("one", "zwölf"))) == []


def test_a_thousand_branches_are_compared_in_little_time():
    """A walk over all branches for each of them took 2.5 s here; the bound is wide, and a square would not fit into it."""
    cache = Cache()
    models = [kept(cache, branch(f"b{n}", f"030 {1000000 + n}")) for n in range(1000)]
    began = time.process_time()
    assert all(len(cache.branches_with(model)) == 1 for model in models)
    assert time.process_time() - began < 0.5
