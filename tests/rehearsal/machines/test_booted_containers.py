"""Service containers, driven from inside a supervisor's namespaces as the families drive them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from rehearsal import image
from rehearsal.base.containers import Containers, File
from rehearsal.base.handler import HandlerError
from rehearsal.base.namespaces import Namespaces
from tests.rehearsal.machines.small_world import SmallWorld, wait_until
from toolchain.folders import cache

INSIDE = "LIVEGANG_TEST_INSIDE"
"""Set in the process that runs this file inside the supervisor's namespaces."""

pytestmark = pytest.mark.booted

# On a signal it says so; what it wrote to its log is how the test knows.
GREET = """\
trap 'echo told: $(cat /etc/greeting)' HUP
echo started as $(id -un) in $(hostname): $(cat /etc/greeting)
while :; do sleep 0.05; done
"""


def test_containers_work_as_the_families_use_them(small_world: SmallWorld, tmp_path: Path) -> None:
    """Runs the tests below, which are collected inside only."""
    supervisor = small_world.supervisor.process_id()
    entering = ["nsenter", f"--target={supervisor}", "-m", "-p", "-n", "-u", "-i", "-C", "--"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(Path.cwd()), __file__]
    result = subprocess.run(
        [*entering, "env", f"{INSIDE}={tmp_path}", "sh", "-c", 'cd "$0" && exec "$@"', str(Path.cwd()), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr


if INSIDE in os.environ:
    del test_containers_work_as_the_families_use_them

    @pytest.fixture(scope="module")
    def containers() -> Containers:
        work = Path(tempfile.mkdtemp(dir=os.environ[INSIDE]))
        return Containers(work / "services", work, image.existing(cache()).edge, Namespaces())

    @pytest.fixture(autouse=True)
    def ended(containers: Containers) -> object:
        yield
        containers.stop_all()

    def test_a_service_has_its_files_and_is_reported_of_new_ones(containers: Containers) -> None:
        containers.start("greet", "outside", ["/bin/sh", "-c", GREET], files={"/etc/greeting": "Moin"})
        wait_until(lambda: "started as root in greet: Moin" in containers.log_end("greet"), "its first words", 300)
        containers.write("greet", {"/etc/greeting": "Servus"})
        containers.reload("greet")
        wait_until(lambda: "told: Servus" in containers.log_end("greet"), "its second words", 300)
        containers.restart("greet")
        wait_until(lambda: "started as root in greet: Servus" in containers.log_end("greet"), "its new start", 300)

    def test_it_runs_in_its_namespace_with_a_root_of_its_own(containers: Containers, tmp_path: Path) -> None:
        (tmp_path / "shown").write_text("from the machine")
        containers.start(
            "one",
            "outside",
            ["sleep", "100"],
            files={"/etc/secret": File(b"s", 0o640, "www-data"), "/srv/shown": tmp_path / "shown"},
            binds={"/srv/kept": tmp_path},
        )
        assert "203.0.113.66" in containers.run("one", ["ip", "-br", "address"])
        assert containers.run("one", ["stat", "-c", "%a %U:%G", "/etc/secret"]) == "640 www-data:www-data\n"
        assert containers.run("one", ["cat", "/srv/shown"]) == "from the machine"
        assert containers.run("one", ["sh", "-c", "cat > /srv/kept/written; cat /srv/kept/written"], "in") == "in"
        assert (tmp_path / "written").read_text() == "in"
        with pytest.raises(HandlerError, match="Read-only"):
            containers.run("one", ["sh", "-c", "echo > /srv/shown"])
        containers.run("one", ["touch", "/var/fresh"])
        containers.start("one", "outside", ["sleep", "100"])
        assert containers.run("one", ["sh", "-c", "test -e /var/fresh || echo none"]) == "none\n"

    def test_the_last_words_of_one_that_ended_are_kept(containers: Containers) -> None:
        with suppress(HandlerError):  # it may have been seen alive for a moment
            containers.start("bad", "outside", ["/bin/sh", "-c", "echo kaputt; exit 3"])
        wait_until(lambda: not containers.alive("bad"), "its end", 300)
        assert "kaputt" in containers.log_end("bad")
        with pytest.raises(HandlerError, match="kaputt"):
            containers.reload("bad")

    def test_what_is_not_there_is_named_with_what_is(containers: Containers) -> None:
        with pytest.raises(HandlerError, match="no-such-place, which is not there"):
            containers.start("lost", "no-such-place", ["sleep", "1"])
        containers.start("one", "outside", ["sleep", "100"])
        with pytest.raises(HandlerError, match=r"There is no service two; there are: .*one"):
            containers.run("two", ["true"])
        containers.stop("one")
        containers.stop("one")
        assert not containers.alive("one")

    def test_a_file_cannot_be_written_outside_of_the_root(containers: Containers) -> None:
        with pytest.raises(HandlerError, match="leads out of the service's root"):
            containers.start("one", "outside", ["sleep", "100"], files={"/var/run/x": "y"})
