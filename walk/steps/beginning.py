"""The first step: the platform starts."""

import os
import signal
import time

from walk import account
from walk.stage import get, processes_under
from walk.walker import Walker

PARTS = {"nats-server": "the bus", "twinline.control.main": "the control plane", "twinline.network.main": "the edge"}


def step(walker: Walker) -> None:
    """`twinline up` starts the platform: bus, control plane and edge as supervised child processes."""
    began = time.monotonic()
    walker.start()
    account.remark(f"It answers after {time.monotonic() - began:.1f} s.")
    running = processes_under(walker.platform)
    for program, part in PARTS.items():
        account.check(any(program in line for line in running.values()), f"{part} runs as a child process", running)
    walker.stage.twinline("status")

    edge = next(process for process, line in running.items() if "twinline.network.main" in line)
    account.remark("A supervised process that is killed comes back:")
    account.command(f"kill -9 {edge}")
    os.kill(edge, signal.SIGKILL)
    account.until(lambda: edge not in processes_under(walker.platform), "the killed edge is gone")
    account.until(lambda: get(f"{walker.stage.edge}/healthz", quiet=True)[0] == 200, "the edge answers again")
    account.check(True, "the edge was killed and answers again", "")
