"""The Kubernetes programs of the local control plane: from the folder `KUBE_BIN`, or built once from `hack/kube`.

kubectl is taken from a wheel that has it for some machines.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from askproai_sandbox.programs.go_build import GoProgram, ProgramError
from askproai_sandbox.programs.packaged import packaged_program

PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
VERSION = "k8s.io/component-base/version"
KUBE = GoProgram(
    name="kube",
    title="control plane",
    source=Path(__file__).parents[3] / "hack" / "kube",
    package=".",
    packages=2400,
    minutes=5,
    instead="set KUBE_BIN to a folder with " + ", ".join(PARTS),
    ldflags=f"-s -w -X {VERSION}.gitVersion=v1.34.4 -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=34",
)


def kubectl_of(program: GoProgram) -> GoProgram:
    """Return the program kubectl of the same release as `program`, to be built where the wheel has no kubectl for this machine."""
    package = "k8s.io/kubernetes/cmd/kubectl"
    return replace(program, name="kubectl", title="kubectl", package=package, packages=900, minutes=1)


def link_kubectl(folder: Path, commands: Path = Path(sys.executable).parent) -> None:
    """Link kubectl beside `askproai`, so that one folder on the PATH has both. A kubectl that is there already is kept.

    `folder` has the five programs, `commands` those of this virtual environment; outside of one nothing is linked.
    """
    link = commands / "kubectl"
    is_environment = sys.prefix != sys.base_prefix
    if is_environment and os.access(commands, os.W_OK) and (link.is_symlink() or not link.exists()):
        _link(link, (folder / "kubectl").absolute())


def _link(link: Path, target: str | Path) -> None:
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.symlink_to(target)
    temporary.replace(link)  # another process may be doing the same


async def program_folder(
    report: Callable[[str], None] = print, environment: Mapping[str, str] = os.environ, program: GoProgram = KUBE
) -> Path:
    """Return the folder with the five programs, built first if this machine lacks them. Raises ProgramError.

    `program` may be another release than the pinned one, with its own kubectl; the folder `KUBE_BIN` takes precedence.
    """
    if kube_bin := environment.get("KUBE_BIN"):
        missing = [part for part in PARTS if not os.access(Path(kube_bin, part), os.X_OK)]
        if missing:
            raise ProgramError(f"KUBE_BIN={kube_bin} has no {', '.join(missing)}; put them there, or unset KUBE_BIN")
        return Path(kube_bin)
    folder = (await program.built(report, environment)).parent
    kubectl = packaged_program("kubectl", environment) if program is KUBE else None
    if kubectl is None:
        kubectl = await kubectl_of(program).built(report, environment)
    for part in PARTS:
        target = kubectl if part == "kubectl" else Path(program.name)
        if not (folder / part).is_symlink() or (folder / part).readlink() != target:
            _link(folder / part, target)
    return folder
