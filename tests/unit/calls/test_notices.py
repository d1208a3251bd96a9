"""The fields of an event that show the notice its caller heard."""

from typing import Any

import pytest

from askproai_core.tenant_config import Agent, TenantConfig
from askproai_runtime.calls.notices import CallNotice, notice_of
from askproai_runtime.calls.payload import RetellCall

CONFIG = TenantConfig(
    tenant="salon.salon",
    display_name="Salon",
    agents=(Agent(name="a", agent_id="agent_1", version=4, greeting="abc", announces_ai=True),),
)


def notice(**fields: Any) -> CallNotice:
    return notice_of(RetellCall(call_id="call_1", **fields), CONFIG)


@pytest.mark.parametrize(
    ("agent_id", "version", "known"),
    [("agent_1", 4, True), ("agent_1", 3, False), ("agent_2", 4, False), ("agent_1", None, False), (None, 4, False)],
)
def test_first_sentence_comes_from_the_published_version(
    agent_id: str | None, version: int | None, known: bool
) -> None:
    found = notice(agent_id=agent_id, agent_version=version)
    assert found.greeting == ("abc" if known else None)
    assert found.announces_ai is (True if known else None)
    assert found.agent_version == version


@pytest.mark.parametrize("odd", ["4", 4.5, -1, 2**40, [4], {}])
def test_invalid_agent_version_becomes_none(odd: Any) -> None:
    assert notice(agent_id="agent_1", agent_version=odd).agent_version is None


@pytest.mark.parametrize(
    ("transcript", "heard"),
    [
        (None, None),
        ("", None),
        ("User: Hallo?\n", None),
        ("Agent: Hier ist eine KI.\nUser: Ach so\n", True),
        ("User: Sind Sie eine KI?\nAgent: Guten Tag.\nAgent: Ja, eine KI.\n", False),
    ],
)
def test_ai_notice_counts_only_as_agents_first_words(transcript: str | None, heard: bool | None) -> None:
    assert notice(transcript=transcript).heard_ai is heard


@pytest.mark.parametrize(
    ("stored", "kept"), [("everything", "everything"), ("", None), (7, None), ("x" * 99, "x" * 64)]
)
def test_retells_storage_setting_is_stored_unless_invalid(stored: Any, kept: str | None) -> None:
    assert notice(data_storage_setting=stored).storage == kept


def test_unrelated_event_says_nothing_about_the_notice() -> None:
    assert not notice(agent_id="agent_1").says_something
