"""Confining one session's process: namespaces, a private /tmp, limits, no privileges, a filter of system calls.

Comes in: the limits, and a process just forked by the spawner inside the sandbox. Goes out: the same process, unable
to get at anything but its bundle, its /tmp and its channel. Runs inside the sandbox under the hosted Python (3.8 or
later), so it uses the standard library alone. The order of the steps matters: mounting needs the privileges that are
dropped next.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
from typing import Tuple  # noqa: UP035 (Python 3.8)

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
_CLONE_NEW_ANY = 0x7E020000
"""Every flag of clone(2) that makes a namespace: mount, cgroup, UTS, IPC, user, PID, network."""

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND = 2, 4, 8, 4096
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 4, 22, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def adopt_orphans() -> None:
    """Processes that lose their parent come to this one, which can then end them."""
    _call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def new_process_namespace(home: int) -> None:
    """The next child is process 1 of a namespace of its own. `home` is a descriptor of /proc/self/ns/pid.

    Going home first allows this to be done again and again: the kernel refuses a second step away.
    """
    _call("setns", home, CLONE_NEWPID)
    _call("unshare", CLONE_NEWPID)


def confine(
    limits: dict[str, int], baseline: int, uid: int | None, hidden: list[tuple[str, str]], filter_: bytes
) -> None:
    """Shut this process in for good. Raises OSError naming the step that the kernel refused.

    `limits` as the worker sends them; `baseline` bytes of data segment are granted on top of the memory limit; `uid` is
    the session's own user where the sandbox runs as real root, else None: then it gets a user namespace of its own, so
    that processes are counted for it alone; `hidden` are folders, given with a second place, that /tmp would hide.
    """
    os.setsid()
    _call("unshare", CLONE_NEWNS)
    room = b"size=%d,nr_inodes=4096,mode=1777" % limits["tmp_bytes"]
    _call("mount", b"tmpfs", b"/tmp", b"tmpfs", _MS_NOSUID | _MS_NODEV, room)
    _call("mount", b"/tmp", b"/dev/shm", None, _MS_BIND, None)
    for source, folder in hidden:
        os.makedirs(folder)
        _call("mount", source.encode(), folder.encode(), None, _MS_BIND, None)
    _call("mount", b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, None)
    restrict(limits, baseline)
    resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"], limits["processes"]))
    if uid is None:
        _own_user_namespace()
        drop_bounding_set()  # a new user namespace comes with a full one
    else:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _call("capset", struct.pack("<Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _install(filter_)


def restrict(limits: dict[str, int], baseline: int) -> None:
    """Set the limits that need no privilege, and offer this process first when the machine runs out of memory."""
    _write("/proc/self/oom_score_adj", b"1000")
    data = baseline + limits["memory"]
    for kind, value in (
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_FSIZE, limits["tmp_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
    ):
        resource.setrlimit(kind, (value, value))
    os.nice(5)


def data_size() -> int:
    """Bytes that this process's data segment takes now."""
    with open("/proc/self/statm", "rb") as numbers:
        return int(numbers.read().split()[5]) * resource.getpagesize()


def _own_user_namespace() -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    for name, text in (
        ("setgroups", b"deny"),
        ("uid_map", b"1000 %d 1" % outer_uid),
        ("gid_map", b"1000 %d 1" % outer_gid),
    ):
        _write("/proc/self/" + name, text)


def _write(path: str, text: bytes) -> None:
    """Without Python's file objects: in a process just forked, every page they touch is a page to copy."""
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text)
    os.close(descriptor)


def drop_bounding_set() -> None:
    """Nothing that is executed from here on, here or in processes forked from here, can gain a capability."""
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    if ctypes.get_errno() != errno.EINVAL:  # that is: past the last one that this kernel knows
        _call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)


_REFUSED = {
    # name: (x86_64, aarch64); 0 where there is none
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "bpf": (321, 280), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "fanotify_init": (300, 262),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190), "msgget": (68, 186),
    "syslog": (103, 116), "iopl": (172, 0), "ioperm": (173, 0), "modify_ldt": (154, 0), "personality": (135, 92),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "vhangup": (153, 58), "memfd_secret": (447, 447),
}  # fmt: skip
"""Answered with EPERM: what reaches into the kernel, other processes, or memory that no limit counts."""

_ABSENT = {
    "clone3": (435, 435), "memfd_create": (319, 279),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
}  # fmt: skip
"""Answered with ENOSYS, so that libraries fall back: clone3 hides its flags from a filter, io_uring its operations."""

_MACHINES = {"x86_64": (0xC000003E, 0, 56, 41, 16), "aarch64": (0xC00000B7, 1, 220, 198, 29)}
"""Per machine: the audit architecture, the column in the tables above, and the numbers of clone, socket and ioctl."""

_FAMILIES = (1, 2, 10)  # unix, inet, inet6. Not vsock, which no network namespace holds, nor netlink, nor raw packets.
_TERMINAL_REQUESTS = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX type on a terminal in another's name

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97


_Instruction = Tuple[int, int, int, int]  # noqa: UP006 (Python 3.8)
_allow: _Instruction = (_RETURN, 0, 0, _ALLOW)


def _error(number: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERROR | number)


def _when(value: int, block: list[_Instruction]) -> list[_Instruction]:
    """Run `block`, which must end in returns, when what was loaded is `value`; else go on behind it."""
    return [(_EQUAL, 0, len(block), value), *block]


def _search(answers: list[tuple[int, list[_Instruction]]]) -> list[_Instruction]:
    """Find the call's answer by halves: the kernel tries every call on a new filter once."""
    if len(answers) <= 2:
        return [step for number, block in answers for step in _when(number, block)] + [_allow]
    middle = len(answers) // 2
    lower, upper = _search(answers[:middle]), _search(answers[middle:])
    return [(_AT_LEAST, len(lower), 0, answers[middle][0]), *lower, *upper]


def system_call_filter() -> bytes:
    """The filter as classic BPF for this machine. Raises OSError on a machine it does not know."""
    if platform.machine() not in _MACHINES:
        raise OSError(f"no filter of system calls for {platform.machine()}: known are {', '.join(_MACHINES)}")
    architecture, column, clone, socket, ioctl = _MACHINES[platform.machine()]
    families = [step for family in _FAMILIES for step in _when(family, [_allow])]
    requests = [step for request in _TERMINAL_REQUESTS for step in _when(request, [_error(_EPERM)])]
    answers = {
        clone: [(_LOAD, 0, 0, 16), (_AND, 0, 0, _CLONE_NEW_ANY), *_when(0, [_allow]), _error(_EPERM)],
        socket: [(_LOAD, 0, 0, 16), *families, _error(_EAFNOSUPPORT)],
        ioctl: [(_LOAD, 0, 0, 24), *requests, _allow],
    }
    for table, error in ((_REFUSED, _EPERM), (_ABSENT, _ENOSYS)):
        answers.update({numbers[column]: [_error(error)] for numbers in table.values() if numbers[column]})
    code = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if platform.machine() == "x86_64":
        code += [(_AT_LEAST, 0, 1, 0x40000000), _error(_EPERM)]  # the x32 numbers of the same calls
    code += _search(sorted(answers.items()))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _install(filter_: bytes) -> None:
    holder = ctypes.create_string_buffer(filter_, len(filter_))
    program = struct.pack("HxxxxxxP", len(filter_) // 8, ctypes.addressof(holder))
    _call("prctl", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0)
