"""Find the staff members whom a caller's words name or exclude: "egal, nur nicht Mehmet", "Anna, sonst Julia". Pure.

Words that are read only in part decide nothing: the caller is asked. In a note, staff members are found among any words: models
put the preference for a person there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from askproai_core.tenant_config import Staff
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.placeholders import drop_open_words, leaves_open, names_nothing
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.staff
_PHRASES = tuple((re.compile(rf"\b(?:{pattern})\b"), word) for pattern, word in _WORDS.phrases.items())
# Words for others in place of the named person, or besides: the preference is uncertain.
_OF_SOMEBODY = re.compile(rf"\b(?:{_WORDS.colleague}) (?:{_WORDS.of})\b|\b(?:{_WORDS.not_only})\b")
SIGN_OF_NOT = re.compile(r"^\s*(?:!|[-–—]|≠|!=)\s*(?=\w)")  # "!anna", "-Anna"
_MARKS = re.compile(r"[,;:()!?]|\s[-–—]\s")
_SIGN = re.compile(r"[&+/|]")
_MARK, _OPEN = "_", "*"  # no folded word is one
_NOT, _OR, _AND = _WORDS.not_wanted, _WORDS.alternative, _WORDS.conjunction
_DIVIDING = _NOT | _WORDS.all_but | _OR | _AND | _WORDS.instead | _WORDS.otherwise | {_MARK} | _WORDS.but
_FILLING = _WORDS.first_choice | _WORDS.filling
# Before a name these words describe the person: "die Dame Anna". "Der Mann von Anna" is somebody else.
_DESCRIBING = re.compile(_WORDS.describing)
_WITH_STAFF = re.compile(
    rf"\b(?:(?:{_WORDS.before_with}) )*(?:(?:{_WORDS.not_with}) )?(?:{_WORDS.with_whom}) (?=\w)", re.IGNORECASE
)
_WITHOUT_STAFF = re.compile(rf"(?:{_WORDS.without_whom}) (?=\w)", re.IGNORECASE)

_MOST_NAME_WORDS = 3  # of a name
_EXCLUDES = re.compile(rf"\b(?:{_WORDS.excludes})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StaffPreference:
    """The staff members whom a caller `named`, in the order said, and the ids of those `excluded`. `is_open`: staff members
    whom the caller did not name will also do. `is_ordered`: the first named staff member is preferred.
    """

    named: tuple[Staff, ...]
    excluded: frozenset[str]
    is_open: bool
    is_ordered: bool


class _Sense(Enum):
    WANTED = auto()
    NOT = auto()
    EXCEPT = auto()  # applies to all names of a list
    UNCLEAR = auto()  # "nicht Anna, Mehmet": both, or Mehmet in her place


@dataclass(slots=True)
class _Part:
    """The `words` between two dividing words, and the dividing word before them (`sign`). `sense`: they want or exclude."""

    sign: str
    words: list[str] = field(default_factory=list)
    sense: _Sense = _Sense.WANTED

    @property
    def content(self) -> list[str]:
        return [
            word
            for word, following in zip(self.words, [*self.words, ""][1:], strict=True)
            if word not in _FILLING and not (_DESCRIBING.fullmatch(word) and following and following not in _FILLING)
        ]


def read_staff_preference(text: str, known: Sequence[Staff]) -> StaffPreference | None:
    """Return a text's preference among the `known` staff members; None if a part is not understood, or contradicts another."""
    if _OF_SOMEBODY.search(fold(text)):
        return None
    parts = _divide(text)
    if not _settle_senses(parts):
        return None
    named, excluded, is_open = dict[str, Staff](), set[str](), False
    for part in parts:
        if not part.content and not _leaves_open(part):
            continue
        if _leaves_open(part):
            if part.sense in {_Sense.NOT, _Sense.EXCEPT}:
                return None
            is_open = True
            continue
        found = _find_named(part, known)
        if not found or part.sense is _Sense.UNCLEAR:
            return None
        if part.sense is _Sense.WANTED:
            named |= {member.id: member for member in found}
        else:
            excluded |= {member.id for member in found}
    if not (named or excluded or is_open) or not excluded.isdisjoint(named):
        return None
    # A list without "oder" has the order in which the caller said the names: ["Mehmet", "Anna"].
    is_list = len(named) > 1 and not is_open and all(part.sign in {"", _MARK} for part in parts)
    is_ordered = is_list or any(
        part.sign in _WORDS.otherwise or not _WORDS.first_choice.isdisjoint(part.words) for part in parts
    )
    return StaffPreference(tuple(named.values()), frozenset(excluded), is_open, is_ordered)


def separate_staff(service: str | None, staff: str | None, members: Sequence[Staff]) -> tuple[str | None, str | None]:
    """Return (`service`, `staff`) with a staff member in the service's text moved to `staff`: `Haarschnitt` and `bei Anna`.

    Both stay unchanged if `staff` names somebody else, so that the caller is asked.
    """
    for found in _WITH_STAFF.finditer(service or ""):
        assert service is not None, "else nothing were found"
        kept, said = service[: found.start()].rstrip(" ,;("), service[found.start() :].rstrip(" .)")
        meant = read_staff_preference(said, members)
        if kept and meant is not None and (staff is None or read_staff_preference(staff, members) == meant):
            return kept, said
    return service, staff


def says_with_whom(text: str, members: Sequence[Staff]) -> bool:
    """Return True if a text names or excludes staff members and says nothing else: "bei Anna", "ohne Anna"."""
    meant = read_staff_preference(text, members) if _WITH_STAFF.match(text) or _WITHOUT_STAFF.match(text) else None
    return meant is not None and bool(meant.named or meant.excluded)


def _divide(text: str) -> list[_Part]:
    """Return the parts of a text between its dividing words and signs."""
    text = SIGN_OF_NOT.sub(f"{_WORDS.signs['!']} ", text)
    written = _SIGN.sub(lambda sign: f" {_WORDS.signs[sign[0]]} ", text)
    parts = [_Part("")]
    for number, chunk in enumerate(_MARKS.split(written)):
        folded = _OPEN if _is_open(chunk) else fold(chunk)
        for pattern, word in _PHRASES:
            folded = pattern.sub(word, folded)
        for word in [*([_MARK] if number else []), *folded.split()]:
            if word in _DIVIDING:
                parts.append(_Part(word))
            else:
                parts[-1].words.append(word)
    return parts


def _settle_senses(parts: Sequence[_Part]) -> bool:
    """Set whether each part wants or excludes staff members, by the dividing words. Returns False if that is uncertain."""
    before = _Sense.WANTED
    for number, part in enumerate(parts):
        if part.sign in _NOT and not part.content:
            if not _negate_last(parts[:number]):
                return False
            before = _Sense.WANTED
            continue
        has_names = any(each.content and not _leaves_open(each) for each in parts[:number])
        if before is _Sense.WANTED and part.content and has_names and part.sign in _AND | _WORDS.but:
            return False  # "Anna und Julia": both of them, or either?
        part.sense = _find_sense(part, before)
        if part.content or part.sign not in {_MARK, *_AND, *_OR}:
            before = part.sense
    return True


def _find_sense(part: _Part, before: _Sense) -> _Sense:
    """Return the sense of a part that follows a part with the sense `before`."""
    if part.sign in _NOT:
        return _Sense.NOT
    if part.sign in _WORDS.all_but or (part.sign in _WORDS.but and before is _Sense.WANTED and part.content):
        return _Sense.EXCEPT
    if part.sign in _OR | _AND:
        return before
    if part.sign == _MARK and before is not _Sense.WANTED:
        is_list = before is _Sense.EXCEPT and part.content == part.words
        return before if is_list else _Sense.UNCLEAR
    return _Sense.WANTED


def _negate_last(parts: Sequence[_Part]) -> bool:
    """Mark the last part with content as excluded: "Mehmet bitte nicht". Returns False if the no may be about other parts, too."""
    last = next((part for part in reversed(parts) if part.content), None)
    if last is None or last.sense not in {_Sense.WANTED, _Sense.UNCLEAR} or last.sign in _OR | _AND:
        return False
    last.sense = _Sense.NOT
    return True


def _find_named(part: _Part, known: Sequence[Staff]) -> list[Staff]:
    said = " ".join(part.content)
    return list_named_staff(said, known) or list_named_staff(drop_open_words(said), known)


def _leaves_open(part: _Part) -> bool:
    return _is_open(" ".join(part.words)) or _is_open(" ".join(part.content))


def _is_open(text: str) -> bool:
    words = set(fold(text).split())
    return text == _OPEN or (bool(words) and (leaves_open(text) or names_nothing(text) or words <= _WORDS.somebody))


@dataclass(frozen=True, slots=True)
class NotedStaff:
    """The staff members whom a note wants, and those whom it excludes. `is_certain`: every word of the note was understood."""

    wanted: tuple[Staff, ...] = ()
    excluded: tuple[Staff, ...] = ()
    is_certain: bool = False

    def excludes(self, staff: str | None) -> bool:
        """Return True if the note excludes this staff id, or wants only others; with None, if the note names anybody."""
        if staff is None:
            return bool(self.wanted or self.excluded)
        is_other = bool(self.wanted) and all(each.id != staff for each in self.wanted)
        return is_other or any(each.id == staff for each in self.excluded)


def read_noted_staff(text: str, team: Sequence[Staff], customer: str = "") -> NotedStaff:
    """Return the staff members whom a note wants or excludes. In a longer sentence, the customer's own name is no staff member."""
    if (preference := read_staff_preference(text, team)) is not None:
        excluded = tuple(each for each in team if each.id in preference.excluded)
        return NotedStaff(preference.named, excluded, is_certain=True)
    own = {fold(customer), fold(customer).rpartition(" ")[2]}
    found = _list_named(re.findall(r"[^\W\d_][\w'’-]*", text), team, own)
    return NotedStaff(excluded=found) if _EXCLUDES.search(text) else NotedStaff(found)


def _list_named(words: Sequence[str], team: Sequence[Staff], own: set[str]) -> tuple[Staff, ...]:
    """Return the staff members whom capitalized words name, the longest name first: "Anna Kurz" is not any Anna."""
    found, at = dict[str, Staff](), 0
    while at < len(words):
        sizes = range(_MOST_NAME_WORDS, 0, -1) if words[at][0].isupper() else ()
        names = {size: " ".join(words[at : at + size]) for size in sizes}
        is_own = next((size for size, name in names.items() if fold(name) in own), 0)
        named = next(((size, who) for size, name in names.items() if (who := list_named_staff(name, team))), None)
        if named is not None and not is_own:
            found |= {each.id: each for each in named[1]}
        at += is_own or (named[0] if named else 1)
    return tuple(found.values())
