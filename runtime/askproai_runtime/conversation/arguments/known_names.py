"""Find the staff members and services of a business that a text names, since models put them into any argument. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from askproai_core.tenant_config import Function, Staff, TenantConfig
from askproai_runtime.conversation.arguments.owners import is_of_the_past
from askproai_runtime.conversation.arguments.table import (
    ARGUMENT_RULES,
    DESCRIPTIONS,
    DURATIONS,
    NOT_NEEDED,
    OFFERS,
    PREFERENCES,
    fold_key,
)
from askproai_runtime.conversation.named_branch.matching import match_branches, names_only_branches
from askproai_runtime.language.generic_services import is_generic
from askproai_runtime.language.names import list_named_staff
from askproai_runtime.language.replies import read_claim
from askproai_runtime.language.service_texts import ServicePart, list_service_parts
from askproai_runtime.language.spoken_services import find_named, names_service
from askproai_runtime.language.staff_preferences import read_staff_preference
from askproai_runtime.person_names import drop_titles, fold
from askproai_runtime.sentences import present_language
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_WORDS: Final = UNDERSTOOD.arguments
_ACTS: Final = frozenset({Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST, Function.RESCHEDULE_APPOINTMENT})
# Texts about something else than the appointment decide nothing, even if they name a member of the staff.
_FREE_TEXTS = UNDERSTOOD.argument_names.free_texts
# Names of a record: such a value that names nothing here says nothing beside one that does.
_OF_RECORDS = ("id", "type", "provider", "resource")
_RESOLVED: Final = frozenset({"branch", "service", "staff"})
NEGATIONS: Final = _WORDS.excluding | _WORDS.negations
_EXCLUSIONS = _WORDS.excluding | UNDERSTOOD.argument_names.exclusions  # words of a key
_NEGATING = NEGATIONS | _EXCLUSIONS
# The other words of a key that excludes a person: `avoid_stylist`, `but_not`.
_OF_STAFF = UNDERSTOOD.staff.but.union(
    _WORDS.with_whom, *(name.split("_") for rule in ARGUMENT_RULES if rule.name == "staff" for name in rule.aliases)
)
_WITH = NEGATIONS | _WORDS.with_whom
_PERSON_AFTER_TIME = re.compile(
    rf"(?P<time>.*\w)[\s,]+(?:{'|'.join(sorted(_WORDS.with_staff))})\s+(?P<staff>[^\d,]+)", re.IGNORECASE | re.DOTALL
)
_LENGTH = re.compile(rf",? (?P<count>\d+) ?(?:{UNDERSTOOD.service_texts.catalogue_minutes})\.?$", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])")
_FEWEST_LETTERS = 3  # of a word that names a person in a text


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of a business's staff members, services and branches, with comparisons of texts in a model's arguments by them."""

    config: TenantConfig

    def resolve(self, argument: str, text: str) -> frozenset[str]:
        """Return the ids of the staff members or services that a text names; none if it has other words or no known name. For
        branches these are the names of all that the text may mean.
        """
        if argument == "branch":
            return frozenset(each.name for each in match_branches(self.config.branches, text, None, None))
        if argument == "staff":
            return frozenset(member.id for member in list_named_staff(text, self._list_staff()))
        folded = fold(text)
        return frozenset(
            each.name
            for each in self.config.services
            if folded in {fold(name) for name in (each.name, each.display_name, *each.spoken_names)}
        )

    def list_names(self, argument: str, text: str) -> list[str]:
        """Return the names of the one staff member, service or branch that a text names, the spoken one first; else only the
        text.
        """
        meant = self.resolve(argument, text) if argument in _RESOLVED else frozenset()
        of_staff = [[each.display_name] for each in self._list_staff() if each.id in meant]
        of_branch = [
            [each.display_name] for each in self.config.branches if argument == "branch" and each.name in meant
        ]
        found = (
            of_branch
            or of_staff
            or [[each.display_name, *each.spoken_names] for each in self.config.services if each.name in meant]
        )
        return found[0] if len(meant) == 1 else [text]

    def agree(self, argument: str, first: tuple[str, str], second: tuple[str, str]) -> str | None:
        """Return the text on which two (key, text) pairs agree; None if they disagree. A text such as "Termin" agrees with any."""
        if argument not in _RESOLVED:
            return None
        meant = [self.resolve(argument, text) for _, text in (first, second)]
        if meant[0] and meant[0] == meant[1]:
            return first[1]
        for (_, text), of_text, (key, other), of_other in (
            (first, meant[0], second, meant[1]), (second, meant[1], first, meant[0])
        ):  # fmt: skip
            is_record = fold_key(key.rpartition(".")[2]).endswith(_OF_RECORDS)
            if of_text and not of_other and (is_record or other.isdecimal() or is_generic(other)):
                return text
        return None

    def is_business(self, argument: str, text: str) -> bool:
        """Return whether a text is only the name of the business, or the name or address of a branch.

        If the tenant has several branches, a branch's name in the argument `branch` is a choice, and the answer is False.
        """
        rest = self._drop_places(text, is_choice=argument == "branch" and len(self.config.branches) > 1)
        is_named = set(rest.split()) <= _WORDS.beside_places and len(rest.split()) < len(fold(text).split())
        return is_named and not self.resolve("staff", text)

    def _drop_places(self, text: str, *, is_choice: bool = False) -> str:
        """Return a folded text without the names of the business and, unless `is_choice`, without those of its branches."""
        names = [self.config.display_name]
        for branch in () if is_choice else self.config.branches:
            address = branch.address
            names += [branch.display_name, branch.name, address.street, address.postal_code, address.city]
        rest = f" {fold(text)} "
        for name in sorted(filter(None, map(fold, names)), key=len, reverse=True):
            rest = rest.replace(f" {name} ", "  ")
        return rest

    def find_person_beside_place(self, text: str) -> str | None:
        """Return the id of the one staff member named beside the business or branch: `Anna, Salon Müller Mitte`; else None."""
        if len(self.config.branches) > 1:  # the place may be another one than the call's
            return None
        rest = self._drop_places(text).strip()
        found = self.resolve("staff", rest) if rest and rest != fold(text) else frozenset()
        return next(iter(found)) if len(found) == 1 and not self.resolve("staff", text) else None

    def are_swapped(self, service: str, staff: str) -> bool:
        """Return whether the service argument names only a staff member, and the staff argument names only a service."""
        is_person = bool(self.resolve("staff", service)) and not self.resolve("service", service)
        return is_person and bool(self.resolve("service", staff)) and not self.resolve("staff", staff)

    def list_service_parts(self, text: str) -> list[ServicePart]:
        """Return the parts of a service text that belong to other arguments."""
        return list_service_parts(text, self.config.services, self._list_staff(), self._names_branch)

    def _names_branch(self, text: str) -> bool:
        return names_only_branches(self.config.branches, text)

    def agrees_about_staff(self, first: str, second: str) -> bool:
        """Return True if the second text about staff is compatible with the first and adds nobody: "ohne Anna" beside "Mehmet"."""
        one, other = (read_staff_preference(text, self._list_staff()) for text in (first, second))
        if one is None or other is None:
            return False
        return one == other or (
            bool(one.named) and not other.named and other.excluded.isdisjoint(m.id for m in one.named)
        )

    def _list_staff(self) -> list[Staff]:
        return [member for branch in self.config.branches for member in branch.staff]

    def find_mentioned(self, text: str) -> dict[str, frozenset[str]]:
        """Return the ids of the staff members and services that a text mentions, by the argument: `staff` or `service`."""
        words = set(fold(text).split())
        telling = {word for word in words if len(word) >= _FEWEST_LETTERS}
        staff = frozenset(
            m.id for m in self._list_staff() if not telling.isdisjoint(drop_titles(m.display_name).split())
        )
        services = frozenset(each.name for each in find_named(self.config.services, text))
        return {name: found for name, found in (("staff", staff), ("service", services)) if found}

    def list_people(self, text: object) -> list[str]:
        """Return the names of the staff members that a text mentions, also one that refuses them, sorted by id."""
        found = self.find_mentioned(str(text or "")).get("staff", frozenset())
        return [self.list_names("staff", each)[0] for each in sorted(found)]

    def find_staff(self, unread: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the only unread value about staff as (key, text), else None. `exclude_staff: Anna` becomes "nicht Anna"."""
        said = {path: _words_of_field(path, text) for path, text in unread.items()}
        found = {path: text for path, text in said.items() if self.find_mentioned(text).keys() == {"staff"}}
        if len(found) != 1:
            return None
        ((path, text),) = found.items()
        key, (named,) = fold_key(path.rpartition(".")[2]), self.find_mentioned(text).values()
        if key in PREFERENCES:
            return (path, text) if self._is_about_staff_only(text) else None
        if len(named) == 1 and text != unread[path] and not NEGATIONS.isdisjoint(fold(text).split()):
            return path, text  # `not_anna: true`
        is_name = len(named) == 1 and _excludes(path)
        return (path, f"{UNDERSTOOD_IN[present_language()].arguments.exclude} {text}") if is_name else None

    def split_staff(self, text: str) -> tuple[str, str] | None:
        """Return the time and the staff member of a text like "um 14 Uhr bei Anna", as an offer is spoken; else None."""
        found = _PERSON_AFTER_TIME.fullmatch(text.strip())
        if found is None or not NEGATIONS.isdisjoint(fold(found["time"]).split()[-1:]):
            return None
        if self.find_mentioned(found["staff"]).keys() != {"staff"}:
            return None
        return (found["time"], found["staff"]) if self._is_about_staff_only(found["staff"]) else None

    def _is_about_staff_only(self, text: str) -> bool:
        names = {word for member in self._list_staff() for word in fold(member.display_name).split()}
        return set(fold(text).split()) <= names.union(_WORDS.beside_staff)

    def find_undecided(self, function: Function, values: Mapping[str, object], unread: Mapping[str, str]) -> set[str]:
        """Return `staff` or `service` if an unread text or `part_of_day` contradicts that argument, or names one that it lacks. In
        a search only the exclusion of a person counts: all else is in the offer.
        """
        is_search = function is Function.CHECK_AVAILABILITY
        if function not in _ACTS and not is_search:
            return set()
        found = set[str]()
        preferences = {"part_of_day": str(values["part_of_day"])} if "part_of_day" in values else {}
        own_name = set(fold(str(values.get("customer_name", ""))).split())
        for path, text in (preferences | dict(unread)).items():
            key = fold_key(path.rpartition(".")[2])
            said = " ".join(word for word in fold(_words_of_field(path, text)).split() if word not in own_name)
            is_negated = not _NEGATING.isdisjoint(f"{_words_of_key(path)} {fold(text)}".split())
            if not self._may_decide(path, said) or "@" in text or (is_search and not is_negated):
                continue
            if path == "service" and names_service(str(values.get(path, "")), self.config.services):
                continue  # what the argument itself rules out: "Haarschnitt ohne Färben"
            for name, named in self.find_mentioned(said).items():
                if (name == "service" and is_search) or (name == "staff" and not self._may_be_preference(path, said)):
                    continue
                meant = self.find_mentioned(str(values.get(name, ""))).get(name, frozenset())
                # Beside a named member of the staff, a name under another key changes nothing.
                is_settled = bool(meant) or (is_of_the_past(path) and not is_negated)
                is_beside = name == "staff" and is_settled and path != "part_of_day" and key not in PREFERENCES
                agrees = meant.isdisjoint(named) if is_negated else (named <= meant or is_beside)
                found |= set() if (meant or is_beside) and agrees else {name}
        return found

    def _may_be_preference(self, path: str, said: str) -> bool:
        """Return True if a staff member's name in a text may be a preference. In `mother: Anna Groß` it is another person's."""
        is_wish = path == "part_of_day" or fold_key(path.rpartition(".")[2]) in PREFERENCES
        return is_wish or self._is_about_staff_only(said) or not _WITH.isdisjoint(said.split())

    def repeats_service(self, values: Mapping[str, object], path: str, text: str) -> bool:
        """Return whether a field only repeats the name of the requested service, or its length in minutes."""
        meant = self.find_mentioned(str(values.get("service", ""))).get("service", frozenset())
        if fold_key(path.rpartition(".")[2]) in DURATIONS:
            minutes = [each.duration_minutes for each in self.config.services if not meant or each.name in meant]
            return text.partition(" ")[0] in map(str, {*minutes, sum(minutes)})
        named = self.resolve("service", _words_of_field(path, text))
        return bool(named) and named <= meant

    def drop_length(self, text: str) -> str:
        """Return a service's name without its own length behind it: "Haarschnitt 45 Minuten"."""
        found = _LENGTH.search(text)
        name = text[: found.start()] if found is not None and not self.resolve("service", text) else text
        is_own = found is not None and self.repeats_service({"service": name}, "duration", found["count"])
        return name if is_own and len(self.resolve("service", name)) == 1 else text

    def _may_decide(self, path: str, said: str) -> bool:
        """Return True if a field may choose a service or staff member; a free text only if it is exactly a service's name."""
        outer, _, key = path.rpartition(".")
        key = fold_key(key)
        is_described = key in DESCRIPTIONS and outer != ""
        if is_described or key in NOT_NEEDED | OFFERS or (outer and is_of_the_past(outer)):
            return False
        is_free = key in DESCRIPTIONS or any(part in key for part in _FREE_TEXTS)
        return not is_free or bool(self.resolve("service", said))


def _words_of_field(path: str, text: str) -> str:
    """Return the text of a field, or the words of its key if the text is only a yes: `not_anna: true`."""
    return _words_of_key(path.rpartition(".")[2]) if read_claim(text) is True else text


def _words_of_key(path: str) -> str:
    return fold(_CAPITAL.sub(" ", path).replace(".", " "))


def _excludes(path: str) -> bool:
    """Return whether the key of a person's name says, without another word, that the person is not wanted: `not_with`. Two
    negations, and "if not", may say the opposite.
    """
    words = {*_words_of_key(path.rpartition(".")[2]).split()}
    return len(words & _EXCLUSIONS) == 1 and words <= _EXCLUSIONS | _OF_STAFF
