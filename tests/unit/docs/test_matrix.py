"""`make matrix` reports which versions ran and why others did not, and fails only for a version that failed."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "hack"))
import matrix  # noqa: E402  scripts of the repository
import version_sources  # noqa: E402

REPORT = """<testsuites><testsuite tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="61.4">
<properties><property name="python" value="3.13.0"/><property name="{name}" value="{version}"/></properties>
</testsuite></testsuites>"""


def report(name: str, version: str, *, tests: int = 12, failures: int = 0, errors: int = 0, skipped: int = 0) -> str:
    return REPORT.format(**locals())


@pytest.fixture
def run_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str | None], tuple[int, str]]:
    """Return a function that runs the program for PostgreSQL 16, whose suites write this report, and returns exit code and row."""

    def run(text: str | None) -> tuple[int, str]:
        def found(version: str, *, build: bool) -> version_sources.Had:
            return version_sources.Had("a wheel")

        def run_suites(axis: matrix.Axis, version: str, had: version_sources.Had) -> Path | None:
            path = tmp_path / f"{version}.xml"
            if text is not None:
                path.write_text(text)
            return path if text is not None else None

        monkeypatch.setitem(matrix.AXES, "postgresql", replace(matrix.AXES["postgresql"], find=found))
        code = matrix.main(["--axis", "postgresql=16"], run_suites)
        return code, capsys.readouterr().out.splitlines()[-1]

    return run


def test_tests_beyond_a_release_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    path.write_text(report("redis", "redis 7.2.4"))
    had = version_sources.Had("a wheel", left_out=version_sources._LACKS_THE_FIX)
    for test in had.left_out:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text("utf-8"), "it has another name now"
    row = matrix.read_report(matrix.AXES["redis"], "redis 7.2", had, path)
    assert not row.failed
    assert row.result.endswith("; without test_script_cannot_change_the_shared_interpreter: CVE-2025-46818")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (report("postgresql", "16.14", failures=1), "11 passed, 1 failed, 0 skipped"),
        (report("postgresql", "16.14", errors=1), "11 passed, 1 failed, 0 skipped"),
        (report("postgresql", "16.14", skipped=12), "0 passed, 0 failed, 12 skipped"),
        (
            report("postgresql", "18.4"),
            "| 18.4 | integration/database, integration/jobs | **another version ran; 12 passed",
        ),
        (report("postgresql", "160.1"), "another version ran"),
        (report("other", "16.14"), "| unknown | integration/database, integration/jobs | **another version ran"),
        (None, "ended without a report"),
    ],
    ids=["a failure", "an error", "nothing passed", "another", "a longer number", "no server", "no report"],
)
def test_a_version_that_failed_fails_the_run(
    run_matrix: Callable[[str | None], tuple[int, str]], text: str | None, said: str
) -> None:
    code, row = run_matrix(text)
    assert code == 1
    assert said in row
    assert "**" in row


def test_nightly_workflow_runs_exactly_the_supported_versions() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/nightly.yaml").read_text("utf-8"))["jobs"]
    rows = [(row["axis"], row["version"]) for row in jobs["versions"]["strategy"]["matrix"]["include"]]
    assert rows == [(name, version) for name, axis in matrix.AXES.items() for version in axis.versions]


def test_tested_versions_page_has_each_version_once() -> None:
    page = (ROOT / "docs/reference/tested-versions.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for axis in matrix.AXES.values():
        for version in axis.versions:
            name = version.capitalize() if axis.property == "redis" else f"{axis.title} {version}"
            row = [row for row in rows if row.startswith(f"| {name} |")]
            assert len(row) == 1, name
            assert re.search(r"\d passed, \d+ failed|not run: ", row[0]), row[0]


def test_versions_match_those_of_package_and_chart() -> None:
    first, last = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))[
        0
    ]
    assert matrix.AXES["python"].versions == tuple(f"3.{minor}" for minor in range(int(first), int(last)))
    chart = yaml.safe_load((ROOT / "charts/askproai/Chart.yaml").read_text("utf-8"))
    assert chart["kubeVersion"] == f">={matrix.AXES['kubernetes'].versions[0]}.0-0"
    install = (ROOT / "docs/install.md").read_text("utf-8")
    for name in ("kubernetes", "postgresql"):
        axis = matrix.AXES[name]
        assert f"| {axis.title} {axis.versions[0]}–{axis.versions[-1]}" in install
    assert f"1.{version_sources.PINNED_KUBERNETES}" in matrix.AXES["kubernetes"].versions
