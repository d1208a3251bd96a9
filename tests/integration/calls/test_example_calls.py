"""The call scripts of `examples/calls/` hear their expected answers from the functions alone, without agent or mails."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.controllers.tenant.tenant_config import required_resources
from askproai_sandbox.call_scripts import CallScript, load_script
from askproai_sandbox.call_scripts.script import WEEKDAYS, Command, SpokenCall, missing_sentence
from askproai_sandbox.example_tenant import EXAMPLES, load_manifests
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import STAFF_UNITS, Database
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web

SCRIPTS = [load_script(file) for file in sorted((EXAMPLES / "calls").glob("*.yaml"))]
OURS = [
    script
    for script in SCRIPTS
    if "transfer_to_human" not in str(script.steps)  # which Retell carries out itself
]


def first_day(script: CallScript) -> date | None:
    """Return a day on which a new tenant has free times: that of a script that needs none is None."""
    if script.on is None:
        return None
    tomorrow = datetime.now(UTC).date() + timedelta(days=1 if script.on.soon else 8)
    wanted = {script.on.weekday} if script.on.weekday else {"Sat"} if script.on.soon else {"Tue"}
    return next(day for day in (tomorrow + timedelta(days=n) for n in range(7)) if WEEKDAYS[day.weekday()] in wanted)


def fill_in(value: Any, offers: Sequence[str]) -> Any:
    """Replace `{offer.1}` by the start of the first time that was named last."""
    offer = re.fullmatch(r"\{offer\.(\d)\}", str(value))
    return offers[int(offer[1]) - 1] if offer else value


async def play(pod: TenantPod, step: SpokenCall, call_id: str, script: CallScript) -> list[str]:
    """Ask the functions of a call, each with all that was said and answered before; return what the agent says."""
    transcript, offers, heard = list[dict[str, Any]](), list[str](), list[str]()
    number = "anonymous" if step.caller == "anonymous" else f"+4915100{sum(step.caller.encode()):06}"
    fields = {"from_number": number, "to_number": script.number, "transcript_with_tool_calls": transcript}
    for words, call in zip(step.say, step.tool_calls, strict=True):
        keys = re.fullmatch(r"\[([0-9*#]+)\]", words)
        transcript += (
            [{"role": "dtmf", "digit": key} for key in keys[1]] if keys else [{"role": "user", "content": words}]
        )
        if call is None:
            continue
        args = {name: fill_in(value, offers) for name, value in call["args"].items()}
        reply = await pod.function(call["name"], call_id, args, **fields)
        found = reply.body.get("slots") or reply.body.get("alternatives")
        offers = [slot["start"] for slot in found] if found else offers
        heard.append(reply.body["message"])
        transcript += [
            {"role": "tool_call_result", "content": json.dumps(reply.body)}, {"role": "agent", "content": heard[-1]}
        ]  # fmt: skip
    return heard


@pytest.mark.parametrize("script", OURS, ids=lambda script: re.sub(r"\W+", "-", script.title.lower()))
async def test_example_script_hears_its_expected_answers(
    database: Database, tmp_path: Path, script: CallScript
) -> None:
    example = Path(script.manifest or "salon.yaml").name
    objects = load_manifests(example)
    people = required_resources(
        [Branch.from_raw(raw) for raw in objects["Branch"]],
        [ServiceOffering.from_raw(raw) for raw in objects["ServiceOffering"]],
    )
    async with open_pod(database, tmp_path, script.tenant.partition(".")[0], {*people, *STAFF_UNITS}) as pod:
        pod.write_config(compile_example(example, resource_ids=pod.store.resources, tenant=pod.store.tenant))
        async with running_web(pod, worker_port=9):
            for number, step in enumerate(
                script.parse_steps(script.values(first_day(script), "emma.post.3f7a@example.de"))
            ):
                if not isinstance(step, Command):
                    heard = await play(pod, step, f"call_{number}", script)
                    assert missing_sentence(step.heard, heard) is None, heard
