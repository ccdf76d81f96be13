"""The first process of a sandbox: starts a process for each session of one application version, warm.

Comes in: a settings document as the only argument; then datagrams on the control socket (`spawn` with two descriptors,
`kill`). Goes out: `ready`, and `exited` with how and why a session's process ended. Runs under the Python that runs the
scripts, or (for JavaScript) the build's own; Python 3.8 or later, standard library alone. It never touches the bundle:
nothing that a customer wrote runs in this process.
"""

from __future__ import annotations

import array
import importlib.util
import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any, Dict, NoReturn  # noqa: UP035 (Python 3.8)

if TYPE_CHECKING:
    from twinline.runtime.languages.inside import confine, python_host
else:  # beside this file, without the package: Twinline itself is not there
    import confine
    import python_host

Settings = Dict[str, Any]  # noqa: UP006 (Python 3.8)

CHANNEL = 3
"""The descriptor that a host finds its channel at."""

PROXY_PORT = 3128
"""Where scripts find the outbound proxy in a sandbox: Squid's port, which people know as a proxy's."""

DATAGRAM_LIMIT = 65536
WATCH_INTERVAL = 0.25
"""Seconds between two looks at the memory of all sessions. systemd-oomd looks every second, but it has swap to help."""

WATCH_SHARE = 20
"""A look may take at most one in so many parts of the time."""

NODE_THREADS_DATA = 64 * 1024 * 1024
"""Bytes of data segment for the threads that Node.js starts when asked for files or names: stacks, hardly touched."""

NODE_HEAP_SHARE = 0.75
"""The part of the memory limit that JavaScript objects may take; the rest is for buffers and the engine itself."""

CPU_TOLERANCE = 0.2
"""Seconds by which the kernel's two ways of counting processor time may differ; it ends a process by the coarser."""

_PAGE = resource.getpagesize()


class Spawner:
    """The sessions of this sandbox, and the worker's control socket."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits: dict[str, int] = settings["limits"]
        self.confined: bool = settings["confined"]
        self.control = socket.socket(fileno=settings["control"])
        self.number_of: dict[int, int] = {}
        self.cause_of: dict[int, str] = {}
        self.filter = confine.system_call_filter() if self.confined else b""
        self.home = os.open("/proc/self/ns/pid", os.O_RDONLY) if self.confined else -1
        self.way_out: Any = _load(settings["outbound"], "way_out")
        self.relay = 0
        self.baseline = 0
        self.port = PROXY_PORT
        self.reap_when, self._child_ended = os.pipe()

    def serve(self) -> None:
        """Start and end sessions until the worker goes."""
        self._prepare()
        self._say({"type": "ready"})
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.reap_when, select.POLLIN)
        next_watch = 0.0
        while True:
            wait = max(0.0, next_watch - time.monotonic()) * 1000 if self.number_of else None
            for descriptor, _ in poll.poll(wait):
                if descriptor == self.reap_when:
                    os.read(self.reap_when, 4096)
                    self._reap()
                elif not self._obey():
                    for pid in self.number_of:
                        self._kill(pid)
                    return
            if self.number_of and time.monotonic() >= next_watch:
                began = time.monotonic()
                self._watch()
                ended = time.monotonic()
                next_watch = ended + max(WATCH_INTERVAL, WATCH_SHARE * (ended - began))

    def _prepare(self) -> None:
        confine.adopt_orphans()
        relay = _load(self.settings["outbound"], "relay")
        if relay is not None and os.path.exists(self.settings["socket"]):
            if not self.confined:  # the loopback is everybody's, so that the usual port may be taken
                self.port = _free_port()
            self.relay = relay.start(self.settings["socket"], port=self.port)
        if self.settings["language"] == "python":
            python_host.preload()
            self.baseline = confine.data_size()
        else:
            self.baseline = self._measure_node() + NODE_THREADS_DATA
        if self.confined:
            confine.drop_bounding_set()
        os.set_blocking(self._child_ended, False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(self._child_ended, warn_on_full_buffer=False)

    def _say(self, message: dict[str, object]) -> None:
        self.control.send(json.dumps(message).encode())

    def _obey(self) -> bool:
        """Take one order; False when the worker has gone."""
        data, ancillary, _, _ = self.control.recvmsg(DATAGRAM_LIMIT, socket.CMSG_SPACE(8))
        if not data:
            return False
        order = json.loads(data)
        if order["type"] == "spawn":
            descriptors = array.array("i")
            for _, _, payload in ancillary:
                descriptors.frombytes(payload)
            self._spawn(order, *descriptors)
        elif order["type"] == "kill":
            for pid, number in list(self.number_of.items()):
                if number == order["id"]:
                    self._kill(pid)
        return True

    def _spawn(self, order: dict[str, Any], channel: int, output: int) -> None:
        try:
            if self.confined:
                confine.new_process_namespace(self.home)
            pid = os.fork()
        except OSError as error:
            self._say({"type": "exited", "id": order["id"], "cause": f"no process could be started: {error}"})
        else:
            if pid == 0:
                self._become_session(order, channel, output)
            self.number_of[pid] = order["id"]
        os.close(channel)
        os.close(output)

    def _become_session(self, order: dict[str, Any], channel: int, output: int) -> NoReturn:
        """In the new process: take up the descriptors, shut ourselves in, run the host."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._take_descriptors(channel, output)
            javascript = self.settings["language"] == "javascript"
            if self.confined:
                confine.confine(self.limits, self.baseline, order["uid"], self.settings["hidden"], self.filter)
            else:
                os.setsid()
                confine.restrict(self.limits, self.baseline)
            if javascript:
                self._exec_node()
        except BaseException as error:  # noqa: BLE001 (it must not go on as a second spawner)
            failure = {"type": "SandboxError", "message": f"the process could not be shut in: {error}"}
            os.write(CHANNEL, json.dumps({"type": "failed", "error": failure}).encode() + b"\n")
            os._exit(70)
        for name in ("confine", "python_host"):
            del sys.modules[name]  # names that a bundle may have
        del sys.path[0]  # this file's folder
        python_host.serve(CHANNEL, self.settings["bundle"], self.limits["memory"], self._install_way_out)

    def _take_descriptors(self, channel: int, output: int) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        kept = [os.dup(descriptor) for descriptor in (nothing, output, channel)]
        if min(kept) <= CHANNEL:
            kept = [_above(descriptor, CHANNEL) for descriptor in kept]
        os.dup2(kept[0], 0)
        os.dup2(kept[1], 1)
        os.dup2(kept[1], 2)
        os.dup2(kept[2], CHANNEL)
        os.closerange(CHANNEL + 1, 256)

    def _exec_node(self) -> None:
        settings = self.settings
        host = os.path.join(os.path.dirname(os.path.abspath(__file__)), "javascript_host.js")
        arguments = [
            settings["node"],
            *self._node_options(),
            host,
            json.dumps(
                {
                    "bundle": settings["bundle"],
                    "wayOut": self._javascript_way_out(),
                    "port": self.port,
                    "ca": settings["ca"],
                    "memory": self.limits["memory"] // 2**20,
                }
            ),
        ]
        os.execv(settings["node"], arguments)

    def _node_options(self) -> list[str]:
        heap = int(self.limits["memory"] * NODE_HEAP_SHARE) // 2**20
        return [f"--max-old-space-size={heap}", "--max-semi-space-size=4", "--v8-pool-size=1"]

    def _measure_node(self) -> int:
        """Bytes of data segment that this Node.js takes for nothing: from 24 MB to 550 MB, by its release."""
        numbers = subprocess.run(
            [self.settings["node"], *self._node_options(), "-p", "fs.readFileSync('/proc/self/statm', 'utf8')"],
            stdout=subprocess.PIPE,
            check=True,
        )
        return int(numbers.stdout.split()[5]) * _PAGE

    def _javascript_way_out(self) -> str:
        path = os.path.join(self.settings["outbound"], "way_out.js")
        return path if self.relay and os.path.exists(path) else ""

    def _install_way_out(self, credentials: str) -> None:
        if self.way_out is not None and self.relay:
            self.way_out.PROXY = ("127.0.0.1", self.port)
            self.way_out.install(credentials, self.settings["ca"])

    def _kill(self, pid: int) -> None:
        """End a session: process 1 of its namespace takes all others with it; without namespaces, its group."""
        try:
            if self.confined:
                os.kill(pid, signal.SIGKILL)
            else:
                os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self.number_of.pop(pid, None)
            if number is None:
                continue
            if not self.confined:
                self._end_orphans(pid)
            ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            cause = self.cause_of.pop(pid, "")
            seconds = usage.ru_utime + usage.ru_stime
            if ended_by and not cause and seconds > self.limits["cpu_seconds"] - CPU_TOLERANCE:
                cause = f"processor time limit of {self.limits['cpu_seconds']} s"
            self._say(
                {
                    "type": "exited",
                    "id": number,
                    "status": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
                    "signal": ended_by,
                    "cause": cause,
                }
            )

    def _end_orphans(self, group: int) -> None:
        """Without namespaces: end what a session left behind, in its group or adopted by us."""
        self._kill(group)
        for pid, (parent, _) in _processes().items():
            if parent == os.getpid() and pid not in self.number_of and pid != self.relay:
                os.kill(pid, signal.SIGKILL)

    def _watch(self) -> None:
        """End every session whose processes together take more memory than one may."""
        processes = _processes()
        held: dict[int, list[int]] = {}
        for pid in processes:
            root = pid
            while root not in self.number_of and root in processes:
                root = processes[root][0]
            if root in self.number_of:
                held.setdefault(root, []).append(pid)
        limit = self.limits["memory"]
        for root, members in held.items():
            if sum(processes[pid][1] for pid in members) > limit and sum(map(_own_memory, members)) > limit:
                self.cause_of[root] = f"memory limit of {limit // 2**20} MiB"
                self._kill(root)


def _nothing(*_: object) -> None:
    """SIGCHLD only has to wake the poll."""


def _above(descriptor: int, lowest: int) -> int:
    while descriptor <= lowest:
        descriptor = os.dup(descriptor)
    return descriptor


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _load(folder: str, name: str) -> ModuleType | None:
    """A module by its file, under a name that no bundle can ask for; None when it is not there."""
    path = os.path.join(folder, name + ".py")
    if not os.path.exists(path):
        return None
    spec = importlib.util.spec_from_file_location("twinline inside " + name, path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _processes() -> dict[int, tuple[int, int]]:
    """Every process that can be seen: its parent, and its bytes in memory with what it shares."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            found[int(entry)] = int(fields[1]), int(fields[21]) * _PAGE
    return found


def _own_memory(pid: int) -> int:
    """Bytes that this process alone is to blame for: shared pages count in proportion, files not at all."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            text = file.read()
    except OSError:  # it has ended meanwhile
        return 0
    return sum(int(size) * 1024 for size in re.findall(r"^Pss_(?:Anon|Shmem): +(\d+) kB", text, re.MULTILINE))


if __name__ == "__main__":
    Spawner(json.loads(sys.argv[1])).serve()
