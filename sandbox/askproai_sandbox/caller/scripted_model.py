"""The demo's agent: turns what was read in a caller's sentences into the function calls that a language model would make.

It is a table of rules, no language model: docs/demo-agent.md says what it understands. When it does not understand, `remark` has
the reason.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.change import CHANGES_MIND, TOOL_OF_CHANGE, Change, drops_change
from askproai_sandbox.caller.choice import Item, ask_again, ask_which, choose, find_ordinal, find_other_part, is_one_of_several, time_after
from askproai_sandbox.caller.email_address import answer_email_question
from askproai_sandbox.caller.message import PendingMessage, offers_message, offers_transfer, split_off_message
from askproai_sandbox.caller.name_answer import take_name
from askproai_sandbox.caller.questions import INFORMATION, TOPICS, answer_question, read_further_question, read_while_cancelling
from askproai_sandbox.caller.record import ToolCall
from askproai_sandbox.caller.rejected_people import RejectedPeople
from askproai_sandbox.caller.remarks import find_remark
from askproai_sandbox.caller.sentence import Intent, Sentence, read_first_appointment, read_sentence, split_at_new_time
from askproai_sandbox.caller.spoken_time import name_hours

_PRESSED = re.compile(r"\[[0-9*#]+\]")
_MAY_ANSWER_EMAIL = {None, Intent.GOODBYE, Intent.ADDRESS}  # "Ja, danke", "ohne Adresse"


class ScriptedModel:
    """Remembers what was said and offered in one call, as the context of a language model would.

    `tools` are those that the LLM's version declares, `catalogue` is what its prompt names, `greeting` its first message. `now`
    (aware) is the start of the call, from which a caller counts days.
    """

    def __init__(
        self,
        tools: Mapping[str, Mapping[str, Any]],
        user_number: str,
        catalogue: Catalogue | None = None,
        greeting: str = "",
        now: datetime | None = None,
    ) -> None:
        self._tools, self._user_number, self._catalogue = tools, user_number, catalogue or Catalogue()
        self.remark: str | None = None  # what the demo's agent itself could not do with the last sentence
        self._details: dict[str, str] = {}  # service, staff and customer_name
        self._requested_time: dict[str, str] = {}  # date, time, part_of_day, branch
        self._offers: list[Item] = []
        self._accepted_offer: Item | None = None  # while only the name or the birth date is missing
        self._is_birth_date_asked = False
        self._asked: str | None = None  # "services", "staff" or "branches": what the last answer asks for
        self._question = ""  # the message of the last answer, if that was no success
        self._greeting, self._now = greeting, now
        self._is_transfer_offered = offers_transfer(greeting)
        self._last_call: ToolCall | None = None
        self._change = Change()
        self._message: PendingMessage | None = None  # while something of it is missing
        self._is_message_offered = self._is_waiting_offered = False
        self._is_email_asked = False  # the last answer asks for the e-mail address of a booking, or whether it is right
        self._is_aside = False  # the last answer asks something that is not whether to book or change
        self._to_pass_on = ""  # what was said with the yes to an offer, until that is booked
        self._has_just_booked = False
        self._booked_until = ""  # its end
        self._booked = ""  # the id of the appointment that was booked last in this call
        self._rejected_people = RejectedPeople()
        self._is_joining = False  # the waiting list, while the name is missing

    def hear(self, text: str) -> ToolCall | str:
        """Return the reaction to a sentence: a tool call, or what the agent says."""
        self._has_just_booked = False
        text = name_hours(text, asked="wie viel Uhr" in self._question)
        accepting, message = split_off_message(text)
        if message and self._may_accept(read_sentence(accepting, self._catalogue)):
            text, self._to_pass_on = accepting, message
        sentence = self._take_name(read_first_appointment(text, self._catalogue))
        if self._change.tool == TOOL_OF_CHANGE[Intent.CANCEL]:
            sentence = read_while_cancelling(sentence)
        self.remark = None if self._message else find_remark(sentence)
        if self._change.tool is None and sentence.intent not in TOOL_OF_CHANGE:
            sentence, remark = self._rejected_people.hear(sentence, self._catalogue.staff)
            self.remark = self.remark or remark
            self._offers = self._rejected_people.leave_out(self._offers)
        reaction = phrases.GERMAN_ONLY if sentence.is_english and not self._message else self._react(sentence)
        return self._refuse_unknown(reaction) if isinstance(reaction, ToolCall) else reaction

    def take_up(self) -> ToolCall | str | None:
        """Return the reaction to what the caller wanted to be passed on with the yes to an offer, once that is booked; else None."""
        if not (self._to_pass_on and self._has_just_booked):
            return None
        text, self._to_pass_on = self._to_pass_on, ""
        return self.hear(text)

    def _may_accept(self, sentence: Sentence) -> bool:
        """Return whether a sentence accepts an offer, or is the name for the accepted one."""
        if self._accepted_offer is not None:
            return True
        is_free = bool(self._offers) and self._change.tool is None and not sentence.is_question
        return is_free and ((sentence.yes and not sentence.no) or self._chosen_offer(sentence) is not None)

    @property
    def _is_name_asked(self) -> bool:
        return (
            (self._accepted_offer is not None and not self._is_birth_date_asked)
            or self._is_joining
            or (self._message is not None and self._message.asked_for == phrases.ASK_WHO)
        )

    def _take_name(self, sentence: Sentence) -> Sentence:
        """Return a sentence that only says the caller's name as such, where one was asked for, or an offer may be accepted."""
        is_asked = self._is_name_asked
        may_accept = self._offers and self._asked is None and self._change.tool is None and not self._is_email_asked
        return take_name(sentence, self._catalogue, asked=is_asked) if is_asked or may_accept else sentence

    def _react(self, sentence: Sentence) -> ToolCall | str:
        if sentence.ends_call and not sentence.says_more(name_is_asked=self._is_name_asked):
            if self._to_pass_on:
                self.remark = phrases.NOT_PASSED_ON.format(self._to_pass_on)
            return phrases.GOODBYE
        is_transfer_offered, self._is_transfer_offered = self._is_transfer_offered, False
        if sentence.intent is Intent.TRANSFER or (
            is_transfer_offered and sentence.yes and not sentence.no and not sentence.when
        ):
            return self._transfer()
        is_aside, self._is_aside = self._is_aside, False
        if is_transfer_offered and sentence.no and not sentence.when:
            return phrases.MORE if self._offers or self._change.tool else phrases.GOODBYE
        accepts_message = self._is_message_offered and sentence.yes and not sentence.no and not sentence.when
        if self._message or accepts_message or sentence.intent in {Intent.MESSAGE, Intent.CALLBACK}:
            return self._leave_message(sentence)
        accepts_waiting = self._is_waiting_offered and sentence.yes and not sentence.no and not sentence.when
        if self._is_joining or accepts_waiting or sentence.intent is Intent.WAITLIST:
            return self._join_waitlist(sentence)
        if sentence.intent is Intent.NOTHING:
            return self._give_up()
        if self._asked == "branches" and self._last_call is not None:
            return self._repeat_with_branch(self._last_call, sentence.text)
        if self._last_call is not None and self._last_call.name == INFORMATION:
            if self._asked == "services" and sentence.services:
                service = sentence.service or sentence.services[0]
                return self._ask_about_business({**self._last_call.args, "service": service})
            if further := read_further_question(sentence, self._last_call.args):
                return self._ask_about_business(further)
        if is_aside and sentence.yes and not sentence.no and not sentence.when:
            return phrases.HELP
        reaction = (
            self._hear_email(sentence)
            or self._hear_birth_date(sentence)
            or self._hear_question_about_offers(sentence)
            or self._hear_change_of_mind(sentence)
            or self._hear_change(sentence)
            or self._hear_question(sentence)
            or self._hear_booking(sentence)
        )
        return reaction or self._hear_nothing_new(sentence)

    def learn(self, answer: Any) -> ToolCall | None:
        """Take a tool's answer, and return the call that follows without a word of the caller, if there is one.

        Its offers replace the earlier ones; an answer that only asks back keeps those.
        """
        if not isinstance(answer, dict):
            return None
        self._asked = next(
            (each for each in ("branches", "services", "staff") if isinstance(answer.get(each), list | tuple)), None
        )
        if self._last_call is not None and self._last_call.name == INFORMATION:  # it offers and changes nothing
            self._is_aside = not answer.get("success")
            self._is_transfer_offered = self._is_aside and offers_transfer(str(answer.get("message")))
            self._change.to_confirm = {}  # a yes after it is none to the question before it
            return None
        if self._last_call is not None and self._last_call.name == "book_appointment" and answer.get("success"):
            self._has_just_booked = True
            self._booked_until = str(answer.get("end") or "")
            self._booked = str(answer.get("appointment_id") or "")
        if self._asked in {"services", "staff"}:  # the answer lists them because it did not know the one that was said
            self._details.pop("service" if self._asked == "services" else "staff", None)
        is_done = answer.get("success") and self._last_call is not None and self._last_call.name == self._change.tool
        if is_done or answer.get("appointments") == []:  # there is nothing to move or cancel
            self._change, self._requested_time = Change(), {}
        self._question = "" if answer.get("success") else str(answer.get("message") or "")
        offers = answer.get("slots") or answer.get("alternatives")
        if (
            offers or answer.get("success") or answer.get("candidates")
        ):  # a yes to "Meinen Sie A oder B?" accepts nothing
            self._offers = self._rejected_people.leave_out(list(offers or ()))
            if offers and not self._offers:  # a yes to them is none
                self._question = str(answer.get("message") or "")
        self._is_message_offered = offers_message(self._question)
        self._is_transfer_offered = not offers and offers_transfer(self._question)
        self._is_waiting_offered = "Warteliste setzen" in self._question
        self._is_email_asked = "E-Mail-Adresse" in self._question
        return self._learn_appointments(answer)

    # People and questions

    def _transfer(self) -> ToolCall | str:
        tool = next((name for name, tool in self._tools.items() if tool.get("type") == "transfer_call"), None)
        return ToolCall(tool, {}) if tool else self._cannot("transfers calls")

    def _leave_message(self, sentence: Sentence) -> ToolCall | str:
        """Pass a message on as soon as it is known what it is, and from whom; else ask."""
        if "leave_message" not in self._tools:
            return self._cannot("notes a callback" if sentence.intent is Intent.CALLBACK else "notes a message")
        message = self._message or PendingMessage()
        asked = message.asked_for == phrases.ASK_WHO
        if name := sentence.name or (self._loose_name(sentence, asked=True) if asked else None):
            self._details["customer_name"] = name
        question = message.hear(sentence, self._catalogue.staff, self._details.get("customer_name"))
        self._message = message if question else None
        return question or self._call("leave_message", message.args)

    def _join_waitlist(self, sentence: Sentence) -> ToolCall | str:
        """Let the caller wait for what was requested last, or is now; ask for the name if it is missing."""
        if "join_waitlist" not in self._tools:
            return self._cannot("has a waiting list")
        if name := sentence.name or self._loose_name(sentence, asked=self._is_joining):
            self._details["customer_name"] = name
        if sentence.service:
            self._details["service"] = sentence.service
        if sentence.staff:
            self._details["staff"] = sentence.staff
        self._requested_time = sentence.when or self._requested_time
        self._is_joining = "customer_name" not in self._details
        if self._is_joining:
            return phrases.ASK_NAME_TO_WAIT
        return self._call("join_waitlist", {**self._details, **self._requested_time})

    def _give_up(self) -> str:
        """Forget what was on offer, and a change that is under way."""
        is_change = self._change.tool is not None or (bool(self._booked) and not self._offers)
        self._change, self._requested_time, self._offers, self._accepted_offer = Change(), {}, [], None
        return phrases.KEPT if is_change else phrases.NOTHING

    def _refuse_unknown(self, call: ToolCall) -> ToolCall | str:
        """Return the call, or the sentence instead of a function that the agent's version does not declare."""
        if call.name in self._tools:
            return call
        self._cannot(f"is called {call.name}; it has: {', '.join(self._tools) or 'none'}")
        self._is_transfer_offered = offers_transfer(self._greeting)
        return self._greeting if self._is_transfer_offered else phrases.IMPOSSIBLE

    def _cannot(self, what: str) -> str:
        self.remark = f"the agent at Retell has no function that {what}"
        return phrases.IMPOSSIBLE

    def _hear_question(self, sentence: Sentence) -> ToolCall | str | None:
        """Ask the function about the business, or answer from the prompt. A service in a question about it stays."""
        topic = TOPICS.get(sentence.intent) if sentence.intent else None
        known = self._catalogue.find_question(sentence.text)
        if INFORMATION in self._tools and (topic or known):
            if known:
                self.remark = None
            if sentence.service:
                self._details["service"] = sentence.service
            wanted = {"question": known or sentence.text, "date": sentence.when.get("date"), "branch": sentence.branch}
            if topic in {"prices", "service"}:
                wanted["service"] = sentence.unknown_service or self._details.get("service")
            return self._ask_about_business({"topic": topic or "other", **wanted})
        answer = answer_question(sentence, self._catalogue)
        if answer is None:
            return None
        self._change.to_confirm = {}  # a yes after it is none to the question before it
        if answer.remark and sentence.service:
            self._details["service"] = sentence.service
        self.remark = answer.remark or self.remark
        return answer.text

    def _ask_about_business(self, args: Mapping[str, str | None]) -> ToolCall:
        return self._call(INFORMATION, {name: value for name, value in args.items() if value})

    def _hear_question_about_offers(self, sentence: Sentence) -> str | None:
        """Repeat the offer that a question is about, which is no yes to it; None if it asks for something else."""
        if not (self._offers and sentence.is_question and sentence.intent in {None, Intent.APPOINTMENT}):
            return None
        if chosen := self._chosen_offer(sentence):
            self._offers, self._accepted_offer = [chosen], None
            if sentence.staff:
                self._details["staff"] = sentence.staff
        elif not sentence.checks:
            return None
        if sentence.name:
            self._details["customer_name"] = sentence.name
        return ask_again(self._offers)

    def _hear_nothing_new(self, sentence: Sentence) -> str:
        if self._offers and sentence.is_question and not sentence.other_time:
            self.remark = phrases.NOT_UNDERSTOOD.format(sentence.text)
            return ask_again(self._offers)
        if self._offers and (sentence.no or sentence.other_time):
            return phrases.ASK_TIME
        if len(self._offers) > 1 and find_ordinal(sentence) is not None:  # "die vierte" of three
            return ask_which(self._offers)
        if sentence.intent is Intent.GREETING:
            return phrases.HELP
        if sentence.intent is Intent.GOODBYE:
            return phrases.GOODBYE
        if self._asked == "services" and (sentence.yes or sentence.name):
            return phrases.ASK_SERVICE
        if self._question and sentence.yes and not sentence.no:
            self.remark = phrases.NO_OFFER.format(sentence.text)
            return self._question
        if sentence.yes or sentence.no or sentence.name:
            return phrases.MORE if self._last_call else phrases.HELP
        self.remark = phrases.NOT_UNDERSTOOD.format(sentence.text)
        return ask_again(self._offers) if self._offers else phrases.HELP

    # Appointments that the caller has

    def _hear_change_of_mind(self, sentence: Sentence) -> ToolCall | str | None:
        """Move the appointment that this call has just booked; None if the sentence is about something else."""
        is_free = bool(self._booked) and self._change.tool is None and not self._offers and not sentence.services
        if not (is_free and CHANGES_MIND.search(sentence.text) and (sentence.when or sentence.branch)):
            return None
        named = {"appointment_id": self._booked}
        if sentence.branch:
            self._change = Change("cancel_appointment", args=named, to_confirm=named)
            return phrases.OTHER_BRANCH
        self._change, self._requested_time = Change("reschedule_appointment", args=named), dict(sentence.when)
        return self._call("reschedule_appointment", {**named, **self._requested_time})

    def _hear_change(self, sentence: Sentence) -> ToolCall | str | None:
        """Find, move or cancel appointments of the caller; None when the sentence is about a new appointment."""
        if sentence.intent is Intent.LIST:
            known = "find_appointments" in self._tools
            return self._call("find_appointments", {}) if known else self._cannot("lists appointments")
        change = self._change
        if sentence.intent in TOPICS or sentence.intent is Intent.AI:
            return None
        if tool := TOOL_OF_CHANGE.get(sentence.intent) if sentence.intent else None:
            if tool not in self._tools:
                return self._cannot("moves appointments" if sentence.intent is Intent.MOVE else "cancels appointments")
            self._change = change = Change(tool, appointments=change.appointments)
            self._requested_time, self._offers = {}, []
        elif change.tool is None:
            return None
        elif change.to_confirm and (sentence.yes or sentence.no) and not sentence.is_question:
            return self._confirm(sentence)
        elif drops_change(sentence, is_time_offered=bool(self._offers)):
            return self._give_up()
        elif not change.appointments and (sentence.services or sentence.unknown_service):
            self._change = Change()
            return None
        if change.tool == "cancel_appointment":
            return self._hear_named(sentence, sentence.text) or self._call(change.tool, change.args)
        return self._hear_move(sentence)

    def _confirm(self, sentence: Sentence) -> ToolCall | str:
        change = self._change
        if sentence.yes and not sentence.no:
            change.tool = "cancel_appointment"  # which a move asks about, too, where it is not possible
            return self._call(change.tool, {**change.to_confirm, "confirmed": True})
        self._change = Change()
        return phrases.KEPT

    def _hear_move(self, sentence: Sentence) -> ToolCall | str:
        change = self._change
        if change.asked_about and sentence.no and not sentence.yes and not sentence.when:
            return self._give_up()
        if change.asked_about and sentence.yes and not sentence.no:
            change.args = {"appointment_id": change.asked_about}
        which, new = ("", sentence.text) if self._offers else split_at_new_time(sentence.text)
        chosen = self._chosen_offer(sentence)
        if self._offers and not sentence.when and sentence.no:
            self._forget(sentence.rejected)
            return phrases.ASK_TIME
        if self._offers and chosen is None and sentence.yes and not sentence.when:
            if len(self._offers) > 1:
                return ask_which(self._offers)
            chosen = self._offers[0]
        if chosen:
            return self._call(str(change.tool), {**change.args, "start": chosen["start"]})
        if change.appointments and not change.args and not which:
            which, new = (sentence.text, "") if choose(change.appointments, sentence, self._now) else (which, new)
        self._forget(sentence.rejected)
        self._requested_time |= read_sentence(new, self._catalogue).when
        return self._hear_named(sentence, which) or self._call(
            str(change.tool), {**change.args, **self._requested_time}
        )

    def _hear_named(self, sentence: Sentence, which: str) -> ToolCall | str | None:
        """Find the appointment that is named by `which`, a part of the sentence. None if nothing names one, or it is found."""
        change = self._change
        named = read_sentence(which, self._catalogue)
        if change.appointments:
            chosen = choose(change.appointments, named, self._now)
            if chosen is None and len(change.appointments) == 1 and sentence.yes and not sentence.no:
                chosen = change.appointments[0]
            if chosen:
                change.args = {"appointment_id": chosen["appointment_id"]}
            elif not change.args and sentence.intent is None and not named.when:
                self.remark = phrases.NOT_UNDERSTOOD.format(sentence.text)
                return phrases.ASK_APPOINTMENT
            return None
        when = {f"appointment_{name}": words for name, words in named.when.items()}
        if when.keys() & self._schema(str(change.tool)).get("properties", {}).keys():
            change.args = when
        elif (when or named.services or named.staff) and "find_appointments" in self._tools:
            change.named = which
            return self._call("find_appointments", {})
        return None

    def _learn_appointments(self, answer: Mapping[str, Any]) -> ToolCall | None:
        """Take the caller's appointments; if one was named before they were known, return the change of that one."""
        change = self._change
        change.appointments = list(answer.get("appointments") or ())
        asked_about = str(answer.get("appointment_id") or "")
        change.to_confirm = {"appointment_id": asked_about} if asked_about and answer.get("needs_confirmation") else {}
        change.asked_about = "" if answer.get("success") else asked_about
        named, change.named = change.named, ""
        chosen = choose(change.appointments, read_sentence(named, self._catalogue), self._now) if named else None
        if chosen is None:
            return None
        change.args = {"appointment_id": chosen["appointment_id"]}
        return self._call(str(change.tool), {**change.args, **self._requested_time})

    # A new appointment

    def _hear_booking(self, sentence: Sentence) -> ToolCall | str | None:
        accepted, self._accepted_offer = self._accepted_offer, None
        chosen = self._chosen_offer(sentence)
        if name := sentence.name or self._loose_name(sentence, asked=accepted is not None):
            self._details["customer_name"] = name
        if sentence.email:
            self._details["email"] = sentence.email
        if chosen is None and not sentence.no and not self._asks_anew(sentence):
            if accepted:
                chosen = accepted
            elif self._offers and sentence.is_both and len(self._offers) == 1:
                return phrases.ONE_AT_A_TIME.format(self._offers[0].get("spoken", self._offers[0]["start"]))
            elif self._offers and (sentence.yes or name):
                if len(self._offers) > 1:
                    return ask_which(self._offers)
                chosen = self._offers[0]
        return self._book(chosen) if chosen else self._ask_availability(sentence)

    def _hear_email(self, sentence: Sentence) -> ToolCall | None:
        """Repeat the booking whose e-mail address the last answer asks about; None if the sentence is about something else."""
        booking = self._last_call
        if not self._is_email_asked or booking is None or sentence.intent not in _MAY_ANSWER_EMAIL:
            return None
        args = answer_email_question(sentence.text, sentence.email, booking.args, yes=sentence.yes, no=sentence.no)
        return None if args is None else self._call(booking.name, args)

    def _hear_birth_date(self, sentence: Sentence) -> ToolCall | str | None:
        """Book with the birth date that was asked for; None if the sentence names no date."""
        is_asked, self._is_birth_date_asked = self._is_birth_date_asked, False
        if not is_asked or self._accepted_offer is None or "date" not in sentence.when or sentence.no:
            return None
        offer, self._accepted_offer = self._accepted_offer, None
        self._details["birth_date"] = sentence.when["date"].rstrip(" .")
        return self._book(offer)

    def _chosen_offer(self, sentence: Sentence) -> Item | None:
        """Return the offer that a sentence names; None for another service, and for a day alone that replaces the offered ones."""
        if self._is_other_service(sentence) or sentence.branch or (sentence.no and sentence.when.keys() == {"date"}):
            return None
        return choose(self._offers, replace(sentence, services=()), self._now)

    def _asks_anew(self, sentence: Sentence) -> bool:
        return bool(sentence.when or sentence.branch or sentence.staff or sentence.any_staff) or self._is_other_service(
            sentence
        )

    def _is_other_service(self, sentence: Sentence) -> bool:
        return bool(sentence.services) and sentence.service != self._details.get("service")

    def _loose_name(self, sentence: Sentence, *, asked: bool) -> str | None:
        """Return the name that a yes carries ("Ja, Anna Nym"), or that was asked for."""
        is_name = asked or (
            len(sentence.loose_words) > 1 and (sentence.yes or bool(choose(self._offers, sentence, self._now)))
        )
        if (
            not is_name
            or sentence.wants_other
            or "?" in sentence.text
            or sentence.services
            or (self._asked == "services" and not sentence.yes)
        ):
            return None
        return " ".join(sentence.loose_words) or None

    def _forget(self, rejected: Iterable[str]) -> None:
        """Forget the parts of the requested time that a sentence rejects."""
        for name in rejected:
            self._requested_time.pop(name, None)

    def _ask_availability(self, sentence: Sentence) -> ToolCall | str | None:
        """Ask for free times as soon as a time, a service, a staff member or a branch is named."""
        self._forget(sentence.rejected)
        branch = {"branch": sentence.branch} if sentence.branch else {}
        when = sentence.when | find_other_part(self._offers, sentence, self._requested_time.get("date")) | branch
        if (sentence.after_last or sentence.before_last) and not when:
            when = self._beside_last(sentence)
        services = (sentence.service,) if sentence.service else sentence.services
        services = services or ((sentence.unknown_service,) if sentence.unknown_service else ())
        if not services and self._asked == "services" and not when and not sentence.yes and not sentence.name:
            services = (" ".join(sentence.loose_words),) if sentence.loose_words else ()
        wants_any = sentence.any_staff or (sentence.intent is Intent.APPOINTMENT and not self._offers)
        if not (when or services or sentence.staff or wants_any):
            return None
        if sentence.staff:
            self._details["staff"] = sentence.staff
        elif sentence.any_staff:
            self._details.pop("staff", None)
            self._rejected_people.forget()
        if when:
            day = self._requested_time.get("date")  # "lieber um vier" keeps the day
            self._requested_time = ({"date": day} if day else {}) | when
        if len(services) > 1:
            return f"Möchten Sie {' oder '.join(services)}?"
        if services:
            self._details["service"] = services[0]
        return self._call("check_availability", {**self._details, **self._requested_time})

    def _beside_last(self, sentence: Sentence) -> dict[str, str]:
        """Return the time after the appointment that was booked last; nothing, with a remark, for one that is not known."""
        if sentence.after_last and self._booked_until and not self._offers:
            return time_after(self._booked_until)
        self.remark = phrases.NO_NEIGHBOUR.format(sentence.text)
        self._forget(("time", "part_of_day"))
        return {}

    def _repeat_with_branch(self, call: ToolCall, text: str) -> ToolCall:
        """Repeat a call with the branch in the caller's words. Pressed keys are not repeated: they are in the transcript."""
        args = {name: value for name, value in call.args.items() if name != "branch"}
        return self._call(call.name, args if _PRESSED.fullmatch(text) else {**args, "branch": text})

    def _book(self, offer: Item) -> ToolCall | str:
        staff = {"staff": offer["staff"]} if is_one_of_several(offer, self._offers) else {}
        call = self._call("book_appointment", {**self._details, **staff, "start": offer["start"]})
        missing = set(self._schema(call.name).get("required", ())) - call.args.keys()
        for name, question in (("customer_name", phrases.ASK_NAME), ("birth_date", phrases.ASK_BIRTH_DATE)):
            if name in missing:
                self._accepted_offer, self._is_birth_date_asked = offer, name == "birth_date"
                return question
        return call

    def _schema(self, tool: str) -> Mapping[str, Any]:
        return self._tools.get(tool, {}).get("parameters") or {}

    def _call(self, tool: str, args: Mapping[str, Any]) -> ToolCall:
        """Return a call with the arguments that the tool's schema declares; a required `phone` defaults to the caller's number."""
        schema = self._schema(tool)
        declared = schema.get("properties", {})
        declared_args = {name: value for name, value in args.items() if name in declared}
        if "phone" in schema.get("required", ()):
            declared_args.setdefault("phone", self._user_number)
        self._last_call = ToolCall(tool, declared_args)
        return self._last_call
