"""Scripts that mean harm: each ends alone, with a sentence that says why, and the next session is served."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from tests.runtime.languages.stage import Ran, Stage

BELOW_TMP = [place.parts[2] for place in {Path(sys.prefix), Path(sys.base_prefix)} if place.parts[1] == "tmp"][:1]
"""What a script sees in its own /tmp: nothing, unless its interpreter lives there."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def attack(stage: Stage, source: str, entry: str = "main.py", patience: float = 20.0) -> Ran:
    """Run the script as `hostile.…`, and after it a harmless session from the same spawner."""
    suffix = Path(entry).suffix
    chooser = {
        ".py": "if mode == 'harmless':\n    log('harmless')\nelse:\n    import hostile\n    hostile.run(say, log)",
        ".js": "if (mode === 'harmless') log('harmless'); else require('./hostile')",
    }[suffix]
    if suffix == ".py":
        source = "def run(say, log):\n" + "".join(f"    {line}\n" for line in source.strip().splitlines())
    files = {f"hostile{suffix}": source}
    ran = await stage.run(chooser, entry=entry, files=files, parameters={"mode": "hostile"}, patience=patience)
    after = await stage.run(chooser, entry=entry, files=files, parameters={"mode": "harmless"}, patience=patience)
    assert (after.logged, after.done) == (["harmless"], True), after
    return ran


async def test_files_of_the_host_are_not_there(stage: Stage, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    source = f"""
here = ({str(secret)!r}, {str(Path(__file__))!r})
for path in ("/etc/shadow", "/etc/passwd", "/home", "/var", "/sys", "/root/.ssh", *here):
    try:
        open(path).close()
        log("read " + path)
    except OSError as error:
        log(type(error).__name__)
import os
log(sorted(os.listdir("/run")), sorted(os.listdir("/tmp")))
"""
    ran = await attack(stage, source)
    assert set(ran.logged[:8]) <= {"FileNotFoundError", "IsADirectoryError"}
    assert ran.logged[8:] == [f"['twinline'] {BELOW_TMP}"]


async def test_files_of_the_host_are_not_there_for_javascript(stage: Stage) -> None:
    source = """
const fs = require('fs');
for (const path of ['/etc/shadow', '/etc/passwd', '/sys/kernel', '/var/log']) {
  try { fs.readFileSync(path); log('read ' + path) } catch (error) { log(error.code) }
}
"""
    ran = await attack(stage, source, "main.js")
    assert ran.logged == ["ENOENT"] * 4


async def test_the_bundle_and_the_host_cannot_be_written(stage: Stage) -> None:
    source = """
for path in ("/app/main.py", "/app/new", "/twinline/languages/python_host.py", "/usr/x", "/x", "/dev/x", "/run/x"):
    try:
        open(path, "w").close()
        log("wrote " + path)
    except OSError as error:
        log(error.strerror)
"""
    ran = await attack(stage, source)
    assert set(ran.logged) <= {"Read-only file system", "Permission denied"}
    assert len(ran.logged) == 7


async def test_a_session_finds_nothing_of_another(stage: Stage) -> None:
    source = (
        "import os\nlog(os.listdir('/tmp'), os.listdir('/dev/shm'))\nopen('/tmp/mine', 'w').close()\nlog(os.getpid())"
    )
    first, second = await stage.run(source), await stage.run(source)
    assert first.logged == second.logged == [f"{BELOW_TMP} {BELOW_TMP}", "1"]


async def test_a_fork_bomb_is_refused_its_processes(stage: Stage) -> None:
    source = """
import os, time
children = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        children += 1
except OSError as error:
    log(children, error.strerror)
"""
    ran = await attack(stage, source)
    assert ran.logged == ["31 Resource temporarily unavailable"]
    assert ran.done


async def test_forks_of_the_script_itself_say_nothing_on_its_channel(stage: Stage) -> None:
    ran = await attack(stage, "import os\nfor _ in range(3):\n    os.fork()\nsay('x')")
    assert ran.said == ["x"]
    assert ran.done


async def test_a_fork_bomb_of_javascript_is_refused_its_processes(stage: Stage) -> None:
    source = """
const { spawn } = require('child_process');
let failed = 0;
for (let i = 0; i < 100; i++) spawn('/bin/sleep', ['60']).on('error', () => { failed += 1 });
setTimeout(() => { log(failed > 50); process.exit() }, 500);
"""
    ran = await attack(stage, source, "main.js")
    assert ran.logged == ["true"]


async def test_a_memory_bomb_meets_its_limit(stage: Stage) -> None:
    ran = await attack(stage, "held = []\nwhile True:\n    held.append(bytes(1 << 20))")
    assert ran.error is not None
    assert (ran.error.type, ran.error.message) == ("MemoryError", "(memory limit of 96 MiB)")
    assert (ran.error.file, ran.error.line) == ("hostile.py", 4)


async def test_a_memory_bomb_in_many_processes_is_ended(stage: Stage) -> None:
    source = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = b"x" * (40 << 20)
        time.sleep(60)
time.sleep(60)
"""
    ran = await attack(stage, source)
    assert ran.exit.cause == "memory limit of 96 MiB"


async def test_memory_that_processes_share_counts_too(stage: Stage) -> None:
    source = """
import mmap, time
held = mmap.mmap(-1, 300 << 20)
for at in range(0, len(held), 4096):
    held[at] = 1
time.sleep(60)
"""
    ran = await attack(stage, source)
    assert ran.exit.cause == "memory limit of 96 MiB"


@pytest.mark.parametrize(
    "source",
    [
        "const held = []; for (;;) held.push(new Array(100000).fill({}))",
        "const held = []; setInterval(() => held.push(Buffer.alloc(8 << 20, 1)), 5)",
    ],
    ids=["objects", "buffers"],
)
async def test_a_memory_bomb_of_javascript_meets_its_limit(stage: Stage, source: str) -> None:
    ran = await attack(stage, source, "main.js")
    # Whichever is first: the look at its memory, or the limit that makes an allocation fail.
    assert "memory limit of 96 MiB" in f"{ran.exit.cause} {ran.error and ran.error.message}"


async def test_a_full_tmp_is_an_error_of_the_script(stage: Stage) -> None:
    ran = await attack(stage, "for n in range(100):\n    open('/tmp/%d' % n, 'wb').write(bytes(1 << 20))")
    assert ran.error is not None
    assert ran.error.message == "[Errno 28] No space left on device"


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        ("main.py", "while True:\n    print('x' * 100)"),
        ("main.py", "while True:\n    log('x' * 100)"),
        ("main.py", "import os\nwhile True:\n    os.write(1, b'x' * 1000)"),
        ("main.js", "for (;;) console.log('x'.repeat(100))"),
        ("main.js", "for (;;) require('fs').writeSync(1, 'x'.repeat(100))"),
    ],
)
async def test_endless_output_is_ended(stage: Stage, entry: str, source: str) -> None:
    ran = await attack(stage, source, entry)
    assert ran.exit.cause == "output limit of 64 KiB"
    assert len(ran.output) + sum(len(text) for text in ran.logged) <= 64 * 1024


@pytest.mark.parametrize(("entry", "source"), [("main.py", "while True:\n    pass"), ("main.js", "for (;;);")])
async def test_an_endless_loop_meets_its_processor_time(stage: Stage, entry: str, source: str) -> None:
    ran = await attack(stage, source, entry)
    assert ran.exit.cause == "processor time limit of 1 s"


@pytest.mark.parametrize(("entry", "source"), [("main.py", "while True:\n    pass"), ("main.js", "for (;;);")])
async def test_an_endless_loop_is_ended_from_outside(stage: Stage, entry: str, source: str) -> None:
    process = await stage.open({entry: source}, entry)
    await process.start(
        {"type": "start", "session": "s", "call": None, "parameters": {}, "seed": "1", "rehearsal": False, "proxy": ""}
    )
    await asyncio.sleep(0.2)
    await process.kill("it ran long enough")
    assert (await process.wait()).cause == "it ran long enough"
    assert await process.receive() is None


async def test_nobody_else_can_be_signalled(stage: Stage) -> None:
    source = """
import os, signal
log(sorted(int(name) for name in os.listdir("/proc") if name.isdigit()), os.getppid())
for pid in (0, -1):
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError as error:
        log(error.strerror)
try:
    os.kill(os.getppid() or 2, signal.SIGKILL)
except OSError as error:
    log(error.strerror)
"""
    waiting = await stage.open({"main.py": "log('there')"}, "main.py")
    ran = await attack(stage, source)
    assert ran.logged[0] == "[1] 0"
    assert ran.logged[-1] == "No such process"
    assert waiting.alive
    await waiting.kill("the test is over")


async def test_the_network_is_not_there(stage: Stage) -> None:
    source = """
import socket
def refusal(*what):
    try:
        s = socket.socket(*what[:2])
        s.settimeout(1)
        s.connect(what[2])
        return "connected"
    except OSError as error:
        return error.strerror or type(error).__name__
log(refusal(socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)))
log(refusal(socket.AF_INET, socket.SOCK_DGRAM, ("8.8.8.8", 53)))
log(refusal(socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", 80)))
log(refusal(socket.AF_PACKET, socket.SOCK_RAW, ("lo", 0)))
log(refusal(40, socket.SOCK_STREAM, (2, 1)))
log(refusal(socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)))
"""
    ran = await attack(stage, source)
    unreachable, unsupported = "Network is unreachable", "Address family not supported by protocol"
    assert ran.logged[:2] == [unreachable] * 2
    assert ran.logged[2] in (unreachable, "Cannot assign requested address")
    assert ran.logged[3:] == [unsupported] * 3


async def test_processes_left_behind_are_ended(stage: Stage) -> None:
    marker = f"60.{os.getpid()}"
    source = f"import subprocess\nsubprocess.Popen(['/bin/sleep', '{marker}'], start_new_session=True)\nlog('left')"
    ran = await attack(stage, source)
    assert ran.logged == ["left"]
    deadline = time.monotonic() + 5
    while running := _processes_with(marker):
        assert time.monotonic() < deadline, running
        await asyncio.sleep(0.05)


def _processes_with(marker: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if marker in text:
            found.append(text)
    return found


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import os, time\nos.close(3)\ntime.sleep(60)", "the script closed its channel"),
        ("import os, time\nos.write(3, b'garbage\\n')\ntime.sleep(60)", "said something that is no message"),
        ("import os, time\nos.write(3, b'{}\\n')\ntime.sleep(60)", "said something that is no message"),
        ("import os\nwhile True:\n    os.write(3, b'x' * 65536)", "a message longer than 1024 KiB"),
        ("say('x' * (2 << 20))", "a message longer than 1024 KiB"),
        ("import os\nos._exit(7)", "ended with status 7 without a word"),
        ("import ctypes\nctypes.string_at(0)", "was ended by signal 11"),
    ],
)  # fmt: skip
async def test_a_broken_channel_ends_the_session(stage: Stage, source: str, cause: str) -> None:
    ran = await attack(stage, source)
    assert cause in ran.exit.cause
    assert not ran.done


async def test_a_script_that_never_reads_its_answers_is_ended(stage: Stage) -> None:
    source = """
import os, json
line = json.dumps({"type": "sync", "id": 1}).encode() + b"\\n"
while True:
    os.write(3, line * 1000)
"""
    ran = await attack(stage, source)
    assert ran.exit.cause in ("the script does not read what it is told", "processor time limit of 1 s")


async def test_namespaces_mounts_and_tracing_are_refused(stage: Stage) -> None:
    source = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def errno(name, *arguments):
    return os.strerror(ctypes.get_errno()) if getattr(libc, name)(*arguments) < 0 else "allowed"
log(errno("unshare", 0x10000000))
log(errno("unshare", 0x20000))
log(errno("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, None))
log(errno("umount2", b"/tmp", 2))
log(errno("chroot", b"/tmp"))
log(errno("ptrace", 16, 1, 0, 0))
log(errno("syscall", 56, 0x10000000 | 17, 0, 0, 0, 0) if os.uname().machine == "x86_64" else os.strerror(1))
log(errno("setuid", 0))
log(errno("setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0))
log(errno("keyctl", 0, -3, 1)  if hasattr(libc, "keyctl") else os.strerror(1))
"""
    ran = await attack(stage, source)
    assert ran.logged == ["Operation not permitted"] * 10


async def test_a_session_has_no_capabilities_and_cannot_gain_any(stage: Stage) -> None:
    ran = await attack(stage, "for line in open('/proc/self/status'):\n    log(line.strip())")
    status = dict(line.split(":", 1) for line in ran.logged if ":" in line)
    assert {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"


async def test_a_setuid_program_gives_nothing(stage: Stage) -> None:
    ran = await attack(
        stage, "import subprocess\nlog(subprocess.run(['/bin/su', '-c', 'id'], stdin=-3).returncode == 0)"
    )
    assert ran.logged == ["False"]
