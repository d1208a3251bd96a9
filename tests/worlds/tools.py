"""Programs that the tests run and that Debian does not ship in one release.

`make test` needs kubectl and Helm alone, which a wheel has. `python -m tests.worlds.tools`, which `make nightly` runs first,
builds the others once from the versions pinned in `hack/tools`, with progress.
"""

import asyncio
import os
import sys
from functools import cache
from pathlib import Path

import pytest

from askproai_sandbox.programs import KUBE, GoProgram, ProgramError, kubectl_of, packaged_program

_SOURCE = Path(__file__).parents[2] / "hack" / "tools"


def _tool(name: str, package: str, packages: int, minutes: int = 1, source: Path = _SOURCE) -> GoProgram:
    instead = f"put the path of {name} into {name.upper()}"
    # Prometheus without its service discovery for clouds, which is a third of it.
    return GoProgram(name, name, source, package, packages, minutes, instead, tags="remove_all_sd")


TOOLS = {
    tool.name: tool
    for tool in (
        _tool("helm", "helm.sh/helm/v3/cmd/helm", 960),  # the major version before the wheel's
        _tool("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", 200),
        _tool("promtool", "github.com/prometheus/prometheus/cmd/promtool", 1000, 2),
        _tool("prometheus", "github.com/prometheus/prometheus/cmd/prometheus", 500),
        _tool("toxiproxy", "github.com/Shopify/toxiproxy/v2/cmd/server", 200),
        _tool("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", 150, source=_SOURCE / "actionlint"),
    )
}


@cache
def find_program(name: str) -> str:
    """Return a program's path: from its variable (such as HELM), out of the wheel, or built. A failure fails the test."""
    packaged = packaged_program(name) if name in {"kubectl", "helm"} else None
    return os.environ.get(name.upper()) or (str(packaged) if packaged else find_built(name))


def find_built(name: str) -> str:
    """Return the path of a program that was built from its pinned version. A failure fails the test."""
    tool = kubectl_of(KUBE) if name == "kubectl" else TOOLS[name]
    program = tool.cache_folder() / name
    if not program.exists():
        pytest.fail(f"{name} is not built yet: `make tools` builds it ({tool.minutes} min)")
    return str(program)


async def _build_all() -> None:
    for name, tool in TOOLS.items():
        if name.upper() not in os.environ:
            await tool.built(lambda line: print(line, flush=True))  # noqa: T201 - a command


if __name__ == "__main__":
    try:
        asyncio.run(_build_all())
    except ProgramError as error:
        sys.exit(str(error))
