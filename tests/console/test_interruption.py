"""Ctrl-C and SIGTERM: one sentence, the shell's exit code, and no child killed that would have ended by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from console import Interrupted, interruptible
from toolchain.folders import PROJECT

SIGNALS = [signal.SIGINT, signal.SIGTERM]

COMMAND = """
from invoke.program import Program
from invoke.collection import Collection
from invoke.tasks import task
from console import interruptible, interruption, run_child

interruption.LAST_PATIENCE = {patience}
CHILD = '''
{child}
'''

@task
def work(context):
    with interruptible("half of it is done", hint="Go on from there: work"):
        run_child(["{python}", "-c", CHILD], patience={patience})

Program(namespace=Collection(work)).run(["work", "work"])
"""

IN_GOOD_ORDER = """
import signal, sys, time
def end(*_):
    print("the child ended in good order", flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, end)
print("ready", flush=True)
time.sleep(60)
"""

DEAF = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", os.getpid(), flush=True)
time.sleep(60)
"""


def _started(child: str, patience: float, ignoring: bool = False) -> subprocess.Popen[str]:
    program = COMMAND.format(child=textwrap.dedent(child), python=sys.executable, patience=patience)
    command = [sys.executable, "-c", program]
    if ignoring:  # as a shell starts what runs in its background
        command = ["/bin/sh", "-c", 'trap "" INT; exec "$0" "$@"', *command]
    return subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("ignoring", [False, True], ids=["foreground", "background"])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_ends_with_one_sentence_and_its_child_in_good_order(number: signal.Signals, ignoring: bool) -> None:
    process = _started(IN_GOOD_ORDER, patience=20, ignoring=ignoring)
    assert _line(process) == "ready\n"
    process.send_signal(number)
    output, errors = process.communicate(timeout=300)
    assert output == "the child ended in good order\n"
    first, hint = errors.splitlines()
    assert first.startswith("Interrupted after ")
    assert first.endswith(" s: half of it is done")
    assert hint == "  → Go on from there: work"
    assert process.returncode == 128 + number


def test_a_child_that_ignores_the_signal_is_killed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    process = _started(DEAF, patience=0.1)
    child = int(_line(process).split()[1])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM
    assert not Path(f"/proc/{child}").exists()


def test_a_signal_is_not_caught_by_code_that_catches_all_exceptions() -> None:
    @interruptible("nothing yet")
    def work() -> None:
        with suppress(Exception):  # such code exists between a command and what it does
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        pytest.fail("it was held up")

    with pytest.raises(Interrupted) as caught:
        work()
    assert caught.value.number is signal.SIGTERM


def test_earlier_signal_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible("nothing yet"):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_in_another_thread_it_does_nothing() -> None:
    done = []

    def work() -> None:
        with interruptible("nothing yet"):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
