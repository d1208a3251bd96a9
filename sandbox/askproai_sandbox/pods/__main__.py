"""The pod runner as a process: `python -m askproai_sandbox.pods --kubeconfig FILE --directory DIR --node NAME`."""

import argparse
import asyncio
import signal
from pathlib import Path

from askproai_sandbox.cluster import KubeClient
from askproai_sandbox.pods import PodRunner


async def run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with KubeClient(arguments.kubeconfig) as client:
        await PodRunner(client, arguments.directory, arguments.node).run(stop)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the pods of one Node as local processes.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="logs, volumes, pods.json")
    parser.add_argument("--node", default="local")
    asyncio.run(run(parser.parse_args()))


main()
