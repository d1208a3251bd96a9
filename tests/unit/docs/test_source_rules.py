"""The rules of hack/check_source.py, by sources that break them."""

import ast

import pytest
from hack.check_source import ROOT, repeated_test_names, unbounded_answers

UNBOUNDED = [
    "async with self._http.get(url) as answer:\n    await answer.text()",
    "async with session.post(url) as answer:\n    await answer.json(content_type=None)",
    "async with self.session.request('GET', url) as response:\n    status, raw = response.status, await response.read()",
    "async with http.get(url) as response:\n    await response.content.read()",
    "async with http.get(url) as response:\n    async for piece in response.content.iter_any(): pass",
    "response = await self._session.get(url)\nawait response.read()",
    "await (await session.get(url)).json()",
    "async def read(response: aiohttp.ClientResponse) -> bytes:\n    return await response.read()",
    "with opener.open(prepared) as response:\n    json.loads(response.read())",
    "with urllib.request.urlopen(url) as response:\n    response.read()",
    "try:\n    pass\nexcept error.HTTPError as refused:\n    refused.read()",
    "session = aiohttp.ClientSession()",
    "session = ClientSession(timeout=timeout)",
    "async with aiohttp.request('GET', url) as response:\n    pass",
]


def findings(source: str, file: str = "core/askproai_core/example.py") -> list[str]:
    # Async statements are only valid inside of a function.
    body = "async def act():\n" + "".join(f"    {line}\n" for line in source.splitlines())
    return list(unbounded_answers(ROOT / file, ast.parse(body)))


@pytest.mark.parametrize("source", UNBOUNDED)
def test_an_answer_without_a_bound_is_found(source: str):
    assert len(findings(source)) == 1


def test_a_repeated_test_name_is_found():
    files = ["tests/unit/cli/test_plan.py", "tests/integration/crds/test_plan.py", "tests/unit/test_other.py"]
    assert [text.partition(":")[0] for text in repeated_test_names(files)] == files[:2]
    assert not list(repeated_test_names(files[1:]))
    assert not list(repeated_test_names([*files, "tests/unit/cli/__init__.py"])), "a name of its package"
