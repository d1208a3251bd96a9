"""Mutation test of the pure decisions: changes one operator or constant at a time, and a unit test must fail.

`make mutation` runs it with mutmut in `.mutation/`, a copy in the layout that mutmut expects, and prints the mutants that no
test notices. `python hack/mutate.py --bar 80 [PATTERN...]` fails if less than 80 % are noticed; patterns select mutants.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".mutation"
PLANES = ("core", "operator", "runtime", "cli", "sandbox")
# Pure decisions and their unit tests.
DECISIONS = (
    "askproai_operator/controllers/agent_plan/diff.py",
    "askproai_operator/controllers/agent_plan/plan.py",
    "askproai_operator/controllers/branch/plan.py",
    "askproai_operator/controllers/canary_judge.py",
    "askproai_operator/controllers/offering/units.py",
    "askproai_operator/services/staffing.py",
    "askproai_runtime/availability/allocation.py",
    "askproai_runtime/availability/free_slots.py",
    "askproai_runtime/availability/obstacles.py",
    "askproai_runtime/availability/opening_hours.py",
    "askproai_runtime/availability/search.py",
    "askproai_runtime/availability/slots.py",
    "askproai_runtime/conversation/named_branch/matching.py",
    "askproai_runtime/spoken_times/iso.py",
    "askproai_runtime/spoken_times/phrase.py",
)
TESTS = (
    "tests/unit/controllers", "tests/unit/availability", "tests/unit/booking", "tests/unit/branch_routing",
    "tests/unit/spoken_times",
)  # fmt: skip
_WITHOUT_PYTHON = "--ignore=tests/unit/controllers/test_alert_rules.py"  # promtool's
NOTICED = {"killed", "timeout", "suspicious", "caught by type check"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bar", type=float, default=0.0, help="fail below this percentage of noticed mutants")
    parser.add_argument("patterns", nargs="*", help="names of mutants, with *")
    options = parser.parse_args()
    _copy()
    mutmut = Path(sys.executable).with_name("mutmut")
    subprocess.run([mutmut, "run", *options.patterns], cwd=WORK, check=True)
    subprocess.run([mutmut, "export-cicd-stats"], cwd=WORK, check=True, stdout=subprocess.DEVNULL)
    results = subprocess.run(
        [mutmut, "results", "--all", "true"], cwd=WORK, check=True, capture_output=True, text=True
    ).stdout
    outcomes = dict(line.strip().rsplit(": ", 1) for line in results.splitlines() if ": " in line)
    return _judge({name: outcome for name, outcome in outcomes.items() if outcome != "not checked"}, options.bar)


def _copy() -> None:
    """Copy the sources and tests into `.mutation/` anew, but keep mutmut's results there for unchanged functions."""
    WORK.mkdir(exist_ok=True)
    shutil.rmtree(WORK / "src", ignore_errors=True)
    for plane in PLANES:
        shutil.copytree(ROOT / plane, WORK / "src", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    if missing := [name for name in DECISIONS if not (WORK / "src" / name).is_file()]:
        sys.exit(f"nothing to mutate: {', '.join(missing)} (moved? correct DECISIONS)")
    for name in ("tests", "hack", "crds", "charts", "examples", "docs"):
        link = WORK / name
        shutil.rmtree(link, ignore_errors=True)
        shutil.copytree(ROOT / name, link, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {
        "source_paths": ("src",),
        "only_mutate": tuple(f"src/{name}" for name in DECISIONS),
        "also_copy": ("hack", "crds", "charts", "examples", "docs"),
        # A fixed seed: the same mutants are noticed each time.
        "pytest_add_cli_args": (
            "-p",
            "no:randomly",
            "--hypothesis-seed=0",
            "-x",
            "-q",
            "-o",
            "addopts=",
            _WITHOUT_PYTHON,
        ),
        "pytest_add_cli_args_test_selection": TESTS,
        "mutate_only_covered_lines": ("true",),
    }
    lines = [f"{name}=\n" + "\n".join(f"    {value}" for value in values) for name, values in settings.items()]
    (WORK / "setup.cfg").write_text("[mutmut]\n" + "\n".join(lines) + "\n")
    pytest_options = (ROOT / "pyproject.toml").read_text().split("[tool.pytest.ini_options]")[1].split("\n[tool.")[0]
    (WORK / "pyproject.toml").write_text("[tool.pytest.ini_options]" + pytest_options + "\n")


def _judge(outcomes: dict[str, str], bar: float) -> int:
    counts = Counter(outcomes.values())
    noticed = sum(counts[outcome] for outcome in NOTICED)
    share = 100 * noticed / max(1, len(outcomes))
    for name in sorted(name for name, outcome in outcomes.items() if outcome not in NOTICED):
        print(f"{outcomes[name]}: {name}")
    print(json.dumps(counts))
    print(f"{noticed} of {len(outcomes)} mutants noticed: {share:.1f} % (bar {bar:.0f} %)")
    return int(share < bar)


if __name__ == "__main__":
    sys.exit(main())
