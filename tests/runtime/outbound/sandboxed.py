"""Runs a script as a sandbox does: a network of its own, the relay, the clients turned to the proxy, then the script.

unshare -rn python sandboxed.py INSIDE SOCKET CREDENTIALS CA PORT (python | NODE) SCRIPT
"""

import fcntl
import os
import runpy
import socket
import struct
import sys
from importlib import import_module

SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def main() -> None:
    inside, socket_path, credentials, ca_file, port, runner, script = sys.argv[1:]
    sys.path.insert(0, inside)
    relay, way_out = import_module("relay"), import_module("way_out")

    raise_loopback()
    relay.start(socket_path, port=int(port))
    if runner != "python":
        turn = (
            f"const wayOut = require({inside + '/way_out.js'!r}); wayOut.PROXY.port = {port};"
            f"wayOut.install({credentials!r}, {ca_file!r}); require({script!r})"
        )
        os.execv(runner, [runner, "-e", turn])
    way_out.PROXY = ("127.0.0.1", int(port))
    way_out.install(credentials, ca_file)
    runpy.run_path(script)


main()
