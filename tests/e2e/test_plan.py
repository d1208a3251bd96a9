"""`askproai plan` on a running demo: `kubectl apply` then makes the shown changes, and showing them writes nothing."""

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


async def test_apply_makes_the_changes_of_the_plan(demo: Demo, tmp_path: Path) -> None:
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
