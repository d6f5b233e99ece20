"""Tests in namespaces of their own: each runs in a child process whose end frees all that it made."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import pytest

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
SKIPPED = 77

Parameters = ParamSpec("Parameters")
_libc = ctypes.CDLL(None, use_errno=True)


def privately(test: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Run a test in PID, mount and network namespaces of its own, with an empty /run; root is not needed.

    The test's process is the first of its PID namespace, so the kernel ends with it whatever it started.
    """

    @functools.wraps(test)
    def run(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
        reader, writer = os.pipe()
        parent = os.fork()
        if parent == 0:
            os.close(reader)
            os._exit(_enter(writer, lambda: test(*arguments, **named)))
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as pipe:
            said = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(parent, 0)[1])
        if code == SKIPPED:
            pytest.skip(said)
        if code != 0:
            pytest.fail(said or f"the test's process ended with {code}", pytrace=False)

    return run


def _enter(writer: int, test: Callable[[], None]) -> int:
    """Make the namespaces and run the test in a child, which is the first process inside."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        _unshare()
    except OSError as error:
        os.write(writer, f"this machine makes no private namespaces: {error}".encode())
        return SKIPPED
    child = os.fork()
    if child == 0:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os._exit(_report(writer, test))
    os.close(writer)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _report(writer: int, test: Callable[[], None]) -> int:
    with os.fdopen(writer, "w", encoding="utf-8") as pipe:
        try:
            test()
        except pytest.skip.Exception as reason:
            pipe.write(str(reason))
            return SKIPPED
        except BaseException:  # noqa: BLE001 - it is reported by pytest's own process
            pipe.write(traceback.format_exc())
            return 1
        finally:
            sys.stdout.flush()
    return 0


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | (CLONE_NEWUSER if user else 0)
    _check(_libc.unshare(flags), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate /")
    _check(_libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, b"mode=755"), "mount /run")
    Path("/run/netns").mkdir()
    _check(_libc.mount(b"tmpfs", b"/run/netns", b"tmpfs", 0, b"mode=755"), "mount /run/netns")


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
