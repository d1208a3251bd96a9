"""`make soak`: a long storm, then the check of its history.

`python -m tests.soak [--seconds 1200] [--seed N] [--keep DIRECTORY]`; with `--week` it is a week of ordinary business in so many
seconds. Exit code 1 when a promise is broken, or a week misses its bar; then the history of each offending appointment is printed,
and logs and history are kept.
"""

import argparse
import asyncio
import random
import sys
from pathlib import Path

from tests.soak.run import soak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200, help="how long it lasts; draining comes on top")
    parser.add_argument("--seed", type=int, default=0, help="of every choice; 0 takes a random one")
    parser.add_argument("--keep", type=Path, default=None, help="a folder for logs and history, kept in any case")
    parser.add_argument("--week", action="store_true", help="a week of ordinary business, compressed to --seconds")
    arguments = parser.parse_args()
    seed = arguments.seed or random.randrange(1, 10**6)
    return asyncio.run(soak(arguments.seconds, seed, arguments.keep, week=arguments.week))


if __name__ == "__main__":
    sys.exit(main())
