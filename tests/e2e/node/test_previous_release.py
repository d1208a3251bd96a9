"""The upgrade from the release before, and the way back, as docs/install.md says. The steps build on each other, in this order.

The release before is the image, the chart and the examples of a commit of this repository.
"""

import json
import os
import subprocess
import tarfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_sandbox.example_tenant import EXAMPLES, SALON
from tests.e2e.node.cluster import SYSTEM, apply, kubectl, objects, pods, run
from tests.e2e.node.environment import KINDS, OTHERS, NodeEnvironment, wait_until_ready
from tests.e2e.node.load import SCHEMA, Load, all_run, free_starts
from tests.worlds.documented_commands import ROOT, read_shell_blocks
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.timeout(1200)
# The last commit with the schema 5, that of the release before; hack/e2e.sh builds the image from it.
COMMIT = "2b4831573cf9c9fada461834ef3b8cd3ddee7bbe"
NAMESPACES = (SALON.namespace, *(other.namespace for other in OTHERS))
FILES = ("salon.yaml", *(other.file for other in OTHERS))
PHASES = 4  # under calls: the upgrade, the rollback, the migrations back, the upgrade once more


@dataclass
class PreviousRelease:
    """The release before: its image, by the name under which the nodes find it, its tree, and the load of each phase so far."""

    image: str
    tree: Path
    loads: list[Load] = field(default_factory=list)

    @property
    def image_options(self) -> tuple[str, str]:
        repository, _, tag = self.image.rpartition(":")
        return "--set", f"image.repository={repository},image.tag={tag}"

    def functions(self) -> dict[tuple[str, str], list[str]]:
        """Return the functions that the examples declare, by namespace and name of the RetellAgent."""
        texts = [(self.tree / "examples" / file).read_text("utf-8") for file in FILES]
        manifests = [manifest for text in texts for manifest in yaml.safe_load_all(text)]
        return {
            (agent["metadata"]["namespace"], agent["metadata"]["name"]): agent["spec"]["functions"]
            for agent in manifests
            if agent["kind"] == "RetellAgent"
        }

    def load(self, env: NodeEnvironment) -> Load:
        """Return the load of the next phase, which has starts of its own."""
        self.loads.append(Load(env, free_starts()[len(self.loads) :: PHASES], OTHERS, pause=2))
        return self.loads[-1]


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> PreviousRelease:
    archive = subprocess.run(["git", "archive", COMMIT, "charts", "examples"], cwd=ROOT, capture_output=True)
    if archive.returncode:
        pytest.skip(f"no commit {COMMIT[:8]}, the release before, in this clone: `git fetch --unshallow` brings it")
    image = os.environ.get("ASKPROAI_E2E_PREVIOUS")
    if not image:
        pytest.skip(f"ASKPROAI_E2E_PREVIOUS, the image of commit {COMMIT[:8]}, is missing")
    tree = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(tree, filter="data")
    return PreviousRelease(image, tree)


def documented(word: str) -> str:
    """Return the one block of install.md in which the word is."""
    (block,) = [block for block in read_shell_blocks(ROOT / "docs" / "install.md") if word in block]
    return block


async def schema(env: NodeEnvironment) -> int:
    (row,) = await env.rows(SCHEMA)
    return int(row["version"])


async def wait_until_all_are_ready() -> None:
    """Wait until all objects of the tenants are Ready as they are declared now."""
    await eventually(_all_are_observed, 240, "the objects to be reconciled as they are declared", every=0.5)
    for namespace in NAMESPACES:
        await wait_until_ready(namespace)


async def _all_are_observed() -> bool:
    listed = [each for namespace in NAMESPACES for each in await objects(",".join(KINDS), "-n", namespace)]
    return all(each.get("status", {}).get("observedGeneration") == each["metadata"]["generation"] for each in listed)


async def timed(act: Awaitable[Any], image: str) -> str:
    """Await an act, then until all pods run the image, and return how long it took."""
    started = time.monotonic()
    await act
    await eventually(lambda: all_run((*NAMESPACES, SYSTEM), image), 400, f"all pods of {image}", every=0.5)
    return f"{time.monotonic() - started:.1f} s"


async def test_the_release_before_serves_three_tenants(env: NodeEnvironment, previous: PreviousRelease):
    await env.helm(*previous.image_options, chart=previous.tree / "charts" / "askproai")
    for other in OTHERS:
        await env.import_number(other.number, other.key)
    for file in FILES:
        await kubectl("apply", "-f", str(previous.tree / "examples" / file))
    for namespace in NAMESPACES:
        await wait_until_ready(namespace)
    record = await env.call(
        "Guten Tag, einen Haarschnitt am kommenden Freitag um halb drei, bitte.",
        "Die erste, gern. Mein Name ist Erika Muster.",
    )
    assert (record.errors, record.answers("book_appointment")[0]["success"]) == ([], True)
    await eventually(lambda: all_run((*NAMESPACES, SYSTEM), previous.image), 120, "all pods of it")


async def test_an_upgrade_from_the_release_before_under_calls_fails_no_request(
    env: NodeEnvironment, previous: PreviousRelease, record_property
):
    """The steps before it are those of the page that concern the examples: they label the Secrets."""
    labels = await run("bash", "-c", documented("kubectl label secret"))
    record_property("labelled", len(labels.splitlines()))
    await run("sh", "-c", labels)
    before, load = await schema(env), previous.load(env)
    async with load.running():
        record_property("upgraded after", await timed(env.helm(), env.image))
        await wait_until_all_are_ready()
    load.record(record_property)
    record_property("schema", f"{before} to {await schema(env)}")
    await load.assert_nothing_was_lost()
    assert await schema(env) > before
    assert await run("bash", "-c", documented('"SecretNotPermitted"')) == "", "the upgrade kept something back"


async def test_a_rollback_to_the_release_before_under_calls_fails_no_request(
    env: NodeEnvironment, previous: PreviousRelease, record_property
):
    """In between the tenants got what is new; of that the functions are taken back before it, as the page says."""
    for file in FILES:
        await kubectl("apply", "-f", str(EXAMPLES / file))
    await wait_until_all_are_ready()
    for (namespace, name), functions in previous.functions().items():
        patch = json.dumps({"spec": {"functions": functions}})
        await kubectl("patch", "retellagent", name, "-n", namespace, "--type=merge", "-p", patch)
    await wait_until_all_are_ready()
    reached, load = await schema(env), previous.load(env)
    async with load.running():
        rollback = run("helm", "rollback", "askproai", "-n", SYSTEM, "--wait")
        record_property("rolled back after", await timed(rollback, previous.image))
        for namespace in NAMESPACES:
            await wait_until_ready(namespace)
    load.record(record_property)
    await load.assert_nothing_was_lost()
    assert await schema(env) == reached, "the release before runs on the schema of this one"


async def test_the_migrations_are_undone_under_calls_and_nothing_is_lost(
    env: NodeEnvironment, previous: PreviousRelease, record_property
):
    load = previous.load(env)
    async with load.running():
        await kubectl("scale", "deployment", "askproai-operator", "-n", SYSTEM, "--replicas=0")
        await eventually(_no_operator_runs, 120, "the operator to end", every=0.5)
        started = time.monotonic()
        pod = yaml.safe_load((EXAMPLES / "pods" / "migrate-down.yaml").read_text("utf-8"))
        pod["spec"]["containers"][0]["image"] = env.image
        await apply(pod, namespace=SYSTEM)
        await kubectl(
            "wait", "pod/migrate-down", "-n", SYSTEM, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=240s"
        )
        record_property("undone after", f"{time.monotonic() - started:.1f} s")
        await kubectl("delete", "pod", "migrate-down", "-n", SYSTEM)
        await kubectl("scale", "deployment", "askproai-operator", "-n", SYSTEM, "--replicas=2")
        await kubectl("rollout", "status", "deployment/askproai-operator", "-n", SYSTEM, "--timeout=180s")
    load.record(record_property)
    await load.assert_nothing_was_lost()
    for each in previous.loads:
        await each.assert_all_is_there()
    record_property("schema", await schema(env))


async def test_the_upgrade_is_made_once_more_under_calls_and_nothing_is_lost(
    env: NodeEnvironment, previous: PreviousRelease, record_property
):
    """The tables have rows by now, those of both releases: indexes are built while callers write."""
    before, load = await schema(env), previous.load(env)
    async with load.running():
        record_property("upgraded once more after", await timed(env.helm(), env.image))
        await wait_until_all_are_ready()
    load.record(record_property)
    for each in previous.loads:
        await each.assert_all_is_there()
    await load.assert_nothing_was_lost()
    assert await schema(env) > before


async def _no_operator_runs() -> bool:
    return await pods(SYSTEM, "operator") == []
