"""`askproai plan` on a running demo: what it shows is what `kubectl apply` then makes, and showing it writes nothing."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from askproai_operator.controllers.agent.decide import Act
from tests.e2e.conftest import Demo, fetch

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
    return [one for one in entries if one["method"] not in READS and "list-" not in one["path"]]


def changed(tmp_path: Path, **fields: Any) -> Path:
    documents = list(yaml.safe_load_all(SALON.read_text()))
    for one in documents:
        if one["kind"] == "RetellAgent":
            one["spec"]["llm"]["prompt"] = fields["prompt"]
    file = tmp_path / "salon.yaml"
    file.write_text(yaml.safe_dump_all(documents, allow_unicode=True))
    return file


async def test_the_shown_plan_is_what_apply_then_does(demo: Demo, tmp_path: Path) -> None:
    nothing = {one["name"]: (one["change"], one["steps"]) for one in await run_plan(demo, SALON)}
    assert nothing["RetellAgent/mitte"] == ("unchanged", [])
    before = await writes(demo)
    live = json.loads(await demo.kubectl("get", "retellagent", "mitte", "-n", "salon-mueller", "-o", "json"))
    file = changed(tmp_path, prompt="Du bist der Empfang von Salon Müller. Sei heute besonders freundlich.")

    planned = {one["name"]: one for one in await run_plan(demo, file)}
    agent = planned["RetellAgent/mitte"]
    assert (agent["change"], planned["Tenant/salon-mueller"]["change"]) == ("changed", "unchanged")
    assert [line.split(":")[0] for line in agent["fields"]] == ["spec.llm.prompt"]
    assert agent["steps"] == [
        Act.FORK.format(live["status"]["publishedVersion"]), Act.PATCH_LLM.format("general_prompt"),
        str(Act.PUBLISH), Act.BIND.format("+49301234567"),
    ]  # fmt: skip
    assert await writes(demo) == before, "a plan writes nothing"

    await demo.kubectl("apply", "-f", str(file))

    async def settled() -> bool:
        return all(one["change"] == "unchanged" and not one["steps"] for one in await run_plan(demo, file))

    await demo.until(settled, 30, "nothing more to plan")
    done = [f"{one['method']} {one['path'].split('/')[1]}" for one in (await writes(demo))[len(before) :]]
    assert done == [
        "POST create-agent-version", "PATCH update-retell-llm", "POST publish-agent-version", "PATCH update-phone-number"
    ]  # fmt: skip


async def test_a_tenant_whose_namespace_comes_along_is_to_be_created(demo: Demo) -> None:
    planned = await run_plan(demo, SALON.with_name("second-tenant.yaml"))
    assert {one["change"] for one in planned} == {"created"}
    assert "namespace comes with these files" in planned[0]["fields"][0]
