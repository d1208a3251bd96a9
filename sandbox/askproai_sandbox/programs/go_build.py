"""Programs that are built once from pinned Go modules and kept in the user's cache."""

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PARENT_DEATH_SIGNAL = Path(__file__).with_name("parent_death_signal.py")
REPORT_INTERVAL_SECONDS = 10.0


def cache_root(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in the user's cache for all programs."""
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache", "askproai")


class ProgramError(RuntimeError):
    """The programs are missing and could not be built; the message says what to do."""


@dataclass(frozen=True)
class GoProgram:
    """A program of a Go module in this repository.

    `source` is the module's folder, `package` the main package. `packages` (how many a build with an empty cache compiles),
    `minutes` (on 2 cores) and `title` are for the progress report; `instead` says what to do where there is no Go.
    """

    name: str
    title: str
    source: Path
    package: str
    packages: int
    minutes: int
    instead: str
    ldflags: str = "-s -w"
    tags: str = ""

    def cache_folder(self, environment: Mapping[str, str] = os.environ) -> Path:
        """Return the folder in the user's cache for the build of the present sources and flags; create it if needed."""
        sources = b"".join(path.read_bytes() for path in sorted(self.source.iterdir()) if path.is_file())
        digest = hashlib.sha256(sources + f"{self.package} {self.tags} {self.ldflags}".encode()).hexdigest()[:16]
        folder = cache_root(environment) / f"{self.name}-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def built(self, report: Callable[[str], None], environment: Mapping[str, str] = os.environ) -> Path:
        """Return the program's path, after building the program if this machine lacks it. Raises ProgramError."""
        program = self.cache_folder(environment) / self.name
        if not program.exists():
            await self._build(program, report)
        return program

    async def _build(self, program: Path, report: Callable[[str], None]) -> None:
        go = shutil.which("go")
        if go is None:
            raise ProgramError(
                f"{self.title}: it is built once with Go 1.26 or newer, and there is no `go` on the PATH; "
                f"install it (https://go.dev/dl), or {self.instead}"
            )
        report(f"{self.title}: building, first time only; about {self.minutes} min on 2 cores")
        # The later one of two builds at once, which share the compiler's cache, stays.
        binary = program.with_name(f".{self.name}.{os.getpid()}")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(PARENT_DEATH_SIGNAL), str(os.getpid()), ""),
            *(go, "build", "-v", "-trimpath", f"-tags={self.tags}", f"-ldflags={self.ldflags}"),
            "-gcflags=all=-dwarf=false",  # the linker would drop it; without it compiling takes a tenth less
            *("-o", str(binary), self.package),
            cwd=self.source,
            env={**os.environ, "CGO_ENABLED": "0"},
            stderr=asyncio.subprocess.PIPE,
        )
        lines: list[str] = []
        progress = asyncio.create_task(self._report_progress(lines, report))
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
            raise ProgramError(f"go build of {self.name} failed:\n" + "\n".join(lines[-15:]))
        binary.replace(program)
        report(f"{self.title}: built")

    async def _report_progress(self, lines: list[str], report: Callable[[str], None]) -> None:
        """Report the progress of a build until cancelled. `lines` is its output: a line for each package and each download."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            await asyncio.sleep(REPORT_INTERVAL_SECONDS)
            downloads = sum(line.startswith("go: ") for line in lines)
            minutes, seconds = divmod(int(loop.time() - started), 60)
            built = f"{len(lines) - downloads} of about {self.packages} packages compiled"
            report(f"{self.title}: {minutes}:{seconds:02} elapsed, {downloads} modules downloaded, {built}")
