#!/usr/bin/env python3
"""Compare the size of the repository with its budget, the table `tool.size` of pyproject.toml. `make check` runs it.

It prints the lines of Python, SQL, YAML and Markdown, and the words of the pages, and ends with 1 if one is above its budget.
`--lower` writes a smaller size as the new budget. A budget is raised by hand, with a decision in docs/decisions.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
PRODUCT = ("core", "cli", "operator", "runtime", "sandbox")


def list_files(*patterns: str) -> Iterator[Path]:
    """Yield the files of the repository that match one of the patterns of `git ls-files`."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    yield from (ROOT / line for line in sorted(set(listed.stdout.splitlines())) if (ROOT / line).is_file())


def count_lines(*patterns: str) -> int:
    """Return the number of lines in all files of the repository that match a pattern."""
    return sum(file.read_bytes().count(b"\n") for file in list_files(*patterns))


def count_words(*patterns: str) -> int:
    """Return the number of words, separated by white space, in all files of the repository that match a pattern."""
    return sum(len(file.read_text("utf-8").split()) for file in list_files(*patterns))


def measure() -> dict[str, int]:
    """Return the present sizes by their names in the budget: lines, or for a name that ends with `-words`, words."""
    sizes = {f"{package}-python": count_lines(f"{package}/*.py") for package in (*PRODUCT, "hack")}
    sizes["product-python"] = sum(sizes[f"{package}-python"] for package in PRODUCT)
    for part in ("unit", "integration", "e2e"):
        sizes[f"tests-{part}-python"] = count_lines(f"tests/{part}/*.py")
    sizes["tests-python"] = count_lines("tests/*.py")
    sizes["sql"] = count_lines("*.sql")
    sizes["yaml"] = count_lines("*.yaml", "*.yml")
    sizes["toml"] = count_lines("runtime/*.toml")
    sizes["markdown"] = count_lines("*.md")
    sizes["reference-words"] = count_words("docs/reference/*.md")
    sizes["pages-words"] = count_words("*.md") - sizes["reference-words"]
    return sizes


def lower(sizes: dict[str, int], budget: dict[str, int]) -> None:
    """Write each size that is below its budget into pyproject.toml as the new budget."""
    text = PROJECT.read_text("utf-8")
    for name, size in sizes.items():
        if size < budget.get(name, size):
            text = re.sub(rf"^{name} = \d+$", f"{name} = {size}", text, flags=re.MULTILINE)
    PROJECT.write_text(text, "utf-8")


def main() -> int:
    """Print the sizes. Return 1 if a size is above its budget or has no budget, else 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lower", action="store_true", help="write today's sizes where they are below the budget")
    options = parser.parse_args()
    budget: dict[str, int] = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["size"]
    sizes = measure()
    above = [name for name, size in sizes.items() if size > budget.get(name, -1)]
    for name, size in sizes.items():
        left = f"{budget[name] - size:+8,} left" if name in budget else "no budget"
        print(f"  {name:26}{size:9,} of {budget.get(name, 0):9,}  {left}{'  ABOVE' if name in above else ''}")
    if options.lower:
        lower(sizes, budget)
    for name in above:
        print(
            f"{name} is above its budget: make it smaller, or raise tool.size in pyproject.toml with a decision",
            file=sys.stderr,
        )
    return bool(above)


if __name__ == "__main__":
    sys.exit(main())
