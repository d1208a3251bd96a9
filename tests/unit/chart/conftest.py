"""The chart as Helm renders it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import yaml

from tests.worlds.chart_render import YAML_LOADER, rendered, rendered_notes
from tests.worlds.tools import find_program


@pytest.fixture(scope="session")
def helm() -> str:
    return find_program("helm")


Render = Callable[..., dict[tuple[str, str], dict[str, Any]]]


@pytest.fixture(scope="session")
def render(helm: str) -> Render:
    """Return a function that renders the chart with some values (`operator.replicas=1`): manifests by kind and name.

    Two renders with the same values are one object, which a test must not change.
    """

    @cache
    def manifests(*values: str) -> dict[tuple[str, str], dict[str, Any]]:
        found = [document for document in yaml.load_all(rendered(helm, values), YAML_LOADER) if document]
        return {(document["kind"], document["metadata"]["name"]): document for document in found}

    return manifests


@pytest.fixture(scope="session")
def notes(helm: str) -> Callable[..., str]:
    """Return a function that renders the notes of `helm install` with some values."""
    return lambda *values: rendered_notes(helm, values)
