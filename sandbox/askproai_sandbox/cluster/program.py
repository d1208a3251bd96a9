"""The Kubernetes programs of the local control plane: from the folder `KUBE_BIN`, or built once from `hack/kube`."""

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from askproai_sandbox.cluster.processes import PARENT_DEATH_SIGNAL

SOURCE = Path(__file__).parents[3] / "hack" / "kube"
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
PACKAGES = 2600  # what one cold build compiles; only told, nothing rests on it
TOLD_EVERY_SECONDS = 10.0
VERSION = "k8s.io/component-base/version"
FLAGS = f"-s -w -X {VERSION}.gitVersion=v1.34.4 -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=34"


class ProgramError(RuntimeError):
    """The programs are not there and could not be built."""


async def program_folder(report: Callable[[str], None] = print, environment: Mapping[str, str] = os.environ) -> Path:
    """Give the folder with the five programs, building them first if this machine never did."""
    if given := environment.get("KUBE_BIN"):
        missing = [part for part in PARTS if not os.access(Path(given, part), os.X_OK)]
        if missing:
            raise ProgramError(f"KUBE_BIN={given} has no {', '.join(missing)}; put them there, or unset KUBE_BIN")
        return Path(given)
    folder = _cached(environment)
    if not (folder / "kube").exists():
        await _build(folder, report)
    for part in PARTS:
        if not (folder / part).is_symlink():
            draft = folder / f".{part}.{os.getpid()}"
            draft.symlink_to("kube")
            draft.replace(folder / part)  # another process may be doing the same
    return folder


def _cached(environment: Mapping[str, str]) -> Path:
    """Give the folder for what these sources make, in the user's cache."""
    sources = b"".join((SOURCE / name).read_bytes() for name in ("main.go", "go.mod", "go.sum"))
    cache = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache, "askproai", f"kube-{hashlib.sha256(sources + FLAGS.encode()).hexdigest()[:16]}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _build(folder: Path, report: Callable[[str], None]) -> None:
    go = shutil.which("go")
    if go is None:
        raise ProgramError(
            "the control plane is built once with Go 1.24 or newer, and there is no `go` on the PATH; "
            "install it (https://go.dev/dl), or set KUBE_BIN to a folder with " + ", ".join(PARTS)
        )
    report("control plane: building Kubernetes 1.34, first time only; it takes about 5 minutes on 2 cores")
    draft = folder / f".kube.{os.getpid()}"  # two at once share the compiler's cache, and the last one's stays
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(os.getpid()), ""),
        *(go, "build", "-v", "-trimpath", f"-ldflags={FLAGS}", "-o", str(draft), "."),
        cwd=SOURCE,
        env={**os.environ, "CGO_ENABLED": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    lines: list[str] = []
    telling = asyncio.create_task(_tell(lines, report))
    try:
        assert process.stderr is not None
        async for line in process.stderr:
            lines.append(line.decode(errors="replace").rstrip())  # noqa: PERF401 - read by _tell while it grows
        code = await process.wait()
    finally:
        telling.cancel()
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if code != 0:
        raise ProgramError("go build of hack/kube failed:\n" + "\n".join(lines[-15:]))
    draft.replace(folder / "kube")
    report("control plane: built")


async def _tell(lines: list[str], report: Callable[[str], None]) -> None:
    """Say now and then how far the build is. It prints a line for each package and for each download."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        await asyncio.sleep(TOLD_EVERY_SECONDS)
        downloads = sum(line.startswith("go: ") for line in lines)
        minutes, seconds = divmod(int(loop.time() - begun), 60)
        built = f"{len(lines) - downloads} of about {PACKAGES} packages compiled"
        report(f"control plane: {minutes}:{seconds:02} elapsed, {downloads} modules downloaded, {built}")
