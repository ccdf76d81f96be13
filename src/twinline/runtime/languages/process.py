"""One session's process as the worker sees it: messages in, messages out, its output, its end.

Comes in: the worker's ends of the channel and of the output pipe, and how the process ended. Goes out: an ordered
stream of messages and the reason of the end. Everything the process does wrong ends that process and nothing else.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from twinline.model.errors import Trouble
from twinline.runtime.languages import protocol
from twinline.runtime.languages.limits import Limits

READ_SIZE = 64 * 1024
INBOX_LIMIT = 1_000
"""Messages that wait for the engine before the script is made to wait. A pipe holds 64 KiB: about as many log lines."""

UNREAD_LIMIT = 4 * protocol.LINE_LIMIT
"""Bytes that a script may leave unread before it is ended; it reads each answer where it asks."""

PATIENCE = 1.0
"""Seconds between a host's last word and the end of its process before it is helped along."""

READY_PATIENCE = 20.0
"""Seconds that a warm interpreter may take to be ready; it takes milliseconds unless the machine is overloaded."""

_V8_OUT_OF_MEMORY = "JavaScript heap out of memory"


@dataclass(frozen=True)
class Exit:
    """How a process ended. `cause` is a sentence for people; empty when it ended after it had said how it went."""

    status: int
    signal: int
    cause: str


class ScriptProcess:
    """A warm process for one session. Made by a sandbox; started once; its owner waits for its end or kills it.

    `end` asks the sandbox to kill the process with all it started.
    """

    def __init__(
        self, channel: socket.socket, output: int, *, entry: str, limits: Limits, sandbox: str, end: Callable[[], None]
    ) -> None:
        self.sandbox = sandbox
        self._channel = channel
        self._output = output
        self._entry = entry
        self._limits = limits
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._ready = self._loop.create_future()
        self._ended: asyncio.Future[Exit] = self._loop.create_future()
        self._wake: asyncio.Future[None] | None = None
        self._inbox: deque[protocol.HostMessage] = deque()
        self._line = bytearray()
        self._unsent = bytearray()
        self._printed = bytearray()
        self._allowance = limits.output
        self._cause = ""
        self._told = False
        self._reading = True
        self._closing: asyncio.TimerHandle | None = None
        self._loop.add_reader(channel, self._read_channel)
        self._loop.add_reader(output, self._read_output)

    async def ready(self) -> None:
        """Wait until the interpreter waits for its start. Raises Trouble when it does not come to that."""
        try:
            async with asyncio.timeout(READY_PATIENCE):
                cause = await asyncio.shield(self._ready)
        except TimeoutError:
            cause = f"not ready after {READY_PATIENCE:g} s"
            await self.kill(cause)
        if cause:
            printed = [message.text for message in self._inbox if isinstance(message, protocol.Output)]
            reason = "; ".join([cause, *printed[-3:]])
            raise Trouble(f"the script's process could not be made ready: {reason}", where="sandbox")

    async def start(self, message: Mapping[str, object]) -> None:
        """Hand over the `start` document; the entry file is filled in. Raises Trouble when the process is not ready."""
        await self.ready()
        self._write(protocol.encode({"entry": self._entry, **message}))

    def send(self, message: msgspec.Struct) -> None:
        """Tell the script something; buffered, and dropped when the process has ended."""
        self._write(protocol.encode(message))

    async def receive(self) -> protocol.HostMessage | None:
        """The next message in order; None when the process has ended and everything it said has been given."""
        while not self._inbox:
            if self._ended.done():
                return None
            self._wake = self._loop.create_future()
            await self._wake
        message = self._inbox.popleft()
        if not self._reading and len(self._inbox) < INBOX_LIMIT // 2:
            self._resume()
        return message

    def __aiter__(self) -> "ScriptProcess":
        return self

    async def __anext__(self) -> protocol.HostMessage:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    async def kill(self, cause: str) -> None:
        """End the process and all it started, and wait until they are gone. The first cause stands."""
        self._stop(cause)
        await self.wait()

    async def wait(self) -> Exit:
        """Wait for the end of the process."""
        return await asyncio.shield(self._ended)

    @property
    def alive(self) -> bool:
        """Whether the process has not ended yet."""
        return not self._ended.done()

    def ended(self, status: int, signal: int, cause: str) -> None:
        """Told by the sandbox: the process is no more."""
        if self._ended.done():
            return
        self._resume()
        self._drain()
        self._loop.remove_reader(self._channel)
        self._loop.remove_reader(self._output)
        self._loop.remove_writer(self._channel)
        self._channel.close()
        os.close(self._output)
        if self._closing is not None:
            self._closing.cancel()
        self._ended.set_result(Exit(status, signal, self._why(status, signal, cause)))
        if not self._ready.done():
            self._ready.set_result(self._ended.result().cause)
        self._awake()

    def _why(self, status: int, signal: int, cause: str) -> str:
        if self._told:
            return ""
        if self._cause or cause:
            return self._cause or cause
        if signal:
            return f"the script's process was ended by signal {signal}"
        return f"the script's process ended with status {status} without a word"

    def _stop(self, cause: str) -> None:
        if self._ended.done():
            return
        if not self._told:
            self._cause = self._cause or cause
        self._end()

    def _write(self, data: bytes) -> None:
        if self._ended.done() or self._told:
            return
        if not self._unsent:
            try:
                data = data[self._channel.send(data) :]
            except BlockingIOError:
                pass
            except OSError:  # the process has closed its end; how it ended will be known in a moment
                return
        if data:
            self._unsent += data
            self._loop.add_writer(self._channel, self._write_more)
        if len(self._unsent) > UNREAD_LIMIT:
            self._stop("the script does not read what it is told")

    def _write_more(self) -> None:
        try:
            del self._unsent[: self._channel.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()
        if not self._unsent:
            self._loop.remove_writer(self._channel)

    def _pause(self) -> None:
        self._reading = False
        self._loop.remove_reader(self._channel)
        self._loop.remove_reader(self._output)

    def _resume(self) -> None:
        if not self._reading and not self._ended.done():
            self._reading = True
            self._loop.add_reader(self._channel, self._read_channel)
            self._loop.add_reader(self._output, self._read_output)

    def _drain(self) -> None:
        """Take what is left in the pipes of a process that has ended: no more than the kernel held."""
        while self._read_output():
            pass
        if self._printed:
            self._print(self._printed)
        while self._read_channel():
            pass

    def _read_output(self) -> bool:
        """Take what was printed; whether there was something."""
        try:
            data = os.read(self._output, READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._output)
            return False
        self._spend(len(data))
        self._printed += data
        *lines, self._printed = self._printed.split(b"\n")
        for line in lines:
            self._print(line)
        return True

    def _print(self, line: bytearray) -> None:
        if self._told or self._allowance < 0:
            return
        text = line.decode(errors="replace")
        if _V8_OUT_OF_MEMORY in text:
            self._cause = self._cause or f"memory limit of {self._limits.memory // 2**20} MiB"
        self._put(protocol.Output(text))

    def _spend(self, size: int) -> None:
        self._allowance -= size
        if self._allowance < 0:
            self._stop(f"output limit of {self._limits.output // 1024} KiB")

    def _read_channel(self) -> bool:
        """Take what was said; whether there was something."""
        try:
            data = self._channel.recv(READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._channel)
            if self._closing is None and not self._ended.done():
                self._closing = self._loop.call_later(PATIENCE, self._stop, "the script closed its channel")
            return False
        if self._told or self._cause:
            return True
        # What was printed before a message was said is read before it.
        self._read_output()
        first, *rest = data.split(b"\n")
        self._line += first
        for part in rest:
            self._take(bytes(self._line))
            self._line[:] = part
        if len(self._line) > protocol.LINE_LIMIT:
            self._stop(f"a message longer than {protocol.LINE_LIMIT // 1024} KiB")
        return True

    def _take(self, line: bytes) -> None:
        if self._told or self._cause:
            return
        if len(line) > protocol.LINE_LIMIT:
            self._stop(f"a message longer than {protocol.LINE_LIMIT // 1024} KiB")
            return
        try:
            message = protocol.decode(line)
        except protocol.ProtocolError as error:
            self._stop(str(error))
            return
        match message:
            case protocol.ReadyMessage():
                if not self._ready.done():
                    self._ready.set_result("")
            case protocol.SyncMessage():
                self.send(protocol.SyncedMessage(id=message.id))
            case protocol.DoneMessage() | protocol.FailedMessage():
                self._told = True
                self._put(message)
                self._end()
            case protocol.LogMessage() | protocol.Output():
                self._spend(len(message.text) + 1)
                if self._allowance >= 0:
                    self._put(message)
            case _:
                self._put(message)

    def _put(self, message: protocol.HostMessage) -> None:
        self._inbox.append(message)
        if len(self._inbox) >= INBOX_LIMIT and self._reading:
            self._pause()
        self._awake()

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        self._wake = None
