"""Named steps that wait for the steps they need and otherwise run in parallel, each with its elapsed time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import SetupError

LINES_ON_FAILURE = 25
SECONDS_BETWEEN_REPORTS = 10
"""How often a long step reports where it is, if the output is no terminal."""


@dataclass(frozen=True)
class Step:
    """One step of the bootstrap."""

    name: str
    action: Callable[[Progress], str | None]
    """Takes the step. What it returns is shown after the elapsed time, e.g. ``already there``."""
    after: tuple[str, ...] = ()
    """Names of the steps that must be finished first; those that are not part of the run are ignored."""


class Progress:
    """How far a running step is, and the process that it runs."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.started = time.monotonic()
        self.now = ""
        self._process: subprocess.Popen[str] | None = None
        self._ended = threading.Event()

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def ended(self, seconds: float) -> bool:
        """Whether the step must end; waits up to ``seconds`` for that."""
        return self._ended.wait(seconds)

    def say(self, line: str) -> None:
        """Show a line as what is happening now."""
        self.now = line.strip() or self.now

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        hint: str | None = None,
    ) -> str:
        """Run a command and return its output, which is also written to the step's log as it comes.

        Raises SetupError with the last lines of the output if the command fails.
        """
        arguments = [str(part) for part in command]
        output: list[str] = []
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(arguments)}\n")
            try:
                process = subprocess.Popen(
                    arguments,
                    cwd=cwd,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                raise SetupError(f"{self.name}: {arguments[0]} cannot be started: {error.strerror}.", hint) from error
            self._process = process
            if self._ended.is_set():
                self.end()
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                log.flush()
                output.append(line)
                self.say(line)
            status = process.wait()
        if status != 0:
            end = "".join(f"    {line}" for line in output[-LINES_ON_FAILURE:]).rstrip()
            raise SetupError(
                f"{self.name}: {arguments[0]} exited with {status}. The end of {self.log}:\n{end}",
                hint or "Fix the cause and run the same command again: what was finished is kept.",
            )
        return "".join(output)

    def end(self) -> None:
        """End what the step is running: another step failed, or the user wants to stop."""
        self._ended.set()
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)


class Runner:
    """Runs steps; the first failure ends all."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._live = sys.stdout.isatty()
        self._reported: dict[str, int] = {}

    def run(self, steps: Sequence[Step]) -> None:
        """Run all steps, each as soon as those it needs are finished. Raises the SetupError of the first that fails."""
        waiting = list(steps)
        names = {step.name for step in steps}
        done: set[str] = set()
        running: dict[Future[str | None], Progress] = {}
        # Including those that are just being started when the user wants to stop: nothing else would end them.
        begun: list[Progress] = []
        with ThreadPoolExecutor(max_workers=max(1, len(waiting))) as pool:
            try:
                while waiting or running:
                    for step in [step for step in waiting if done.issuperset(names.intersection(step.after))]:
                        waiting.remove(step)
                        progress = Progress(step.name, self._logs / f"toolchain-{step.name.replace(' ', '-')}.log")
                        progress.log.unlink(missing_ok=True)
                        begun.append(progress)
                        running[pool.submit(step.action, progress)] = progress
                    finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                    for future in finished:
                        progress = running.pop(future)
                        self._finish(progress, future)
                        done.add(progress.name)
                    self._show(list(running.values()))
            except BaseException:
                for progress in begun:
                    progress.end()
                raise
            finally:
                self._clear()

    def _finish(self, progress: Progress, future: Future[str | None]) -> None:
        self._clear()
        try:
            note = future.result()
        except BaseException:
            print(f"✗ {progress.name}  {progress.elapsed:.1f} s", flush=True)
            raise
        print(f"✓ {progress.name}  {progress.elapsed:.1f} s{f'  ({note})' if note else ''}", flush=True)

    def _show(self, running: list[Progress]) -> None:
        if self._live:
            states = " · ".join(f"{each.name} {each.elapsed:.0f} s" for each in running)
            now = running[-1].now if running else ""
            width = os.get_terminal_size().columns - 1
            sys.stdout.write(f"\r\033[K{f'{states}  {now}'[:width]}")
            sys.stdout.flush()
            return
        for each in running:
            reports = int(each.elapsed // SECONDS_BETWEEN_REPORTS)
            if reports > self._reported.get(each.name, 0):
                self._reported[each.name] = reports
                print(f"… {each.name}  {each.elapsed:.0f} s  {each.now[:160]}", flush=True)

    def _clear(self) -> None:
        if self._live:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()
