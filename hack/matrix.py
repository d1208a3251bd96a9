#!/usr/bin/env python3
"""Run the test suites that depend on a version, for each version that this machine has: `make matrix`.

    make matrix                                          # all that this machine has
    make matrix ARGS="--axis python=3.13 --axis redis"   # one version of an axis, all of another
    make matrix ARGS="--axis kubernetes --build"         # builds missing ones from Go modules, 10 minutes each

The table shows which versions ran, and why others did not. The exit code is 1 if a test failed or another version ran than the
row names, never because a version is missing.
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from version_sources import ROOT, WORK, Had, Missing, find_kubernetes, find_postgres, find_python, find_redis


class Find(Protocol):
    """A function that finds a version on this machine and returns how to run it. Raises Missing if it is not there."""

    def __call__(self, version: str, *, build: bool) -> Had: ...


@dataclass(frozen=True)
class Axis:
    """A program with several versions, such as Redis, and the suites that depend on it. `property` names it in reports."""

    title: str
    property: str
    versions: tuple[str, ...]
    find: Find
    suites: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One line of the table, for one version: where it was found, its exact release and the result, or why it did not run."""

    axis: Axis
    version: str
    source: str = ""
    ran: str = ""
    result: str = ""
    failed: bool = False
    absence: str = ""


RunSuites = Callable[[Axis, str, Had], Path | None]

_INTEGRATION: Final = "tests/integration/"
AXES: Final[Mapping[str, Axis]] = {
    "python": Axis(
        "Python",
        "python",
        ("3.11", "3.12", "3.13", "3.14"),
        find_python,
        ("tests/unit", f"{_INTEGRATION}intake"),
    ),
    "postgresql": Axis(
        "PostgreSQL",
        "postgresql",
        ("15", "16", "17", "18"),
        find_postgres,
        (f"{_INTEGRATION}database", f"{_INTEGRATION}jobs"),
    ),
    "redis": Axis(
        "Redis, Valkey",
        "redis",
        ("redis 7.2", "redis 8", "valkey 8", "valkey 9"),
        find_redis,
        (
            f"{_INTEGRATION}redis",
            f"{_INTEGRATION}intake",
            f"{_INTEGRATION}hijacker/test_hijacked_redis_user.py",
            f"{_INTEGRATION}operator/test_redis_durability.py",
            f"{_INTEGRATION}operator/test_redis_users.py",
            f"{_INTEGRATION}sandbox/test_embedded_redis.py",
        ),
    ),
    "kubernetes": Axis(
        "Kubernetes",
        "kubernetes",
        ("1.31", "1.32", "1.33", "1.34", "1.35"),
        find_kubernetes,
        (f"{_INTEGRATION}crds", f"{_INTEGRATION}engine", f"{_INTEGRATION}controllers"),
    ),
}


def choose(wanted: Sequence[str]) -> list[tuple[Axis, str]]:
    """Return the versions that `wanted` selects, as `AXIS` or `AXIS=VERSION`; all if it is empty. Raises ValueError."""
    for each in wanted:
        name, equals, version = each.partition("=")
        if name not in AXES or (equals and version not in AXES[name].versions):
            every = "; ".join(f"{name}: {', '.join(axis.versions)}" for name, axis in AXES.items())
            raise ValueError(f"{each!r} is none of these: {every}")
    return [
        (axis, version)
        for name, axis in AXES.items()
        for version in axis.versions
        if not wanted or name in wanted or f"{name}={version}" in wanted
    ]


def run_version(axis: Axis, version: str, *, build: bool, run: RunSuites) -> Row:
    """Return the table's row for one version. `run` runs the suites of the axis, and returns their report, or None without one."""
    try:
        had = axis.find(version, build=build)
    except Missing as missing:
        return Row(axis, version, absence=str(missing))
    report = run(axis, version, had)
    if report is None:
        return Row(axis, version, had.source, result="the tests ended without a report", failed=True)
    return read_report(axis, version, had, report)


def read_report(axis: Axis, version: str, had: Had, report: Path) -> Row:
    """Return the table's row for a run, from its JUnit report. The run fails if no test passed, or another version ran."""
    suite = next(iter(ET.parse(report).getroot().iter("testsuite")))
    total, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    passed = total - failed - skipped
    result = f"{passed:,} passed, {failed:,} failed, {skipped:,} skipped in {float(suite.attrib['time']):.0f} s"
    result += "".join(f"; without {test.rpartition(':')[2]}: {why}" for test, why in had.left_out.items())
    said = {each.attrib["value"] for each in suite.iter("property") if each.attrib["name"] == axis.property}
    ran = ", ".join(sorted(said))
    if not any(each.startswith(f"{version}.") for each in said) or len(said) > 1:
        return Row(axis, version, had.source, ran or "unknown", f"another version ran; {result}", failed=True)
    return Row(axis, version, had.source, ran, result, failed=failed > 0 or passed == 0)


def run_suites(axis: Axis, version: str, had: Had) -> Path | None:
    """Run the suites of an axis with a version, in this terminal. Return the path of their report; None if none was written."""
    name = f"{axis.property}-{version.replace(' ', '-')}"
    report = WORK / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [had.python, "-m", "pytest", *axis.suites, "-p", "no:cacheprovider", "--junitxml", str(report)]
    command += [f"--deselect={test}" for test in had.left_out]
    path = f"{Path(had.python).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    print(f"\n== {axis.title} {version} ({had.source}): {' '.join(axis.suites)}", flush=True)
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path, **had.variables}, check=False)
    return report if report.exists() else None


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the table in Markdown, in the form used in the pages."""
    yield "| Version | Had from | Ran | Suites | Result |"
    yield "|---|---|---|---|---|"
    for row in rows:
        suites = ", ".join(suite.removeprefix("tests/") for suite in row.axis.suites)
        name = row.version.capitalize() if row.axis.property == "redis" else f"{row.axis.title} {row.version}"
        if row.absence:
            yield f"| {name} | | | {suites} | not run: {row.absence} |"
        else:
            result = f"**{row.result}**" if row.failed else row.result
            yield f"| {name} | {row.source} | {row.ran} | {suites} | {result} |"


def main(arguments: Sequence[str] | None = None, run: RunSuites = run_suites) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--axis", action="append", default=[], metavar="AXIS[=VERSION]", help=f"one of {', '.join(AXES)}"
    )
    parser.add_argument("--build", action="store_true", help="build the Kubernetes versions that are not built")
    parser.add_argument(
        "--suite", action="append", default=[], metavar="PATH", help="run these instead; the table names them"
    )
    options = parser.parse_args(arguments)
    try:
        chosen = choose(options.axis)
    except ValueError as error:
        parser.error(str(error))
    began = time.monotonic()
    rows = []
    for axis, version in chosen:
        narrowed = replace(axis, suites=tuple(options.suite)) if options.suite else axis
        rows.append(run_version(narrowed, version, build=options.build, run=run))
    print(f"\n{time.strftime('%-d %B %Y')}, {(time.monotonic() - began) / 60:.0f} minutes:\n")
    print("\n".join(table(rows)))
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
