"""Which branch does a caller mean? By name, digit, postal code or history; what is not certain becomes a question. Pure.

Branches have one order, that of their names: the first is "one" in the menu, whatever a question leaves out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from askproai_core.tenant_config import Branch, TenantConfig
from askproai_runtime.booking import fold
from askproai_runtime.branch_routing.words import (
    AS_ALWAYS,
    BESIDE_A_DIGIT,
    DIGITS,
    NEGATIONS,
    NO_NAMES,
    SAYS_NOTHING,
    YES,
    digits_in,
)

MOST_NAMED = 4  # who hears more names at once remembers none of them
_LEAST_POSTAL_CODE = 4  # digits: Austria and Switzerland have four, Germany five
_LEAST_SHARED = 2  # leading digits: one alone is a quarter of the country
_MOST_KEYS = 9  # one key chooses, so a tenth branch would make a menu that is none


@dataclass(frozen=True, slots=True)
class Hints:
    """What a call tells of the branch. `said` is the argument `branch` in the caller's words, `pressed` keys of the telephone.

    `suggested` is what our last answer asked for by a yes or no, `known` was found earlier in the call, `last` is where this
    caller last booked: names of branches, or None.
    """

    said: str | None = None
    pressed: str = ""
    service: str | None = None
    suggested: str | None = None
    known: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The branch. `tell`: the caller named no branch by its name, and has to hear which one it became."""

    branch: Branch
    tell: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """The question to ask. `branches` are those it names; `suggested` is the one that it asks for by a yes or no."""

    question: str
    branches: tuple[str, ...] = ()
    suggested: str | None = None


def find_branch(config: TenantConfig, hints: Hints) -> Found | Unclear:
    """Find the branch, or ask. Nothing is guessed: a near postal code and a caller's history are only offered."""
    branches = config.branches
    offering = [one for one in branches if _offers(config, one, hints.service)] or list(branches)
    known = branches[0] if len(branches) == 1 else next((one for one in branches if one.name == hints.known), None)
    said = hints.said or (hints.pressed if known is None else "")
    if set(fold(said).split()) - SAYS_NOTHING:
        matched = named_branches(branches, said, hints.last, hints.suggested)
        if known in matched and _alike(matched, said):  # "in Berlin", after Mitte was found: still Mitte
            return _at(known, offering, tell=False)
        fitting = [one for one in matched if one in offering] or matched
        if len(fitting) == 1:
            return _at(fitting[0], offering, tell=not _by_name(fitting[0], said))
        refused = set(fold(said).split()) & {"nein", *NEGATIONS}  # not offered once more
        return _which(
            branches, fitting or offering, None if refused else _nearest(branches, said) or _last(offering, hints.last)
        )
    if known is not None:
        return _at(known, offering, tell=False)
    if len(offering) == 1:
        return Found(offering[0], tell=True)
    return _which(branches, offering, _last(offering, hints.last))


def named_branches(branches: Sequence[Branch], said: str, last: str | None, suggested: str | None) -> list[Branch]:
    """Give all that the words may mean: by whole name, postal code, words of name and place, digit, "wie immer", or a yes.

    Words that all branches share, such as the chain's name, count only when nothing else was said.
    """
    whole, words = fold(said), set(fold(said).split())
    if words & NEGATIONS:
        return []
    if exact := [one for one in branches if whole in {fold(one.name), fold(one.display_name)}]:
        return exact
    number = digits_in(said)
    if postal := [one for one in branches if number and number == fold(one.address.postal_code).replace(" ", "")]:
        return postal
    hits = {one.name: words & _words_of(one) for one in branches}
    best = [one for one in branches if hits[one.name] and not any(hits[one.name] < other for other in hits.values())]
    if best and len(best) < len(branches):
        return best
    if key := _key(branches, whole):
        return [branches[int(key) - 1]]
    meant = last if AS_ALWAYS.search(whole) else suggested if words & YES and "nein" not in words else None
    return [one for one in branches if one.name == meant] or best


def _alike(matched: Sequence[Branch], said: str) -> bool:
    """Tell whether the words do not tell these branches apart, as the name of a city or of the whole chain."""
    return len({frozenset(set(fold(said).split()) & _words_of(one)) for one in matched}) == 1


def _at(branch: Branch, offering: Sequence[Branch], *, tell: bool) -> Found | Unclear:
    """Give the branch, unless only others offer what the caller wants."""
    if branch in offering:
        return Found(branch, tell)
    names = " oder ".join(one.display_name for one in offering[:MOST_NAMED])
    question = f"Das gibt es nicht in {branch.display_name}, aber in {names}. Möchten Sie dort einen Termin?"
    return Unclear(
        question, tuple(one.name for one in offering[:MOST_NAMED]), offering[0].name if len(offering) == 1 else None
    )


def _which(branches: Sequence[Branch], among: Sequence[Branch], suggested: tuple[str, Branch] | None) -> Unclear:
    """Ask which one; the suggested one first, by its sentence."""
    if len(among) == 1:
        question = f"Diese Filiale kenne ich nicht. Möchten Sie den Termin in {among[0].display_name}?"
        return Unclear(question, (among[0].name,), among[0].name)
    first, name = (f"{suggested[0]} ", suggested[1].name) if suggested else ("", None)
    if len(among) > MOST_NAMED:
        question = "nennen Sie mir bitte den Ort oder die Postleitzahl der Filiale, in die Sie möchten."
        return Unclear(f"{first}Sonst {question}" if first else f"Wir haben mehrere Filialen: {question}", (), name)
    question = "" if first else "Für welche Filiale möchten Sie den Termin? "
    if _has_menu(branches):
        places = [f"{DIGITS[branches.index(one) + 1]} für {one.display_name}" for one in among]
        question += f"{'Sonst sagen' if first else 'Sagen'} oder drücken Sie {', '.join(places)}."
    else:
        question += f"{'Sonst gibt' if first else 'Es gibt'} es {', '.join(one.display_name for one in among)}."
    return Unclear(first + question, tuple(one.name for one in among), name)


def _last(among: Sequence[Branch], last: str | None) -> tuple[str, Branch] | None:
    found = next((one for one in among if one.name == last), None)
    return None if found is None else (f"Möchten Sie wieder zu {found.display_name}?", found)


def _nearest(branches: Sequence[Branch], said: str) -> tuple[str, Branch] | None:
    """Give the one branch whose postal code begins most like a code that none has: near, most likely, so it is only asked."""
    number = digits_in(said)
    if len(number) < _LEAST_POSTAL_CODE:
        return None
    shared = {one.name: _prefix(number, one.address.postal_code) for one in branches}
    most = max(shared.values())
    nearest = [one for one in branches if shared[one.name] == most]
    return (
        (f"Am nächsten liegt wohl {nearest[0].display_name}. Passt das?", nearest[0])
        if most >= _LEAST_SHARED and len(nearest) == 1
        else None
    )


def _prefix(one: str, other: str) -> int:
    return next(
        (n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )


def _key(branches: Sequence[Branch], whole: str) -> str:
    """Give the digit that chooses a branch; empty where anything else is said with it ("die erste, die frei ist")."""
    shared = frozenset[str].intersection(*(frozenset(_name_words(one)) for one in branches))
    words = [word for word in whole.split() if word not in BESIDE_A_DIGIT | shared]
    number = digits_in(words[0]) if len(words) == 1 and _has_menu(branches) else ""
    return number if number.isdecimal() and 1 <= int(number) <= len(branches) else ""


def _has_menu(branches: Sequence[Branch]) -> bool:
    """Tell whether digits choose: where names have numbers themselves ("Filiale 3") they would mean two things."""
    return len(branches) <= _MOST_KEYS and not any(word.isdecimal() for one in branches for word in _name_words(one))


def _by_name(branch: Branch, said: str) -> bool:
    return bool(set(fold(said).split()) & _name_words(branch))


def _name_words(branch: Branch) -> set[str]:
    return {*fold(branch.name).split(), *fold(branch.display_name).split()} - NO_NAMES


def _words_of(branch: Branch) -> set[str]:
    return _name_words(branch) | (set(fold(branch.address.city).split()) - NO_NAMES)


def _offers(config: TenantConfig, branch: Branch, service: str | None) -> bool:
    """Tell whether somebody there does it. A service that we do not know narrows nothing: the booking asks what is meant."""
    wanted = fold(service) if service else ""
    named = [s for s in config.services if wanted in {fold(n) for n in (s.name, s.display_name, *s.spoken_names)}]
    return not named or any(one.branch in {None, branch.name} and one.staff.get(branch.name) for one in named)
