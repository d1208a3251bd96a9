"""Settings from environment variables: usual notations of manifests and shells are understood, others refused by name."""

from pathlib import Path

import pytest

from askproai_runtime.coordinator import CoordinatorSettings
from askproai_runtime.env_variables import WrongVariables, read_variables
from askproai_runtime.settings import Settings


@pytest.mark.parametrize("value", ["15", " 15 ", "15\n"])
def test_blanks_around_a_variables_value_are_ignored(value: str) -> None:
    """A value from a file or a Secret ends in a line break."""
    assert read_variables(CoordinatorSettings, {"ASKPROAI_LEASE_SECONDS": value}).lease_seconds == 15


def test_variable_name_may_be_lower_case() -> None:
    assert read_variables(Settings, {"askproai_log_level": "debug"}).log_level == "debug"


def test_path_setting_ends_without_line_break() -> None:
    found = read_variables(Settings, {"ASKPROAI_CONFIG_FILE": "/etc/tenant.json\n"})
    assert found.config_file == Path("/etc/tenant.json")


@pytest.mark.parametrize("kind", [Settings, CoordinatorSettings])
@pytest.mark.parametrize("level", ["info\n", " Warning", "ERROR"])
def test_log_level_is_accepted_in_any_spelling(kind: type[Settings | CoordinatorSettings], level: str) -> None:
    assert read_variables(kind, {"ASKPROAI_LOG_LEVEL": level}).log_level == level.strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ASKPROAI_PUBLIC_PORT", "08080"), ("ASKPROAI_PUBLIC_PORT", "65536"), ("ASKPROAI_LOG_LEVEL", "info\ndebug")],
)
def test_unusable_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(WrongVariables, match=f"{name}: Expected"):
        read_variables(Settings, {name: value})
