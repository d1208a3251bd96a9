"""Compare the branch coverage of the last `coverage run` with the required minimums: of all sources, and of important parts."""

import io
import sys
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[1]
BOOKING = ("availability", "book", "calendar_sync", "calendars", "conversation", "desk", "language")
BARS = {
    "all sources": (80.0, ("*",)),
    "booking": (95.0, tuple(f"*/askproai_runtime/{package}/*" for package in BOOKING)),
    "intake": (95.0, ("*/askproai_runtime/intake/*",)),
    "jobs": (95.0, ("*/askproai_runtime/jobs/*",)),
    "decisions of the operator": (
        95.0,
        (
            "*/controllers/agent_plan/diff.py",
            "*/controllers/agent_plan/plan.py",
            "*/controllers/branch/plan.py",
            "*/controllers/offering/units.py",
            "*/services/staffing.py",
            "*/controllers/tenant/checks.py",
        ),
    ),
}


def main() -> int:
    measured = Coverage(config_file=str(ROOT / "pyproject.toml"))
    measured.load()
    below = 0
    for name, (bar, patterns) in BARS.items():
        report = io.StringIO()
        share = measured.report(include=list(patterns), file=report, skip_covered=True)
        below += share < bar
        print(f"{name}: {share:.1f} % (bar {bar:.0f} %)")
        if share < bar:
            print(report.getvalue())
    return int(below > 0)


if __name__ == "__main__":
    sys.exit(main())
