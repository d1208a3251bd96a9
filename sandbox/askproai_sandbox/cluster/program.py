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
PACKAGES = 2600  # that a cold build compiles; only for the progress report
REPORT_INTERVAL_SECONDS = 10.0
VERSION = "k8s.io/component-base/version"
FLAGS = f"-s -w -X {VERSION}.gitVersion=v1.34.4 -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=34"


class ProgramError(RuntimeError):
    """The programs are missing and could not be built; the message says what to do."""


async def program_folder(report: Callable[[str], None] = print, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder with the five programs; build them first unless this machine has. Raises ProgramError."""
    if kube_bin := environment.get("KUBE_BIN"):
        missing = [part for part in PARTS if not os.access(Path(kube_bin, part), os.X_OK)]
        if missing:
            raise ProgramError(f"KUBE_BIN={kube_bin} has no {', '.join(missing)}; put them there, or unset KUBE_BIN")
        return Path(kube_bin)
    folder = _cache_folder(environment)
    if not (folder / "kube").exists():
        await _build(folder, report)
    for part in PARTS:
        if not (folder / part).is_symlink():
            temporary = folder / f".{part}.{os.getpid()}"
            temporary.symlink_to("kube")
            temporary.replace(folder / part)  # another process may be doing the same
    return folder


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in the user's cache for what the present sources and flags build; create it if needed."""
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
    binary = (
        folder / f".kube.{os.getpid()}"
    )  # of two builds at once, which share the compiler's cache, the later one stays
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(os.getpid()), ""),
        *(go, "build", "-v", "-trimpath", f"-ldflags={FLAGS}", "-o", str(binary), "."),
        cwd=SOURCE,
        env={**os.environ, "CGO_ENABLED": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    lines: list[str] = []
    progress = asyncio.create_task(_report_progress(lines, report))
    try:
        assert process.stderr is not None
        async for line in process.stderr:
            lines.append(line.decode(errors="replace").rstrip())  # noqa: PERF401 - _report_progress reads it while it grows
        code = await process.wait()
    finally:
        progress.cancel()
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if code != 0:
        raise ProgramError("go build of hack/kube failed:\n" + "\n".join(lines[-15:]))
    binary.replace(folder / "kube")
    report("control plane: built")


async def _report_progress(lines: list[str], report: Callable[[str], None]) -> None:
    """Report the progress of a build until cancelled. `lines` is its output: a line for each package and each download."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        await asyncio.sleep(REPORT_INTERVAL_SECONDS)
        downloads = sum(line.startswith("go: ") for line in lines)
        minutes, seconds = divmod(int(loop.time() - started), 60)
        built = f"{len(lines) - downloads} of about {PACKAGES} packages compiled"
        report(f"control plane: {minutes}:{seconds:02} elapsed, {downloads} modules downloaded, {built}")
