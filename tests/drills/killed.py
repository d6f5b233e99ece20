"""`python -m tests.drills.killed [PHASE…] [--only WORDS]`: `kill -9` in every phase, and the recovery.

Phases: up converge verify rest down signals reboots; all without one. The small landscape (or another: `--stack
rehearsal`) is made in `.livegang/drills/killed`, lives next to whatever other rehearsals there are, and is brought
down at the end. Each moment is reported with how long it took with its recovery, and what was wrong if something
was: exit 1.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from console import ExitCode
from rehearsal.control import code
from tests.drills import reboots, signals, wholeness
from tests.drills.moments import CONVERGE, DOWN, REST, UP, VERIFY
from tests.drills.stage import SMALL, Moment, Stage, default_folder, kill, strike, wait_for


def killed_in_up(stage: Stage, moment: Moment) -> None:
    """From nothing; afterwards the landscape stands, not converged."""
    stage.down()
    stage.world()
    command = stage.start("pulumi", "up", "--yes", "--skip-preview")
    wait_for(moment.name, lambda: moment.when(stage, command), command)
    marked = wholeness.mark_disks(stage)
    strike(stage, command, moment)
    command.wait()
    assert "Traceback" not in command.said, command.said
    stage.up()
    wholeness.assert_marked(stage, marked)
    wholeness.assert_whole(stage)


def killed_in_converge(stage: Stage, moment: Moment) -> None:
    """One after the other on hosts that were fresh before the first; after the last, GO."""
    if moment is CONVERGE[0]:
        stage.down()
        stage.world()
        stage.up()
    command = stage.start("fab", "hosts.converge")
    strike(stage, command, moment)
    assert command.wait() != ExitCode.DONE, command.said
    assert "Traceback" not in command.said, command.said
    stage.pulumi("up", "--yes", "--skip-preview", "--refresh")
    wholeness.assert_whole(stage)
    if moment is CONVERGE[-1]:
        rehearse(stage)


def killed_in_verify(stage: Stage, moment: Moment) -> None:
    """On a landscape that was GO and is so again afterwards, with what its data disks held."""
    begun_whole(stage)
    command = stage.start("fab", "verify.ready")
    strike(stage, command, moment)
    code = command.wait()
    assert code in (ExitCode.DONE, ExitCode.NO_GO, ExitCode.NOT_CHECKED), command.said
    if "gateway" not in moment.name:
        assert code != ExitCode.DONE, command.said
    assert "INTERNALERROR" not in command.said, command.said
    if "gateway" in moment.name:  # Azure replaces it, and so does the rehearsal: nothing is to be done
        reboots.attempts_until_go(stage)
    else:
        rehearse(stage)
    wholeness.assert_in_database(stage)


def killed_in_down(stage: Stage, moment: Moment) -> None:
    if not stage.hosts():
        stage.world()
        stage.up()
    destroying = "destroy" in moment.name
    again = ["pulumi", "destroy", "--yes", "--skip-preview"] if destroying else []
    command = stage.start(*(again or ["fab", "rehearsal.down"]))
    strike(stage, command, moment)
    command.wait()
    assert "Traceback" not in command.said, command.said
    if destroying:
        stage.run(*again)
        assert stage.state().get("resources", []) == []
        assert stage.made() == []
        assert stage.hosts() == {}
        wholeness.assert_no_engine_left(stage)
    stage.down()
    wholeness.assert_nothing_left(stage)


def killed_at_rest(stage: Stage, moment: Moment) -> None:
    """A landscape that is GO, no one at work: the supervisor is killed, and `fab rehearse` brings all back."""
    begun_whole(stage)
    hosts = stage.hosts()
    kill(moment.whom(stage, stage.start("true")))
    rehearse(stage)
    assert stage.hosts() == hosts
    wholeness.assert_in_database(stage)


def begun_whole(stage: Stage) -> None:
    """GO, with something in the database; made if it is not so yet."""
    if not stage.hosts() or stage.fab("verify.ready", check=False).returncode != ExitCode.DONE:
        stage.world()
        rehearse(stage)
    wholeness.write_to_database(stage)


def rehearse(stage: Stage) -> None:
    """The recovery that the handbook names."""
    done = stage.fab("rehearse", check=False)
    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr
    wholeness.assert_whole(stage)


PHASES: dict[str, tuple[Callable[[Stage, Moment], None], Sequence[Moment]]] = {
    "up": (killed_in_up, UP),
    "converge": (killed_in_converge, CONVERGE),
    "verify": (killed_in_verify, VERIFY),
    "rest": (killed_at_rest, REST),
    "down": (killed_in_down, DOWN),
}


def stopped(stage: Stage) -> Iterator[tuple[str, Callable[[], None]]]:
    """SIGINT and SIGTERM at each command; in the end the same command goes on to GO, or leaves nothing."""

    def reported(each: signals.Stop, number: signal.Signals, boots: bool = False) -> tuple[str, Callable[[], None]]:
        def one() -> None:
            if boots and stage.hosts():  # else all of them boot
                wait_for("what boots from before", lambda: "starting" not in stage.hosts().values())
                stage.fab("rehearsal.kill", "db01", check=False)
            print(f"  ended after {signals.stop(stage, each, number):.1f} s", flush=True)

        return f"{number.name} to {' '.join(each.command[:2])}", one

    def begins_anew() -> None:
        stage.down()
        stage.world()

    def goes_on() -> None:
        stage.pulumi("up", "--yes", "--skip-preview", "--refresh")
        wholeness.assert_whole(stage)

    def leaves_nothing() -> None:
        stage.down()
        wholeness.assert_nothing_left(stage)

    yield "a fresh one", begins_anew
    for number in (signal.SIGINT, signal.SIGTERM):
        yield from (reported(each, number, boots=True) for each in signals.MAKING)
        yield "the next up goes on", goes_on
        yield from (reported(each, number) for each in signals.ON_HOSTS)
    yield "the next rehearse goes on to GO", lambda: rehearse(stage)
    yield from (reported(each, signal.SIGINT) for each in signals.AT_THE_END)
    yield "the next down leaves nothing", leaves_nothing


def rebooted(stage: Stage) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "GO before", lambda: begun_whole(stage)
    hosts = list(stage.hosts())
    seed = random.randrange(10**6)

    def in_turn() -> None:
        order = reboots.one_after_the_other(stage, hosts, seed)
        print(f"  {', '.join(order)} (seed {seed}): GO in readiness run {reboots.attempts_until_go(stage)}", flush=True)
        wholeness.assert_in_database(stage)

    def at_once() -> None:
        reboots.all_at_once(stage, hosts)
        print(f"  GO in readiness run {reboots.attempts_until_go(stage)}", flush=True)
        wholeness.assert_in_database(stage)

    yield "all hosts in a random order", in_turn
    yield "all hosts at once", at_once


OTHERS: dict[str, Callable[[Stage], Iterator[tuple[str, Callable[[], None]]]]] = {
    "signals": stopped,
    "reboots": rebooted,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.killed", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=", ".join([*PHASES, *OTHERS]))
    parser.add_argument("--only", default="", help="only moments whose names have these words")
    parser.add_argument("--stack", default=SMALL, help="the stack to drill on (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave it living at the end")
    chosen = parser.parse_args(arguments)
    code.fingerprint()  # of now: this work tree may be changed while the drill goes on
    stage = Stage.make(default_folder(), chosen.stack)
    failed = 0
    try:
        for phase in chosen.phases or [*PHASES, *OTHERS]:
            if phase in OTHERS:
                failed += sum(not _reported(phase, name, what) for name, what in OTHERS[phase](stage))
                continue
            drill, moments = PHASES[phase]
            for moment in moments:
                if chosen.only in moment.name:
                    failed += not _reported(phase, moment.name, lambda: drill(stage, moment))  # noqa: B023
    finally:
        if not chosen.keep:
            stage.down()
    print(f"{'✗' if failed else '✓'} {failed} failed", flush=True)
    return 1 if failed else 0


def _reported(phase: str, name: str, drill: Callable[[], None]) -> bool:
    began = time.monotonic()
    try:
        drill()
    except AssertionError as error:
        print(f"✗ {phase}: {name}  {time.monotonic() - began:.1f} s\n{error}", flush=True)
        return False
    print(f"✓ {phase}: {name}  {time.monotonic() - began:.1f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
