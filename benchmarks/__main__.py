"""Print the platform's figures: `python -m benchmarks [--data DIR] [--sessions N] [--only sessions,start]`."""

import argparse
import asyncio
import time
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import floors
from benchmarks.load import Carrier, Writers, at_once, at_rate, conversation
from benchmarks.place import APPLICATIONS, SECRET, Place, free_port, platform, started
from twinline.release import interpreters

ALL = ("sessions", "rehearsal", "start")
SETTLING = 3.0
"""Seconds between a run at full speed and one at a steady rate, so that the first leaves nothing to the second."""

AIMS = {"python": 150.0, "javascript": 75.0}


async def sessions(place: Place, carrier: Carrier, count: int, table: Table) -> None:
    """Sessions a second with one message each and with two, and how long replies take at half the aim."""
    writers = Writers("127.0.0.1", place.edge_port, SECRET)
    fork, publish, request = floors.forks(), await floors.publishes(place.bus), await floors.requests(writers)
    node = interpreters(Path(place.client.build(1).path)).node
    nodes = floors.node_starts(node) if node is not None else 0.0
    table.add_row("floor: an empty process forked", f"{fork:,.0f}/s", "")
    table.add_row("floor: an empty Node.js process, two at a time", f"{nodes:,.0f}/s", "")
    table.add_row("floor: a message published and acknowledged", f"{publish:,.0f}/s", "")
    table.add_row("floor: a bare request to the edge", f"{request:,.0f}/s", "")
    for language, (address, _) in APPLICATIONS.items():
        one = conversation(writers, carrier, address, "red")
        two = conversation(writers, carrier, address, "hello", "red")
        aim = AIMS[language]
        await at_once(one, 8, count // 10)
        figures = await at_once(one, 32, count)
        table.add_row(
            f"{language}: sessions, one message",
            f"{figures.rate:.0f}/s",
            f"{figures.rate / aim:.2f} of the aim {aim:g}/s"
            + (f", {figures.rate / nodes:.2f} of bare Node.js" if language == "javascript" else ""),
        )
        figures = await at_once(two, 32, count // 2)
        table.add_row(f"{language}: sessions, question and answer", f"{figures.rate:.0f}/s", "")
        await asyncio.sleep(SETTLING)
        figures = await at_rate(one, aim / 2, count)
        table.add_row(
            f"{language}: reply at {aim / 2:g} sessions/s, p50 / p99",
            f"{figures.percentile(0.5) * 1e3:.0f} / {figures.percentile(0.99) * 1e3:.0f} ms",
            f"{figures.percentile(0.99) / 0.1:.2f} of the limit 100 ms",
        )


def rehearsal(place: Place, table: Table) -> None:
    """Lane-runs a second over the stored sessions: production's build twice, and the next one.

    A first rehearsal starts the workers and is not counted.
    """
    place.client.wait(place.client.rehearse(2, baseline=1))
    for language in APPLICATIONS:
        job = place.client.wait(place.client.rehearse(2, baseline=1, applications=(language,)))
        if job.problem is not None:
            raise RuntimeError(job.problem.detail)
        result = place.client.rehearsal(job.result)
        rate = result.lane_runs / (result.finished_at - result.started_at)
        verdicts = ", ".join(application.verdict for application in result.applications)
        table.add_row(
            f"{language}: lane-runs of a rehearsal ({result.lane_runs}, {verdicts})",
            f"{rate:.0f}/s",
            f"{rate / 150:.2f} of the aim 150/s" if language == "python" else "",
        )


async def start(data: Path, carrier: Carrier, carrier_port: int, table: Table) -> None:
    """From the start of a platform that has run before to the reply to a first message."""
    with platform(data, carrier_port):
        pass
    edge_port = free_port()
    began = time.perf_counter()
    with started(data, edge_port, free_port()):
        writers = Writers("127.0.0.1", edge_port, SECRET)
        talk = conversation(writers, carrier, APPLICATIONS["python"][0], "red")
        caller = f"+1{time.time_ns() % 10**10:010d}"
        while True:
            try:
                await talk(caller)
                break
            except (OSError, RuntimeError):
                await asyncio.sleep(0.02)
        took = time.perf_counter() - began
    table.add_row("start to the first reply", f"{took:.1f} s", f"{took / 5:.2f} of the limit 5 s")


async def main() -> None:
    """Run what was asked for and print one table."""
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--data", type=Path, default=Path("build-cache/benchmarks"))
    parser.add_argument("--sessions", type=int, default=1_500)
    parser.add_argument("--only", default=",".join(ALL))
    options = parser.parse_args()
    table = Table("what", "figure", "ratio")
    carrier, carrier_port = Carrier(), free_port()
    server = await carrier.serve(carrier_port)
    wanted = options.only.split(",")
    if "sessions" in wanted or "rehearsal" in wanted:
        with platform(options.data, carrier_port) as place:
            if "sessions" in wanted:
                await sessions(place, carrier, options.sessions, table)
            if "rehearsal" in wanted:
                await asyncio.to_thread(rehearsal, place, table)
    if "start" in wanted:
        await start(options.data, carrier, carrier_port, table)
    server.close()
    Console(width=120).print(table)


if __name__ == "__main__":
    uvloop.run(main())
