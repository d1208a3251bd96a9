"""The rules of hack/check_source.py, by sources that break them."""

import pytest
from hack.check_source import Source, constructions, long_names, repeated_test_names, too_long, unbounded_answers

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
    return list(unbounded_answers(Source(file, body)))


@pytest.mark.parametrize("source", UNBOUNDED)
def test_source_check_finds_an_answer_without_bound(source: str):
    assert len(findings(source)) == 1


def test_a_repeated_test_name_is_found():
    files = ["tests/unit/cli/test_plan.py", "tests/integration/crds/test_plan.py", "tests/unit/test_other.py"]
    assert [text.partition(":")[0] for text in repeated_test_names(files)] == files[:2]
    assert not list(repeated_test_names(files[1:]))
    assert not list(repeated_test_names([*files, "tests/unit/cli/__init__.py"])), "a name of its package"


@pytest.mark.parametrize(
    ("sentence", "advice"),
    [
        ("Who waits for a time is offered one.", "name the noun"),
        ("Of duplicates the oldest stays.", "begin with the subject"),
        ("It shows what is being taken in, and is what is left.", "write the noun"),
        ("Of course two of which are kept.", None),
        ('A `who waits` and a "what" are quoted; what else?', None),
    ],
)
def test_source_check_finds_misleading_constructions_with_advice(sentence: str, advice: str | None):
    found = [text for _, text in constructions(f"The first sentence. {sentence}")]
    assert [advice in text for text in found] == [True] * (advice is not None)


def test_source_check_distinguishes_docstrings_from_strings():
    text = '''"""First."""\n# Second "row\nx = f(\n    """SELECT"""\n    "1"\n)  # Third\ndef f():\n    r"""Fourth\n(."""\n'''
    assert [(kind, line) for kind, line, _ in Source("core/example.py", text).lexemes] == [
        ("docstring", 1), ("comment", 2), ("string", 4), ("comment", 6), ("docstring", 8),
    ]  # fmt: skip


def test_a_name_of_nine_words_is_found():
    text = "def test_a_b_c_d_e_f_g_h():\n    pass\n\n\nasync def test_a_b_c_d_e_f_g_h_i():\n    pass\n"
    assert [finding.partition(":")[0] for finding in long_names(Source("tests/unit/test_example.py", text))] == ["5"]


def test_a_long_file_or_function_is_found():
    function = "def act():\n" + "    pass\n" * 60
    file = "core/askproai_core/example.py"
    assert not list(too_long(Source(file, function.removesuffix("    pass\n"))))
    assert [text.split()[1] for text in too_long(Source(file, function))] == [f"{file}:act"]
    assert [text.split()[1] for text in too_long(Source(file, "x = 1\n" * 401))] == [file]
