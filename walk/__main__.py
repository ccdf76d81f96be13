"""`python -m walk`: take the seven steps and say how they went; with --stay, stay up afterwards.

Comes in: options. Goes out: the account, and an exit code: 0 when all seven went as told, else 1 with the one
that did not.
"""

import argparse
import json
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from examples.carrier import Carrier

from walk import account
from walk.cast import APPLICATIONS, COURIER, LOOKUP, PHARMACY, SECRET, TWIN_ADDRESS
from walk.people import People
from walk.stage import EXAMPLES, Stage, service
from walk.steps import STEPS
from walk.walker import Walker

MARK = "walk.json"
"""The file that says that a folder is a walk's, and whether the walk got to its end."""

WHERE = """
Twinline is up. Everything is in {data}; Ctrl-C stops it, `make run` starts it again.

  {edge}/messages            messages come in here
  {api}/changelog           what developers are told, as a page (/changelog.atom: as a feed)
  {api}/api/openapi.json    the HTTP API; its key is in {data}/api-key
  {data}/rehearsal.html
                                            the rehearsal that found the regression

{reached}

To try in another terminal, in this folder:

  export TWINLINE_DATA={data} PATH="$PWD/.venv/bin:$PATH"
  twinline status
  twinline session list
  twinline rehearse 2
  twinline promotion list

and to write to an application (replies are shown here):

  body='{{"to": "{address}", "from": "+491700000000", "text": "hello", "id": "'$RANDOM'"}}'; now=$(date +%s)
  signature=$(printf %s "$now.$body" | openssl dgst -sha256 -hmac '{secret}' -r | cut -d ' ' -f 1)
  curl {edge}/messages -H 'Content-Type: application/json' -H "X-Twinline-Signature: t=$now,v1=$signature" -d "$body"

"""


def main() -> int:
    """Walk, or start again what a walk left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _options()
    data: Path = options.data or Path(tempfile.mkdtemp(prefix="twinline-walk-"))
    finished = _finished(data)
    try:
        with ExitStack() as running:
            data.mkdir(parents=True, exist_ok=True)
            _mark(data, finished=finished)
            walker = _set_up(running, data, options)
            if finished:
                account.heading(f"What an earlier walk left in {data} is started again.")
                walker.start()
            elif not _walked(walker):
                return 1
            else:
                _mark(data, finished=True)
            if options.stay:
                return _stay(walker)
    except account.WentWrong as wrong:
        account.heading("The platform did not start as told.")
        account.output(str(wrong))
        return 1
    except KeyboardInterrupt:
        account.remark("stopped")
        return 0 if options.stay else 1
    finally:
        if options.data is None:
            shutil.rmtree(data, ignore_errors=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m walk", description="Twinline's main job, on real parts.")
    parser.add_argument("--stay", action="store_true", help="stay up afterwards, and say where everything is")
    parser.add_argument("--data", type=Path, help="keep everything here (default: a folder that is removed)")
    parser.add_argument("--sandbox", default="bubblewrap", help="bubblewrap, or none where the machine cannot")
    return parser.parse_args()


def _set_up(running: ExitStack, data: Path, options: argparse.Namespace) -> Walker:
    _start_lookup(running, data / "lookup.log")
    # Those who stay can be found where the documentation says; a demonstration takes what is free.
    ports = (8080, 8081) if options.stay else (_free_port(), _free_port())
    stage = Stage(data.resolve(), *ports, options.sandbox, f"127.0.0.1:{LOOKUP}")
    walker = Walker(stage, People(stage, running.enter_context(Carrier(SECRET, port=_carrier_port(data)))))
    running.callback(walker.stop)
    return walker


def _start_lookup(running: ExitStack, log: Path) -> None:
    """Start the service that the examples look things up in; on its port it must be ours, and no other's."""
    if _listens(LOOKUP):
        raise SystemExit(
            f"error: 127.0.0.1:{LOOKUP}: another program listens where the examples look things up (stop it)"
        )
    process = running.enter_context(service([EXAMPLES / "lookup_service.py"], log))

    def is_there() -> bool:
        if process.poll() is not None:
            raise SystemExit(f"error: {log}: the examples' lookup service ended with {process.returncode}")
        return _listens(LOOKUP)

    account.until(is_there, "the examples' lookup service listens")


def _carrier_port(data: Path) -> int:
    """The carrier's port is in every address, so that a second start has to find it again."""
    file = data / "carrier-port"
    if not file.exists():
        file.write_text(str(_free_port()), encoding="ascii")
    return int(file.read_text(encoding="ascii"))


def _finished(data: Path) -> bool:
    """Whether an earlier walk got to its end. What an interrupted one left is removed, for steps are not taken twice.

    A folder that no walk has marked is left alone.
    """
    mark = data / MARK
    if not mark.exists():
        if data.exists() and any(data.iterdir()):
            raise SystemExit(f"error: {data}: holds something that is no walk's (give another --data)")
        return False
    if json.loads(mark.read_text(encoding="ascii"))["finished"]:
        return True
    account.remark(f"A walk in {data} did not get to its end: beginning afresh.")
    shutil.rmtree(data)
    return False


def _mark(data: Path, *, finished: bool) -> None:
    (data / MARK).write_text(json.dumps({"finished": finished}), encoding="ascii")


def _walked(walker: Walker) -> bool:
    began = time.monotonic()
    for number, step in enumerate(STEPS, start=1):
        account.heading(f"{number}. {' '.join((step.__doc__ or '').split())}")
        try:
            step(walker)
        except account.WentWrong as wrong:
            account.heading(f"Step {number} did not go as told.")
            account.output(str(wrong))
            account.output(_last_words(walker.stage.data))
            return False
    account.heading(f"All seven steps went as told, in {time.monotonic() - began:.0f} s.")
    return True


def _last_words(data: Path) -> str:
    """The ends of the logs: a folder made for the walk is gone when somebody wants to look."""
    files = [*sorted(data.glob("*.log")), *sorted(data.glob("logs/*.log"))]
    ends = ((file.name, file.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]) for file in files)
    return "\n".join(f"{name}: {line}" for name, lines in ends for line in lines)


def _stay(walker: Walker) -> int:
    """Say where everything is, and show replies as they come, until the platform ends or is told to."""
    stage, carrier = walker.stage, walker.people.carrier
    addresses = {cast.address: f"{cast.name} (production)" for cast in APPLICATIONS}
    addresses[TWIN_ADDRESS] = f"{COURIER.name}-twin (development)"
    reached = "\n".join(f"  {address:<16}{name}" for address, name in addresses.items())
    places = {"data": stage.data, "edge": stage.edge, "api": stage.api, "reached": reached}
    account.plainly(WHERE.format(**places, secret=carrier.secret, address=PHARMACY.address))
    seen = carrier.count()
    while walker.is_up:
        time.sleep(0.2)
        for sender, recipient, text in carrier.everything()[seen:]:
            account.said(f"{sender} to {recipient}", text)
            seen += 1
    account.heading("The platform has ended by itself.")
    account.output(_last_words(stage.data))
    return 1


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
