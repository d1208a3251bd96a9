"""The words of a config's names, folded. Pure."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.person_names import drop_titles, fold

_MIN_LETTERS: Final = 3  # of a word that names a person


def list_known_words(config: TenantConfig) -> frozenset[str]:
    """Return the folded words of the config's names for services, people and places. The answers contain them."""
    names = [config.display_name]
    for service in config.services:
        names += [service.display_name, *service.spoken_names]
    for branch in config.branches:
        names += [branch.display_name, branch.address.street, branch.address.city]
        names += [member.display_name for member in branch.staff]
    return list_words(names)


def list_words(names: Iterable[str]) -> frozenset[str]:
    """Return the folded words of names."""
    return frozenset(word for name in names for word in fold_declared(name).split())


def list_team_words(config: TenantConfig) -> frozenset[str]:
    """Return the folded words of all staff members' names."""
    return frozenset(
        word for branch in config.branches for member in branch.staff for word in list_name_words(member.display_name)
    )


@lru_cache(maxsize=8192)
def list_name_words(name: str) -> frozenset[str]:
    """Return the folded words of a person's name, without titles, plain and as a possessive: `Anna`, `Annas`."""
    words = [each for each in drop_titles(name).split() if len(each) >= _MIN_LETTERS]
    return frozenset({*words, *(f"{each}s" for each in words)})


@lru_cache(maxsize=8192)
def fold_declared(text: str) -> str:
    """Return a text of the config, folded; each text is folded once."""
    return fold(text)
