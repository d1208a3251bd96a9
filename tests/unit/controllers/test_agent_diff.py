"""Only fields that we set are compared, and Retell's own defaults are no difference (docs/vendors/retell.md)."""

from typing import Any

import pytest

from askproai_operator.controllers.agent_plan.diff import describe_differences, differing_fields, differing_paths
from tests.worlds.rows import each_row

TOOL = {
    "type": "custom",
    "name": "book",
    "url": "https://a",
    "parameters": {"type": "object", "properties": {"a": {}}, "required": ["a", "b"]},
}

CASES: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...], str]] = [
    ({"voice_id": "v"}, {"voice_id": "v", "voice_speed": 1}, (), "a field that we do not set"),
    ({"begin_message": None}, {}, (), "null is absent"),
    ({"boosted_keywords": []}, {}, (), "an empty list is absent"),
    ({"t": 0.1}, {"t": 0.10000000001}, (), "numbers have a tolerance"),
    ({"t": 0}, {"t": 0.0}, (), "0 is 0.0"),
    ({"t": True}, {"t": 1}, ("t",), "true is not 1"),
    ({"webhook_events": ["a", "b"]}, {"webhook_events": ["b", "a"]}, (), "events are a set"),
    ({"tools": [TOOL]}, {"tools": [{**TOOL, "speak_after_execution": True}]}, (), "defaults inside a tool"),
    ({"tools": [TOOL, {"name": "x"}]}, {"tools": [{"name": "x"}, TOOL]}, (), "tools in another order"),
    ({"tools": [TOOL]}, {"tools": [TOOL, {"name": "extra"}]}, ("tools.extra",), "a tool that somebody added"),
    ({"tools": [TOOL]}, {"tools": []}, ("tools.book",), "a tool that somebody removed"),
    ({"tools": [TOOL]}, {"tools": [{**TOOL, "url": "https://b"}]}, ("tools.book.url",), "a changed URL"),
    ({"tools": []}, {"tools": [TOOL]}, ("tools",), "tools that somebody added where none are declared"),
    ({"t": 0.1}, {"t": 0.2}, ("t",), "numbers that differ by more than rounding"),
    ({"t": 1e-9}, {"t": 0}, (), "a number that Retell rounds to nothing"),
    ({"voice_id": ""}, {"voice_id": "any"}, (), "a value that a person chooses"),
    ({"voice_id": ""}, {}, ("voice_id",), "a value that a person has yet to choose"),
    ({"webhook_events": ["a"]}, {}, ("webhook_events",), "events that are not set"),
    ({"words": ["a", "b"]}, {"words": ["a", "b"]}, (), "a list of words"),
    ({"words": ["a", "b"]}, {"words": ["b", "a"]}, ("words",), "words in another order"),
    ({"words": ["a"]}, {"words": ["a", "b"]}, ("words",), "a word that somebody added"),
    ({"words": ["a", "b"]}, {"words": ["a"]}, ("words",), "a word that somebody removed"),
    ({"states": [{"prompt": "a"}]}, {"states": [{"prompt": "a", "x": 1}]}, (), "defaults inside items without a name"),
    ({"states": [{"prompt": "a"}]}, {"states": [{"prompt": "b"}]}, ("states",), "a changed item without a name"),
    ({"tools": [TOOL]}, {"tools": [TOOL, {"x": 1}]}, ("tools",), "an item without a name beside tools"),
    ({"tools": [TOOL, {"x": 1}]}, {"tools": [TOOL]}, ("tools",), "a declared item without a name beside tools"),
    ({"words": ["name"]}, {"words": ["name"]}, (), "a word that is the key of names"),
    (
        {"p": {"properties": {"a": {}}}},
        {"p": {"properties": {"a": {}, "b": {"type": "string"}}}},
        ("p.properties.b",),
        "an argument that somebody added",
    ),
    (
        {"model_config": {"type": "cascading", "primary": {"model": "m"}}},
        {"model_config": {"type": "cascading", "primary": {"model": "m", "tier": "standard"}, "temperature": 0}},
        (),
        "defaults inside the model",
    ),
]


@each_row(("desired", "live", "expected", "reason"), CASES)
def test_diff_lists_the_fields_that_differ(desired, live, expected, reason):
    assert differing_paths(desired, live) == expected, reason
    assert bool(differing_fields(desired, live)) == bool(expected)


@pytest.mark.parametrize(
    ("desired", "live", "shown"),
    [
        ({"t": 0.1}, {"t": 0.2}, "t: 0.1 → 0.2"),
        ({"voice": "a"}, {}, 'voice: "a" → absent'),
        ({"prompt": "x" * 99}, {"prompt": ""}, f'prompt: "{"x" * 60}…" → ""'),
        (
            {"webhook_url": "https://a/b?k=1"},
            {"webhook_url": "https://c?k=2"},
            'webhook_url: "https://a/b" → "https://c"',
        ),
        ({"headers": {"x": "1"}}, {"headers": {"x": "2"}}, "headers.x: … → …"),
        ({"api_key": "1"}, {"api_key": "2"}, "api_key: … → …"),
        ({"tools": [TOOL]}, {"tools": []}, "tools.book: (4 items) → absent"),
    ],
)
def test_described_differences_are_short_and_hide_secrets(desired: dict[str, Any], live: dict[str, Any], shown: str):
    assert describe_differences(desired, live) == (shown,)
