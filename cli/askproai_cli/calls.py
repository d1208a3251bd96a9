"""`askproai calls list`, `calls show` and `timeline`. An id is never cut: a long line continues on the next one."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Annotated, Any

import typer

from askproai_cli.output import LimitOption, SinceOption, find_zone, line_width, to_cell, wrap
from askproai_cli.tenant_api import TenantApi, example, for_tenant, since_instant

calls = typer.Typer(
    no_args_is_help=True,
    help="The calls of a tenant: list them with their outcomes, or show what was said in one.",
    epilog=example("calls list --since 2h"),
)

_COLUMNS = {"started_at": "when", "from_number": "from", "branch": "branch", "seconds": "s", "outcome": "outcome",
            "call_id": "call"}  # fmt: skip
_MAX_NAME = 24
_NOT_READABLE = "Not readable: the key with which it was encrypted is gone."
_AI_NOTICES = {
    "heard": "given (transcript)", "in_greeting": "given (greeting)", "not_given": "not given", "not_known": "not known",
}  # fmt: skip
_INDENT = " " * 10  # a time of day and two spaces

AnonymousOption = Annotated[
    bool, typer.Option("--anonymous", help="Leave out numbers, names and what was said, to pass it on.")
]


@calls.command("list", epilog=example("calls list --since 2h --outcome failed"))
@for_tenant
def list_command(
    api: TenantApi,
    since: SinceOption = None,
    caller: Annotated[str | None, typer.Option("--from", help="Only from this phone number, or anonymous.")] = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            help="booked, moved, cancelled, message, waiting, ongoing, transferred, failed, nothing or no_function (none is"
            " recorded: the agent used none, or nothing could be recorded), which failed finds, too; several joined by commas."
        ),
    ] = None,
    anonymous: AnonymousOption = False,
    limit: LimitOption = 50,
) -> None:
    """List calls, newest first: who called, how long, and the outcome."""
    filters = {"since": since_instant(since), "from": caller, "outcome": outcome}
    answer = api.get("calls", **filters, personal=_personal(anonymous), limit=limit)
    api.print_rows(answer, answer["calls"], _COLUMNS, "no calls")


@calls.command(epilog=example("calls show call_5d2f"))
@for_tenant
def show(
    api: TenantApi,
    call_id: Annotated[
        str, typer.Argument(help="As listed by `askproai calls list`, or its beginning.", metavar="CALL_ID")
    ],
) -> None:
    """Show a call's transcript, Retell's analysis of it, and where its recording is. The audit log records who has read it.

    Transcript and analysis are kept for retention.transcriptDays; Retell keeps a recording only if privacy.retellStorage
    permits it, for privacy.retellRetentionDays.
    """
    answer = api.get(f"calls/{call_id}")
    api.print_lines(answer, content_lines(answer, line_width()))


def content_lines(content: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the output lines for the answer of `GET calls/{id}`."""
    yield content["call"]["call_id"]
    yield ", ".join(_call_facts(content["call"], find_zone(content.get("zone"))))
    yield from _notice_lines(content, width)
    facts = {name: content[name] for name in ("summary", "sentiment", "successful", "recording_url")} | content[
        "further"
    ]
    shown = {name.replace("_", " "): to_cell(value) for name, value in facts.items() if value not in (None, {}, "")}
    if shown:
        yield ""
    for name, value in shown.items():
        yield from wrap(f"{name}: {value}", width, further="  ")
    if content["transcript"]:
        yield from _transcript_lines(content["transcript"], width)
        if content["transcript_truncated"]:
            yield from ("", "The transcript is cut after 10,000 characters.")
    elif content.get("not_readable"):
        yield from ("", _NOT_READABLE)
    elif not (content.get("notice") or {}).get("refused_at"):  # a refusal is reported above
        yield from (
            "",
            "No transcript is kept of it: Retell has sent none, or it is older than retention.transcriptDays.",
        )


def _notice_lines(answer: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield lines on the call notice that the caller heard, and on a refusal of the recording; no line if neither is known."""
    notice, zone = answer.get("notice"), find_zone(answer.get("zone"))
    if notice is None:
        return
    version = f", version {notice['agent_version']}" if notice["agent_version"] is not None else ""
    facts = [f"AI notice: {_AI_NOTICES.get(notice['ai_notice'], notice['ai_notice'])}{version}"]
    facts.append(f"Retell keeps: {to_cell(notice['retell_keeps'] or 'not known')}")
    if notice["refused_at"]:
        facts.append(f"refused to be recorded {to_cell(notice['refused_at'], zone)}, so no text of it is kept")
        gone = notice["deleted_at_retell"]
        facts.append(f"deleted at Retell {to_cell(gone, zone)}" if gone else "at Retell not deleted yet")
    yield from wrap("; ".join(facts), width, further="  ")


def _transcript_lines(transcript: str, width: int) -> Iterator[str]:
    yield from ("", "transcript")
    for spoken in transcript.splitlines():
        yield from wrap(to_cell(spoken), width, first="  ", further="    ") or [""]


@for_tenant
def timeline(
    api: TenantApi,
    call_id: Annotated[
        str,
        typer.Argument(
            help="A call or an appointment, as listed or its beginning, or a correlation id, as log lines and answers have it.",
            metavar="ID",
        ),
    ],
    anonymous: AnonymousOption = False,
) -> None:
    """Show what happened in a call, in order: events, functions with their outcomes, appointments, jobs, transcript.

    For an appointment: the changes by each call and by the desk, jobs and notifications. For a correlation id: all that has it.
    """
    answer = api.get(f"timeline/{call_id}", personal=_personal(anonymous))
    api.print_lines(answer, timeline_lines(answer, line_width()))


def timeline_lines(timeline: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines for an answer of `GET calls/{id}/timeline` or `timeline/{id}`; only a line with a long id exceeds `width`."""
    zone = find_zone(timeline.get("zone"))
    if (call := timeline["call"]) is not None:
        yield call["call_id"]
        yield ", ".join(_call_facts(call, zone))
        yield from _notice_lines(timeline, width)
        yield ""
    moments = timeline["moments"]
    if any(moment["what"] == "function" for moment in moments):  # each action belongs to a function
        moments = [moment for moment in moments if moment["what"] != "action"]
    names = min(_MAX_NAME, max((len(moment["name"]) for moment in moments), default=0))
    day = ""
    for moment in moments:
        *date, clock, zone_name = to_cell(moment["at"], zone, seconds=True).split()
        if day != (day := " ".join([*date, zone_name])):
            yield day
        took = "" if moment["duration_ms"] is None else f"{moment['duration_ms']} ms"
        name, outcome = to_cell(moment["name"]), to_cell(moment["outcome"])
        yield f"{clock}  {moment['what']:11}  {name:{names}}  {outcome:14}  {took}".rstrip()
        for detail in _details(moment, zone):
            yield from wrap(detail, width, first=_INDENT, further=f"{_INDENT}  ")
        if call is None and moment.get("call_id"):
            yield f"{_INDENT}in {to_cell(moment['call_id'])}"
    if timeline["transcript"]:
        yield from _transcript_lines(timeline["transcript"], width)
    elif timeline.get("not_readable"):
        yield from ("", f"transcript: {_NOT_READABLE}")


def _call_facts(call: Mapping[str, Any], zone: tzinfo | None) -> Iterator[str]:
    if call["started_at"] is not None:
        yield to_cell(call["started_at"], zone, seconds=True)
    if call["from_number"]:
        yield f"from {to_cell(call['from_number'])}"
    if call["branch"]:
        yield call["branch"]
    if call["seconds"] is not None:
        yield f"{call['seconds']} s"
    yield call["outcome"]
    if reason := call.get("disconnection_reason"):
        yield f"end: {to_cell(reason)}"


def _details(moment: Mapping[str, Any], zone: tzinfo | None) -> Iterator[str]:
    if moment["arguments"]:
        yield ", ".join(f"{name}: {to_cell(value, zone)}" for name, value in moment["arguments"].items())
    if moment["detail"]:
        shape = moment.get("body_shape")
        yield to_cell(moment["detail"], zone) + (f"; body: {to_cell(shape)}" if shape else "")
    if moment["answer"]:
        yield f"→ {to_cell(moment['answer'], zone)}"
    if moment.get("not_readable"):
        yield _NOT_READABLE
    if moment["appointment_id"]:
        at = moment["starts_at"] and f"at {to_cell(moment['starts_at'], zone)}"
        yield " ".join(filter(None, (moment["appointment_id"], at)))
    elif moment["starts_at"]:
        yield f"call back {to_cell(moment['starts_at'], zone)}"
    if moment.get("notes"):
        yield f"note: {to_cell(moment['notes'])}"
    if moment["next_try_at"]:
        yield f"next try {to_cell(moment['next_try_at'], zone, seconds=True)}"
    if moment["outcome"] in {"failed", "dead", "too_slow"}:
        yield f"correlation id {moment['correlation_id']}"


def _personal(anonymous: bool) -> str:
    return "false" if anonymous else "true"
