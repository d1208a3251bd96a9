#!/usr/bin/env python3
"""Write what is generated, or (--check) say what is not current. `make generate` and `make check` run it.

A generator is a function that gives the whole text of its file, the same one every time.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from askproai_operator.api.crd import render_crds
from askproai_operator.api.reference import render_conditions, render_custom_resources

ROOT = Path(__file__).resolve().parent.parent


def generated() -> Iterator[tuple[Path, str]]:
    """Give every generated file and its text."""
    for name, text in render_crds().items():
        yield ROOT / "crds" / name, text
    yield ROOT / "docs" / "reference" / "custom-resources.md", render_custom_resources()
    yield ROOT / "docs" / "reference" / "conditions.md", render_conditions()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is not current")
    check = parser.parse_args().check
    stale = [(path, text) for path, text in generated() if not path.exists() or path.read_text("utf-8") != text]
    for path, text in stale:
        print(f"{'not current, run make generate' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
