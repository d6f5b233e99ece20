"""Ctrl-C and SIGTERM: a command ends within seconds, with one sentence about what was reached and how to continue."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from console.errors import ExpectedError

ENDING = (signal.SIGINT, signal.SIGTERM)

PATIENCE = 20.0
"""Seconds that a child may take to end by itself before it is signalled again, and killed soon after."""
LAST_PATIENCE = 5.0


class Interruption(KeyboardInterrupt):
    """Raised in the main thread by a signal that ends a command; no `except Exception` on the way catches it."""

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)
        super().__init__(self.number.name)


class Interrupted(ExpectedError):
    """A command was ended by a signal. Its exit code is the shell's for it: 130 or 143."""

    def __init__(self, number: signal.Signals, message: str, hint: str | None = None) -> None:
        self.number = number
        super().__init__(message, hint, 128 + number)


@contextmanager
def interruptible(reached: str | Callable[[], str], hint: str | None = None) -> Iterator[None]:
    """SIGINT and SIGTERM end the block with an `Interrupted`: after how long, what was ``reached``, how to continue."""
    started = time.monotonic()
    with signals_raise():
        try:
            yield
        except KeyboardInterrupt as interruption:
            said = reached if isinstance(reached, str) else reached()
            raise Interrupted(
                number_of(interruption), f"Interrupted after {time.monotonic() - started:.1f} s: {said}", hint
            ) from None


def number_of(interruption: KeyboardInterrupt) -> signal.Signals:
    return interruption.number if isinstance(interruption, Interruption) else signal.SIGINT


@contextmanager
def signals_raise() -> Iterator[None]:
    """While it lasts, SIGINT and SIGTERM raise an Interruption in the main thread; elsewhere it does nothing."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Interruption(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # SIGINT too: a shell starts background processes with SIGINT ignored.
    before = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_child(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: IO[str] | None = None,
    stderr: IO[str] | None = None,
    patience: float = PATIENCE,
) -> int:
    """Run a command with this process's terminal; returns its exit code.

    When this process is interrupted meanwhile, the child is signalled to end in good order, waited for, and killed only
    when it does not; then the interruption goes on. (`subprocess.run` kills it after a quarter of a second.)
    """
    process = subprocess.Popen(command, env=environment, cwd=cwd, stdout=stdout, stderr=stderr)
    try:
        return process.wait()
    except KeyboardInterrupt as interruption:
        _end(process, number_of(interruption), patience)
        raise


def _end(process: subprocess.Popen[bytes], number: signal.Signals, patience: float) -> None:
    # SIGINT whatever we received: everything that runs here handles it, and pytest does not handle SIGTERM.
    if number is not signal.SIGINT or not _in_the_foreground():
        process.send_signal(signal.SIGINT)
    try:
        for seconds, next_signal in ((patience, signal.SIGINT), (LAST_PATIENCE, signal.SIGKILL)):
            try:
                process.wait(seconds)
                return
            except subprocess.TimeoutExpired:
                process.send_signal(next_signal)
    except KeyboardInterrupt:  # interrupted a second time
        process.kill()
    process.wait()


def _in_the_foreground() -> bool:
    """Whether a terminal sends its Ctrl-C to this process, and so to its children too."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
