"""Doubt the service or the name that a booking repeats, if the reply to our question about something else takes it back. Pure."""

import re
from dataclasses import replace
from typing import Final

from askproai_core.tenant_config import Function
from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.transcript import read_exchanges
from askproai_runtime.language.answer_words import words_of
from askproai_runtime.language.company import is_for_relative, speaks_of_company
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.spoken_services import find_named
from askproai_runtime.person_names import may_be_same
from askproai_runtime.understood import UNDERSTOOD

ADDS_SERVICE: Final = re.compile(
    rf"\b(?:{UNDERSTOOD.links.and_words}|{UNDERSTOOD.asked_services.also}|{UNDERSTOOD.asked_services.both})\b"
)


def doubt_service(read: Arguments, function: Function, call: OngoingCall, known: KnownNames) -> Arguments:
    """Return the arguments. The service that a booking repeats is unclear if the reply to our question about something else names
    only another one: "ich meinte Färben"; not with words of an addition, or of somebody else.
    """
    last, service = next(reversed(read_exchanges(call)), None), str(read.values.get("service", ""))
    if function is not Function.BOOK_APPOINTMENT or last is None or last.request is None or not service:
        return read
    answer = last.answer or {}
    is_asked = last.request.name == function.name.lower() and answer.get("success") is False
    is_asked &= {"choices", "services", "staff", "heard"}.isdisjoint(answer)
    if not is_asked or last.request.read_arguments().get("service") != service or speaks_of_company(last.said):
        return read
    own = {each.display_name for each in find_named(known.config.services, service)}
    others = [
        each.display_name for each in find_named(known.config.services, last.said) if each.display_name not in own
    ]
    if len({*others}) != 1 or len(own) != 1 or ADDS_SERVICE.search(words_of(last.said)):
        return read
    return replace(
        read, unclear=(*read.unclear, "service"), readings=dict(read.readings) | {"service": [*own, others[0]]}
    )


def doubt_name(read: Arguments, call: OngoingCall) -> Arguments:
    """Return the arguments of a booking. The name that is repeated or kept is unclear if the reply to a question about something
    else names another person: "um zwei, aber auf Petra Lange", "für meine Mutter".
    """
    last, name = next(reversed(read_exchanges(call)), None), str(read.values.get("customer_name", ""))
    if last is None or last.request is None or (last.answer or {}).get("success") is not False or not name:
        return read
    introduced, is_kept = read_introduction(last.said), last.request.read_arguments().get("customer_name") == name
    is_other = bool(introduced) and not may_be_same(introduced, name)
    is_aside = not {"services", "staff", "choices", "needs_companions", "heard"}.isdisjoint(last.answer or {})
    if is_aside or not is_kept or read.values.get("companions") or not (is_other or is_for_relative(last.said)):
        return read
    return replace(read, unclear=(*read.unclear, "customer_name"))
