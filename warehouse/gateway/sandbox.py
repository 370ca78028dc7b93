"""Walls around the process, by Landlock (https://docs.kernel.org/userspace-api/landlock.html).

The engine can read and write files and open connections on request of a query. What a query may
do is decided in `guard` and by the engine; this is the wall behind them: the process reaches its
data directory, what Python and the engine load, and nothing else, and connects nowhere.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

# include/uapi/linux/landlock.h; the system calls have the same numbers on every architecture.
_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_NET_BIND_TCP, _NET_CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1 << 0, 1 << 1

# Rights known per ABI version: 13 to begin with, then REFER, TRUNCATE and IOCTL_DEV.
_FS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_FS_LATEST = (1 << 16) - 1

_SYSTEM_READABLE = (
    *("/usr", "/lib", "/lib64", "/bin", "/dev/urandom", "/dev/random"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/os-release"),
    *("/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm"),
    # Not all of /proc: a root process could read the environments of others, which hold passwords.
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/uptime"),
    *("/proc/vmstat", "/proc/diskstats", "/proc/filesystems", "/proc/pressure", "/proc/sys"),
    *(f"/proc/self/{name}" for name in ("stat", "statm", "status", "io", "limits", "cgroup", "fd")),
    *(f"/proc/self/{name}" for name in ("maps", "smaps", "smaps_rollup", "mounts", "mountinfo")),
    # Without it the engine's getauxval() looks behind `environ`, wherever that is, and may crash.
    "/proc/self/auxv",
    # The engine counts what each thread used by files of the thread. Refused, they cost it an
    # exception for every thread of every query, a quarter of its time.
    "/proc/self/task",
)


class SandboxUnavailable(Exception):
    """The kernel lacks Landlock, or has it switched off."""


def readable_paths() -> list[Path]:
    """What Python, this package and the engine read: code, libraries, facts of the machine."""
    python = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()]
    package = Path(__file__).resolve().parent
    return [Path(path) for path in (*_SYSTEM_READABLE, *python, package)]


def restrict(writable: Iterable[Path], readable: Iterable[Path]) -> int:
    """Restricts the calling thread and every thread it starts later, for good, and returns the
    kernel's Landlock version; call it before any other thread exists. From version 4 on no TCP
    port can be bound or connected to any more; sockets that listen already go on.

    Raises SandboxUnavailable.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_SYS_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION)
    if abi < 1:
        raise SandboxUnavailable(os.strerror(ctypes.get_errno()))
    rights = _FS_BY_ABI.get(abi, _FS_LATEST)
    network = _NET_BIND_TCP | _NET_CONNECT_TCP if abi >= 4 else 0
    scopes = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if abi >= 6 else 0
    attributes = struct.pack("=QQQ", rights, network, scopes)[
        : 8 if abi < 4 else 16 if abi < 6 else 24
    ]
    ruleset = libc.syscall(_SYS_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    _check(ruleset)
    try:
        for path in readable:
            _allow(libc, ruleset, path, _READ & rights)
        for path in writable:
            _allow(libc, ruleset, path, rights & ~_EXECUTE)
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _check(libc.syscall(_SYS_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return abi


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not path.is_dir():
            rights &= _FILE_ONLY | _TRUNCATE | _IOCTL_DEV
        rule = struct.pack("=Qi", rights, fd)
        _check(libc.syscall(_SYS_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(fd)


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        if code in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            raise SandboxUnavailable(os.strerror(code))
        raise OSError(code, os.strerror(code))
