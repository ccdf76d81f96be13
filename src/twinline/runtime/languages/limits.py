"""What one session of a script may take.

Comes in: the worker's settings. Goes out: one frozen value that the sandbox enforces; meeting a limit ends the session
that met it and no other, with a sentence that names it.
"""

import msgspec

_MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """Limits of one session, sizes in bytes.

    - `memory`: of all its processes together, beyond what the interpreter shares between sessions. 128 MiB is what
      AWS Lambda grants unless asked for more, and what Cloudflare Workers grant.
    - `processes`: processes and threads together; Node.js needs eleven for itself. systemd grants a login session a
      third of the machine's; a script that serves one conversation needs a few.
    - `files`: open descriptors of a process. Half of the 1,024 that select(2) and most distributions stop at.
    - `cpu_seconds`: processor time of a process. Cloudflare Workers stop at 30 s unless asked for more, PHP's
      max_execution_time too; a telephone session is longer and mostly waits.
    - `output`: bytes that a script prints and logs together. Cloud Logging and Docker drivers cut far earlier.
    - `tmp_bytes`: of its /tmp and its /dev/shm together, and of each file in it. AWS Lambda grants 512 MiB on a disk;
      this is memory.
    """

    memory: int = 128 * _MIB
    processes: int = 64
    files: int = 512
    cpu_seconds: int = 60
    output: int = _MIB
    tmp_bytes: int = 16 * _MIB
