"""Runs a program that may open no netlink sockets, as in many a sandbox."""

import ctypes
import os
import platform
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
AF_NETLINK = 16


def step(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)


# The number of the system call, then the low half of its first argument.
rules = b"".join(
    [
        step(LOAD, 0, 0, 0),
        step(EQUAL, 0, 3, SOCKET),
        step(LOAD, 0, 0, 16),
        step(EQUAL, 0, 1, AF_NETLINK),
        step(RETURN, 0, 0, REFUSE),
        step(RETURN, 0, 0, ALLOW),
    ]
)
buffer = ctypes.create_string_buffer(rules)
program = struct.pack("HxxxxxxP", len(rules) // 8, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
for words in [(38, 1, 0, 0, 0), (22, 2, ctypes.create_string_buffer(program), 0, 0)]:
    if libc.prctl(*words) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
