"""`askproai plan` on a running demo: what it shows is what `kubectl apply` then does, and showing it writes nothing."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_operator.controllers.agent_plan.plan import Action
from tests.worlds.running_demo import Demo, fetch
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

SALON = Path(__file__).parents[2] / "examples" / "salon.yaml"
KEY = next(
    each["stringData"]["retell-api-key"] for each in yaml.safe_load_all(SALON.read_text()) if each["kind"] == "Secret"
)
READS = {"GET"}


async def run_plan(demo: Demo, file: Path) -> list[dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("askproai")), "plan", str(file), "--kubeconfig", demo.state.kubeconfig, "-o", "json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out
    return json.loads(out)


async def writes(demo: Demo) -> list[dict[str, Any]]:
    entries = (await fetch(f"{demo.state.retellUrl}/_sim/journal"))["entries"]
    return [entry for entry in entries if entry["method"] not in READS and "list-" not in entry["path"]]


def changed(tmp_path: Path, **fields: Any) -> Path:
    documents = list(yaml.safe_load_all(SALON.read_text()))
    for document in documents:
        if document["kind"] == "RetellAgent":
            document["spec"]["llm"]["prompt"] = fields["prompt"]
    file = tmp_path / "salon.yaml"
    file.write_text(yaml.safe_dump_all(documents, allow_unicode=True))
    return file


async def test_the_shown_plan_is_what_apply_then_does(demo: Demo, tmp_path: Path) -> None:
    unchanged = {each["name"]: (each["change"], each["steps"]) for each in await run_plan(demo, SALON)}
    assert unchanged["RetellAgent/mitte"] == ("unchanged", [])
    before = await writes(demo)
    live = json.loads(await demo.kubectl("get", "retellagent", "mitte", "-n", "salon-mueller", "-o", "json"))
    file = changed(tmp_path, prompt="Du bist der Empfang von Salon Müller. Sei heute besonders freundlich.")

    planned = {each["name"]: each for each in await run_plan(demo, file)}
    agent = planned["RetellAgent/mitte"]
    others = planned.keys() - {"RetellAgent/mitte"}
    assert agent["change"] == "changed"
    assert {name: planned[name]["change"] for name in others} == {name: unchanged[name][0] for name in others}
    assert [line.split(":")[0] for line in agent["fields"]] == ["spec.llm.prompt"]
    assert agent["steps"] == [
        Action.FORK.format(live["status"]["publishedVersion"]), Action.PATCH_LLM.format("general_prompt"),
        str(Action.PUBLISH), Action.BIND.format("+49301234567"),
    ]  # fmt: skip
    assert await writes(demo) == before, "a plan writes nothing"

    await demo.kubectl("apply", "-f", str(file))

    async def settled() -> bool:
        return all(each["change"] == "unchanged" and not each["steps"] for each in await run_plan(demo, file))

    await eventually(settled, SOON, "nothing more to plan")
    operations = [f"{entry['method']} {entry['path'].split('/')[1]}" for entry in (await writes(demo))[len(before) :]]
    assert operations == [
        "POST create-agent-version", "PATCH update-retell-llm", "POST publish-agent-version", "PATCH update-phone-number"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "steps", "is_problem"),
    [
        ("+493011112222", [Action.BIND.format("+493011112222")], False),
        ("+493011113333", ["+493011113333 is not at Retell"], True),
    ],
    ids=["at Retell", "not at Retell"],
)
async def test_a_number_that_is_added_to_a_branch_is_in_the_plan_of_its_agent(
    demo: Demo, tmp_path: Path, number: str, steps: list[str], is_problem: bool
) -> None:
    if not is_problem:
        body, bearer = (
            {"phone_number": number, "termination_uri": "salon.sip.example"},
            {"Authorization": f"Bearer {KEY}"},
        )
        await fetch(f"{demo.state.retellUrl}/import-phone-number", "POST", json=body, headers=bearer)
    documents = list(yaml.safe_load_all(SALON.read_text()))
    for document in documents:
        if document["kind"] == "Branch":
            document["spec"]["phoneNumbers"].append({"number": number})
    file = tmp_path / "salon.yaml"
    file.write_text(yaml.safe_dump_all(documents, allow_unicode=True))
    planned = {each["name"]: each for each in await run_plan(demo, file)}
    found = " ".join(planned["RetellAgent/mitte"]["steps"])
    assert all(step in found for step in steps), found
    assert planned["RetellAgent/mitte"]["is_problem"] is is_problem


async def test_a_tenant_whose_namespace_is_applied_with_it_will_be_created(demo: Demo) -> None:
    planned = await run_plan(demo, SALON.with_name("second-tenant.yaml"))
    assert {each["change"] for each in planned} == {"created"}
    steps = next(each["steps"] for each in planned if each["name"].startswith("RetellAgent/"))
    assert steps[0] == "waits until Tenant praxis-weber is ready, then:"
    assert steps[1:4] == [str(Action.CREATE_LLM), str(Action.CREATE_AGENT), str(Action.PUBLISH)]
