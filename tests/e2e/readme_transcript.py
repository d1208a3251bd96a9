"""The README's transcript of a demo that was played. Only values that differ by day and run are replaced by fixed values."""

import re

from askproai_sandbox.caller import Step
from askproai_sandbox.demo.report import calendar_rows
from askproai_sandbox.demo.scenario import DemoResult

BEGIN, END = "<!-- transcript: written by a test from a real run -->", "<!-- /transcript -->"

_SPEAKERS = {"said": "Caller", "heard": "Agent", "note": "Demo"}
_TRANSLATIONS = {
    "Salon Müller, Sie sprechen mit unserem KI-Assistenten. Was kann ich für Sie tun?": (
        "Salon Müller, you are speaking with our AI assistant. What can I do for you?"
    ),
    "Guten Tag, ich hätte gern einen Haarschnitt am kommenden Freitag um halb drei.": (
        'Hello, I would like a haircut next Friday at half past two. ("halb drei" is half *to* three)'
    ),
    "Frei ist Freitag, der 27. November, um 14 Uhr 30 bei Anna. Soll ich das eintragen?": (
        "Friday 27 November at 14:30 with Anna is free. Shall I put that down?"
    ),
    "Ja, gern. Mein Name ist Erika Mustermann.": "Yes, please. My name is Erika Mustermann.",
    (
        "Der Termin ist eingetragen: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna."
        " Er ist auf den Namen Erika Mustermann."
    ): (
        "The appointment is made: Friday 27 November, 14:30, haircut with Anna. It is under the name Erika Mustermann."
    ),
}
# Ids, ports, ages and dates, each with its fixed value.
_FIXED_VALUES = (
    (r"Freitag, (de[nr]) \d+\. \w+", r"Freitag, \1 27. November"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:40000"),
    (r"agent_[0-9a-f]{24}", "agent_7c1f0a52e9d84b6f93a0c5de"),
    (r"(?m)(True +AsDeclared .*? )\d+[sm](\d+s)?$", r"\g<1>30s"),
    (r"\w{3} \d\d \w{3} \d{4} 14:30 CES?T", "Fri 27 Nov 2026 14:30 CET"),
    (r"\d{4}-\d\d-\d\dT14:30:00\+0[12]:00", "2026-11-27T14:30:00+01:00"),
)


def transcript(result: DemoResult) -> str:
    """Return the Markdown between the README's markers."""
    lines = [
        "**The call**",
        "",
        "| | what is said, and what the agent's functions do | in English |",
        "|---|---|---|",
        *(_row(step) for step in result.call.steps),
        "",
        "**Both books, a second later**",
        "",
        "| book | when | with | for | status |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(row[:5])} |" for row in calendar_rows(result)),
        "",
        "**`kubectl get tenants.askproai.de,branches,serviceofferings,retellagents -A`**",
        "",
        "```",
        *(line.rstrip() for line in result.resources.rstrip().splitlines()),
        "```",
    ]
    return _with_fixed_values("\n".join(lines))


def _row(step: Step) -> str:
    if step.kind in _SPEAKERS:
        text = _with_fixed_values(step.text or "")
        return f"| {_SPEAKERS[step.kind]} | {text} | {_TRANSLATIONS.get(text, '')} |"
    if step.kind == "webhook":
        return f"| Retell | `{step.name}`, signed → {step.status} | |"
    arguments = ", ".join(f"{name}={value}" for name, value in (step.arguments or {}).items())
    return f"| → | `{step.name}({arguments})` → {step.status} | |"


def _with_fixed_values(text: str) -> str:
    for pattern, fixed_value in _FIXED_VALUES:
        text = re.sub(pattern, fixed_value, text)
    return text
