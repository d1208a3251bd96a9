"""The pod runner as a process: `python -m askproai_sandbox.pods --kubeconfig FILE --directory DIR --node NAME`."""

import argparse
import asyncio
from datetime import timedelta
from pathlib import Path

from askproai_core.clock import SystemClock
from askproai_sandbox.cluster import KubeClient, stop_signal
from askproai_sandbox.pods import MOUNT_DELAY, PodRunner


async def run(arguments: argparse.Namespace) -> None:
    async with KubeClient(arguments.kubeconfig) as client:
        delay = timedelta(seconds=arguments.mount_delay)
        await PodRunner(client, arguments.directory, arguments.node, SystemClock(), delay).run(stop_signal())


parser = argparse.ArgumentParser(description="Run the pods of one Node as local processes.")
parser.add_argument("--kubeconfig", type=Path, required=True)
parser.add_argument("--directory", type=Path, required=True, help="logs, volumes, pods.json")
parser.add_argument("--node", default="local")
parser.add_argument("--mount-delay", type=float, default=MOUNT_DELAY.total_seconds(), help="seconds, of changed mounts")
asyncio.run(run(parser.parse_args()))
