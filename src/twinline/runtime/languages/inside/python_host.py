"""The host of Python scripts: runs one script in a process that the spawner forked and confined.

Comes in: the channel's descriptor, on which the worker says `start` and answers verbs. Goes out: what the script asks
for, and how it ended (`docs/language-hosts.md`). Runs under the hosted Python (3.8 or later), standard library alone.
Everything a script may use is imported before the fork, so that a session starts with it.
"""

from __future__ import annotations

import atexit
import collections
import gc
import importlib
import inspect
import io
import json
import os
import random
import signal
import sys
import threading
import types
from typing import Any, Callable, Dict, List, NoReturn, Optional  # noqa: UP035 (Python 3.8)

Json = Dict[str, Any]  # noqa: UP006 (Python 3.8)

PRELOADED = (
    "base64", "calendar", "copy", "csv", "datetime", "decimal", "email.message", "functools", "hashlib", "hmac",
    "html", "http.client", "http.cookies", "io", "itertools", "json", "logging", "math", "operator", "os.path",
    "pickle", "queue", "random", "re", "select", "secrets", "socket", "ssl", "string", "struct", "subprocess",
    "tempfile", "textwrap", "threading", "time", "traceback", "urllib.error", "urllib.parse", "urllib.request", "uuid",
    "xml.etree.ElementTree", "zoneinfo", "encodings.idna", "requests",
)  # fmt: skip
"""What scripts commonly import. Those that this Python does not have are passed over."""

POSITIONAL = {
    "say": "text", "ask": "text", "message": "text", "record": "text", "log": "text", "wait": "milliseconds",
    "call": "to", "transfer": "to", "redirect": "to", "conference": "id", "startCallRecording": "uri",
    "answer": "timeout", "hangup": "", "reject": "", "stopCallRecording": "",
}  # fmt: skip
"""The verbs, and what their first argument is called in a message ("": they take none)."""

HANDLER_OF = {"transfer": "onSuccess", "callfailure": "onCallFailure"}
"""Handlers whose names do not follow from the event's."""

FRAMES_LIMIT = 50
MESSAGE_LIMIT = 10_000
PRINTED_LIMIT = 64 * 1024
"""Bytes of a printed line before it is broken, so that one without an end does not pile up."""
THREAD_STACK = 1024 * 1024
"""Bytes of stack for a script's threads, because all of it counts against the memory limit (musl grants 128 KiB)."""


_preloaded: Dict[str, List[str]] = {}  # noqa: UP006 (Python 3.8)
"""The modules that stand ready, by their first names: found without going through them all, for a forked process pays
for every page it touches."""


def preload() -> None:
    """Import what scripts commonly use, and let the garbage collector forget it all, so that forks share it."""
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    for name in sys.modules:
        _preloaded.setdefault(name.partition(".")[0], []).append(name)
    del _preloaded["__main__"]
    gc.collect()
    gc.freeze()


class CallError(Exception):
    """A verb could not be performed."""


class _ChannelClosed(BaseException):
    """The worker has gone, so nothing of this session matters any more."""


class Channel:
    """Lines of JSON to and from the worker, for any number of threads.

    Whoever waits for an answer and finds nobody reading reads for all: no thread is spent on reading.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.call: Json = {}
        self._buffer = b""
        self._lines: collections.deque[bytes] = collections.deque()
        self._answers: dict[int, collections.deque[Json]] = {}
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._reading = False
        self._last = 0
        self.process = os.getpid()

    def send(self, message: Json) -> None:
        """Say something to the worker. Raises CallError in a process that the script forked: it has no session."""
        if os.getpid() != self.process:
            raise CallError("a process that the script started has no call")
        data = memoryview(json.dumps(message).encode() + b"\n")
        with self._writing:
            while data:
                try:
                    data = data[os.write(self.descriptor, data) :]
                except OSError as error:
                    raise _ChannelClosed from error

    def open(self) -> int:
        """A number for something that will be answered."""
        with self._changed:
            self._last += 1
            self._answers[self._last] = collections.deque()
            return self._last

    def close(self, number: int) -> None:
        """Nothing more is expected for this number."""
        with self._changed:
            self._answers.pop(number, None)

    def answer(self, number: int) -> Json:
        """The next message for this number; waits for it."""
        with self._changed:
            while not self._answers[number]:
                if self._reading:
                    self._changed.wait()
                    continue
                self._reading = True
                self._changed.release()
                try:
                    message = self.read()
                finally:
                    self._changed.acquire()
                    self._reading = False
                    self._changed.notify_all()
                self._dispatch(message)
            return self._answers[number].popleft()

    def read(self) -> Json:
        """The next line. Only for the one who reads."""
        while not self._lines:
            try:
                data = os.read(self.descriptor, 65536)
            except OSError as error:
                raise _ChannelClosed from error
            if not data:
                raise _ChannelClosed
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            self._lines.extend(lines)
        message: Json = json.loads(self._lines.popleft())
        return message

    def _dispatch(self, message: Json) -> None:
        if message["type"] == "state":
            self.call.update(message["call"])
        elif message.get("id") in self._answers:
            self._answers[message["id"]].append(message)


class Printed(io.RawIOBase):
    """What a script prints goes to the session's log by the channel, line by line, in order with its verbs."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self._line = b""

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The pipe that the script's child processes print to."""
        return 1

    def write(self, data: Any) -> int:
        """Send the lines that are complete, and any that grows too long to wait for."""
        if os.getpid() != self._channel.process:
            return os.write(1, data)
        *lines, self._line = (self._line + bytes(data)).split(b"\n")
        while len(self._line) > PRINTED_LIMIT:
            lines.append(self._line[:PRINTED_LIMIT])
            self._line = self._line[PRINTED_LIMIT:]
        for line in lines:
            self._send(line)
        return len(data)

    def finish(self) -> None:
        """Send what stands on the last line."""
        if self._line:
            self._send(self._line)
            self._line = b""

    def _send(self, line: bytes) -> None:
        self._channel.send({"type": "output", "text": line.decode("utf-8", "replace")})


class _Open:
    """An object whose unknown properties read as None, as scripts written for many languages expect."""

    name: Any
    value: Any
    choice: Any
    message: Any

    def __init__(self, properties: Json) -> None:
        self.__dict__.update(properties)

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__dict__!r})"


class Event(_Open):
    """What a verb gives back, and what handlers get."""

    def __init__(self, result: Json) -> None:
        super().__init__({"value": None, "attempt": 1, "choice": None, **result})
        if result.get("choice") is not None:
            self.choice = Choice({"confidence": 100, **result["choice"]})

    def _on(self, matches: bool, callback: Callable[..., object]) -> bool:
        if matches:
            _call(callback, self)
        return True

    def onChoice(self, expected: object, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "choice" and self.value == str(expected), callback)

    def onBadChoice(self, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "badChoice" or (self.name == "choice" and self.value == "nomatch"), callback)

    def onTimeout(self, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "timeout", callback)

    def onError(self, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "error", callback)

    def onHangup(self, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "hangup", callback)

    def onRecord(self, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "record", callback)

    def onSilenceTimeout(self, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "silenceTimeout", callback)

    def onSignal(self, callback: Callable[..., object]) -> bool:  # noqa: N802, D102
        return self._on(self.name == "signal", callback)


class Choice(_Open):
    """What an answer was understood as."""


class CurrentApp(_Open):
    """The application, as its script sees it."""


def _call(callback: Callable[..., object], event: Event) -> None:
    """Call a handler with the event, or without when it takes no argument."""
    try:
        inspect.signature(callback).bind(event)
    except TypeError:
        callback()
    except ValueError:  # a builtin without a signature
        callback(event)
    else:
        callback(event)


class Call(_Open):
    """The call as its script sees it: the properties it has, None for all others, and the verbs as methods."""

    def __init__(self, channel: Channel, verbs: dict[str, Callable[..., object]]) -> None:
        super().__init__({name: value for name, value in channel.call.items() if name not in ("headers", "state")})
        self.__dict__.update(verbs)
        self._channel = channel

    def _now(self) -> Json:
        """The call's state as the worker has it: answered in order, so all that came before has been read."""
        number = self._channel.open()
        self._channel.send({"type": "sync", "id": number})
        self._channel.answer(number)
        self._channel.close(number)
        return self._channel.call

    def state(self) -> str:
        """RINGING, ANSWERED, DISCONNECTED …"""
        return str(self._now().get("state", "ANSWERED"))

    def isActive(self) -> bool:  # noqa: N802
        """Whether the other side is still there."""
        return self.state() not in ("DISCONNECTED", "FAILED", "REJECTED")

    def getHeader(self, name: str) -> Optional[str]:  # noqa: N802, UP045
        """A header of the call; None when there is none of that name."""
        return self.getHeaderMap().get(str(name).lower())

    def getHeaderMap(self) -> dict[str, str]:  # noqa: N802
        """All headers, their names in lower case."""
        return {name.lower(): value for name, value in (self._channel.call.get("headers") or {}).items()}


class Host:
    """One script's run: its channel, its bundle, what it sees."""

    def __init__(self, channel: Channel, bundle: str, memory: int) -> None:
        self.channel = channel
        self.bundle = os.path.join(bundle, "")
        self._memory = memory
        self._printed = {"stdout": Printed(channel), "stderr": Printed(channel)}
        self.verbs: Dict[str, Callable[..., object]] = {name: self._verb(name) for name in POSITIONAL}  # noqa: UP006
        self.verbs["log"] = self.log

    def take_output(self) -> None:
        """Have what the script prints sent by the channel."""
        for name, printed in self._printed.items():
            stream = io.TextIOWrapper(printed, "utf-8", "backslashreplace", line_buffering=True)  # type: ignore[type-var]
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)

    def finish_output(self) -> None:
        """Send what was printed without an end of line."""
        for name, printed in self._printed.items():
            stream = getattr(sys, f"__{name}__")
            if not stream.closed:
                stream.flush()
            printed.finish()

    def log(self, *texts: object) -> None:
        """Write to the session's log."""
        self._log(" ".join(_text(text) for text in texts), self._caller()[1])

    def _log(self, text: str, line: int, level: str = "info") -> None:
        self.channel.send({"type": "log", "text": text, "line": line, "level": level})

    def _caller(self) -> tuple[str, int]:
        """The script's own frame that is calling."""
        frame: Optional[types.FrameType] = sys._getframe(2)  # noqa: UP045
        while frame is not None and not frame.f_code.co_filename.startswith(self.bundle):
            frame = frame.f_back
        return (self._relative(frame.f_code.co_filename), frame.f_lineno) if frame else ("", 0)

    def _relative(self, path: str) -> str:
        return path[len(self.bundle) :] if path.startswith(self.bundle) else path

    def _verb(self, name: str) -> Callable[..., Event]:
        first = POSITIONAL[name]

        def verb(*given: object) -> Event:
            arguments: Json = {}
            rest = list(given)
            if rest and first and not (len(rest) == 1 and isinstance(rest[0], dict)):
                arguments[first] = rest.pop(0)
            for options in rest:
                if isinstance(options, dict):
                    arguments.update(options)
                elif options is not None:
                    arguments["options"] = options
            return self.perform(name, arguments)

        verb.__name__ = verb.__qualname__ = name
        return verb

    def perform(self, name: str, arguments: Json) -> Event:
        """Ask for a verb and wait for what it gives, running handlers at each attempt. Raises what the worker says."""
        handlers = {str(key): arguments.pop(key) for key in list(arguments) if _is_handler(key, arguments[key])}
        file, line = self._caller()
        channel = self.channel
        number = channel.open()
        message = {
            "type": "verb",
            "id": number,
            "verb": name,
            "arguments": _plain(arguments),
            "file": file,
            "line": line,
            "handlers": list(handlers),
        }
        try:
            channel.send(message)
            while True:
                answer = channel.answer(number)
                if "error" in answer:
                    raise _raised(answer["error"]["type"], answer["error"]["message"])
                event = Event(answer["result"])
                self._handle(handlers, event)
                if answer["type"] == "result":
                    break
                channel.send({"type": "continue", "id": number})
        finally:
            channel.close(number)
        if event.name == "error":
            raise CallError(event.message or f"{name} failed")
        return event

    def _handle(self, handlers: dict[str, Callable[..., object]], event: Event) -> None:
        """Run the event's own handler, then onEvent. What they raise is logged and goes no further."""
        own = HANDLER_OF.get(event.name, "on" + event.name[:1].upper() + event.name[1:])
        for name in (own, "onEvent"):
            if name in handlers:
                try:
                    _call(handlers[name], event)
                except Exception as error:  # noqa: BLE001 (whatever a handler of the script raises)
                    self._log(f" ---- Callback Error : {_text(error)}", self.describe(error)["line"], "error")

    def describe(self, error: BaseException) -> Json:
        """An exception as the transcript keeps it: where in the bundle it was thrown, frames from inner to outer."""
        places = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename.startswith(self.bundle):
                places.append((self._relative(code.co_filename), trace.tb_lineno, code.co_name))
            trace = trace.tb_next
        places.reverse()
        if isinstance(error, SyntaxError) and (error.filename or "").startswith(self.bundle):
            places.insert(0, (self._relative(error.filename or ""), error.lineno or 0, "<syntax>"))
        file, line, _ = places[0] if places else ("", 0, "")
        message = _text(error.msg if isinstance(error, SyntaxError) else error)
        if isinstance(error, MemoryError):
            message = f"{message} (memory limit of {self._memory // 2**20} MiB)".lstrip()
        return {
            "type": type(error).__name__,
            "message": message[:MESSAGE_LIMIT],
            "file": file,
            "line": line,
            "frames": [f"{file}:{line} in {name}" for file, line, name in places[:FRAMES_LIMIT]],
        }

    def run(self, start: Json) -> None:
        """Run the script to its end, that of its threads, and that of what it left for its exit."""
        module = types.ModuleType("__main__")
        path = self.bundle + start["entry"]
        sys.modules["__main__"] = module
        sys.argv = [path]
        sys.path.insert(0, os.path.dirname(path))
        _make_way_for(os.path.dirname(path))
        os.chdir(self.bundle)
        names = module.__dict__
        names.update({key: value for key, value in start["parameters"].items() if not key.startswith("__")})
        names.update(self._globals(start))
        names["__file__"] = path
        exec(compile(_read(path), path, "exec", dont_inherit=True), names)

    def _globals(self, start: Json) -> Json:
        """What the script finds: the verbs, the call, the application."""
        call = None
        if start["call"] is not None:
            self.channel.call = start["call"]
            call = Call(self.channel, self.verbs)
        return {
            **self.verbs,
            "getHeader": call.getHeader if call else lambda name: None,
            "currentCall": call,
            "currentApp": CurrentApp({"baseDir": self.bundle.rstrip("/"), "app": start["entry"]}),
        }


def _is_handler(name: object, value: object) -> bool:
    return isinstance(name, str) and name[:2] == "on" and name[2:3].isupper() and callable(value)


def _raised(type_: str, message: str) -> CallError:
    kind: type[CallError] = CallError if type_ == "CallError" else type(str(type_), (CallError,), {})
    return kind(message)


def _text(value: object) -> str:
    """A value as text that can be sent, whatever it holds."""
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _plain(value: object) -> object:
    """A value as JSON holds it: mappings, lists, text, numbers; anything else as its text."""
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool) else _plain_scalar(value)


def _plain_scalar(value: object) -> object:
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return _text(value)


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return b"".join(iter(lambda: os.read(descriptor, 65536), b""))
    finally:
        os.close(descriptor)


def _make_way_for(folder: str) -> None:
    """The bundle's own modules come before those preloaded under the same names, as for any Python script."""
    for entry in os.listdir(folder):
        for name in _preloaded.get(entry.split(".")[0], ()):
            sys.modules.pop(name, None)


def _hold_still(seed: str) -> None:
    """Make the system's randomness repeatable, for a rehearsal."""
    source = random.Random("system " + seed)

    def urandom(size: int) -> bytes:
        return bytes(source.getrandbits(8) for _ in range(size))

    os.urandom = urandom
    random._urandom = urandom  # type: ignore[attr-defined]


def serve(descriptor: int, bundle: str, memory: int, way_out: Callable[[str], None]) -> NoReturn:
    """Be the host of one session, in the process that was made for it. Never returns.

    `memory` is the limit in bytes, to be named when it is met; `way_out` turns HTTP clients to the outbound proxy.
    """
    channel = Channel(descriptor)
    host = Host(channel, bundle, memory)
    try:
        host.take_output()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.stack_size(THREAD_STACK)
        channel.send({"type": "ready"})
        start = channel.read()
        if start.get("proxy"):
            way_out(start["proxy"])
        random.seed(start["seed"])
        if start["rehearsal"]:
            _hold_still(start["seed"])
        _end(host, _outcome(host, start))
    except _ChannelClosed:
        pass
    finally:
        os._exit(0)


def _outcome(host: Host, start: Json) -> Json:
    try:
        try:
            host.run(start)
        finally:
            for thread in threading.enumerate():
                if thread is not threading.main_thread() and not thread.daemon:
                    thread.join()
            atexit._run_exitfuncs()
    except SystemExit as leaving:
        if leaving.code is not None and not isinstance(leaving.code, int):
            print(leaving.code, file=sys.stderr)  # noqa: T201 (what the interpreter itself does)
    except _ChannelClosed:
        raise
    except BaseException as error:  # noqa: BLE001 (whatever a script raises is its failure, told to the worker)
        return {"type": "failed", "error": host.describe(error)}
    return {"type": "done"}


def _end(host: Host, outcome: Json) -> None:
    if os.getpid() != host.channel.process:
        return  # a fork of the script that came to the end of the script
    host.finish_output()
    host.channel.send(outcome)
