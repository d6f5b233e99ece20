"""`.venv/bin/pulumi`: the rehearsal's world by default, the user's own when they chose one, never prod by mistake."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolchain import launcher
from toolchain.folders import PROJECT
from toolchain.pulumi_home import PASSPHRASE_FILE, Home, stack_files

PULUMI = Path(sys.prefix) / "bin" / "pulumi"


def _environment(state: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "LIVEGANG_"))}
    return kept | {"LIVEGANG_STATE": str(state)} | more


def _pulumi(state: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [str(PULUMI), *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=_environment(state, **more), capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """In the CLI's place: prints its arguments and what it finds in its environment."""
    script = tmp_path / "recorder"
    script.write_text('#!/bin/sh\necho "arguments: $*"\nenv | grep -E "^(PULUMI|LIVEGANG)_" | sort\n')
    script.chmod(0o755)
    return script


def _launch(recorder: Path, state: Path, *arguments: str, **more: str) -> tuple[int, str]:
    program = (
        "import sys; from pathlib import Path; from toolchain import launcher;"
        f"launcher.find_cli = lambda: Path({str(recorder)!r}); launcher.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=_environment(state, **more),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_cli_runs_in_the_rehearsals_home_backend_and_passphrase(recorder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    status, said = _launch(recorder, state, "preview", "--diff")
    assert status == 0
    assert "arguments: preview --diff" in said
    assert f"PULUMI_HOME={state}/pulumi\n" in said
    assert f"PULUMI_BACKEND_URL=file://{state}/backend\n" in said
    assert f"PULUMI_CONFIG_PASSPHRASE_FILE={PASSPHRASE_FILE}\n" in said
    assert f"PULUMI_PYTHON_CMD={sys.executable}\n" in said


def test_offline_home_and_backend_are_others(recorder: Path, tmp_path: Path) -> None:
    _, said = _launch(recorder, tmp_path / "state", "preview", LIVEGANG_OFFLINE="1")
    assert f"PULUMI_HOME={tmp_path}/state/offline/pulumi\n" in said
    assert f"PULUMI_BACKEND_URL=file://{tmp_path}/state/offline/backend\n" in said


@pytest.mark.parametrize("own", [{"PULUMI_HOME": "/elsewhere"}, {"PULUMI_BACKEND_URL": "azblob://state"}])
def test_a_home_or_backend_of_the_users_own_gets_nothing_of_the_rehearsal(
    recorder: Path, tmp_path: Path, own: dict[str, str]
) -> None:
    # Our home with their backend would serve prod with the stand-in provider.
    status, said = _launch(recorder, tmp_path / "state", "up", "--stack", "prod", **own)
    assert status == 0
    assert "arguments: up --stack prod" in said
    assert str(tmp_path / "state" / "pulumi") not in said
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in said
    assert not (tmp_path / "state" / "pulumi").exists()


def test_a_passphrase_of_the_users_own_is_kept(recorder: Path, tmp_path: Path) -> None:
    _, said = _launch(recorder, tmp_path / "state", "up", PULUMI_CONFIG_PASSPHRASE="own")
    assert "PULUMI_CONFIG_PASSPHRASE=own\n" in said
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--stack", "prod"),
        ("up", "--stack=prod"),
        ("preview", "-s", "prod"),
        ("destroy", "--yes", "-sprod"),
        ("up", "--stack", "organization/livegang/prod"),
        ("stack", "select", "--create", "prod"),
        ("stack", "init", "prod"),
    ],
)
def test_prod_is_refused_in_one_sentence_and_nothing_is_done(
    recorder: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    status, said = _launch(recorder, tmp_path / "state", *arguments)
    assert status == 1
    assert said.startswith("Stack prod does not exist in the rehearsal")
    assert "arguments:" not in said
    assert not (tmp_path / "state").exists()


def test_prod_named_by_the_environment_is_refused_too(recorder: Path, tmp_path: Path) -> None:
    status, said = _launch(recorder, tmp_path / "state", "up", PULUMI_STACK="prod")
    assert status == 1
    assert "Stack prod does not exist" in said


def test_the_rehearsals_stack_needs_no_init_and_its_file_stays_as_it_is(tmp_path: Path) -> None:
    before = (PROJECT / "Pulumi.rehearsal.yaml").read_bytes()
    listed = _pulumi(tmp_path / "state", "stack", "ls")
    assert listed.returncode == 0, listed.stderr
    assert "rehearsal*" in listed.stdout
    assert (PROJECT / "Pulumi.rehearsal.yaml").read_bytes() == before


def test_another_stack_of_the_rehearsals_subscription_needs_no_init_either(tmp_path: Path) -> None:
    files = {path: path.read_bytes() for path in stack_files().values()}
    shown = _pulumi(tmp_path / "state", "stack", "output", "--stack", "small")
    assert shown.returncode == 0, shown.stderr
    assert {path: path.read_bytes() for path in files} == files
    listed = _pulumi(tmp_path / "state", "stack", "ls")
    assert "small" in listed.stdout
    # Typed by hand it creates the stack, and does not fail because the launcher has just created it.
    made = _pulumi(tmp_path / "state", "stack", "init", "example")
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("stack", stack_files())
def test_the_stacks_salt_belongs_to_the_public_passphrase(tmp_path: Path, stack: str) -> None:
    file = tmp_path / "stack.yaml"
    shutil.copy(PROJECT / f"Pulumi.{stack}.yaml", file)
    setting = ("config", "set", "--secret", "probe", "value", "--stack", stack, "--config-file", str(file))
    done = _pulumi(tmp_path / "state", *setting)
    assert done.returncode == 0, done.stderr
    salts = [
        next(line for line in path.read_text().splitlines() if line.startswith("encryptionsalt"))
        for path in (file, PROJECT / f"Pulumi.{stack}.yaml")
    ]
    assert salts[0] == salts[1]


def _lock(home: Home, name: str, process: int, host: str) -> Path:
    file = home.backend / ".pulumi" / "locks" / "organization" / "livegang" / "rehearsal" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        json.dumps({"pid": process, "username": "root", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"})
    )
    return file


def test_the_lock_of_an_engine_that_was_killed_is_removed(tmp_path: Path) -> None:
    home = Home(tmp_path / "state", offline=False)
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale = _lock(home, "stale", ended.pid, os.uname().nodename)
    elsewhere = _lock(home, "elsewhere", ended.pid, "another-machine")
    listed = _pulumi(tmp_path / "state", "stack", "ls")
    assert f"Removed the lock of pulumi process {ended.pid}" in listed.stderr
    assert not stale.exists()
    assert elsewhere.exists()


def test_the_lock_of_a_living_engine_stays(tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    shutil.copy("/bin/sleep", engine)
    living = subprocess.Popen([engine, "60"])
    deadline = time.monotonic() + 300
    while Path(f"/proc/{living.pid}/comm").read_text() != "pulumi\n":  # its name is set a moment after its start
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        home = Home(tmp_path / "state", offline=False)
        lock = _lock(home, "living", living.pid, os.uname().nodename)
        assert home.remove_stale_locks() == []
        assert lock.exists()
    finally:
        living.kill()
        living.wait()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"PULUMI_CONFIG_PASSPHRASE": "my own"}, "PULUMI_CONFIG_PASSPHRASE"),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, "PULUMI_CONFIG_PASSPHRASE"),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "/no/such/file"}, "PULUMI_CONFIG_PASSPHRASE_FILE"),
        ({"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE_FILE.read_text().strip()}, None),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": str(PASSPHRASE_FILE)}, None),
        ({}, None),
    ],
)
def test_a_passphrase_of_ones_own_is_named_with_what_to_do(
    recorder: Path, tmp_path: Path, given: dict[str, str], named: str | None
) -> None:
    """Pulumi itself only says that the passphrase is incorrect, not where it comes from."""
    status, output = _launch(recorder, tmp_path / "state", "stack", "output", **given)
    assert status == 0
    warning = f"{named} is set in your environment and is not the passphrase of the rehearsal's stacks."
    assert (f"{warning}\n  → If Pulumi refuses it: unset {named}\n" in output) is bool(named)


def test_a_passphrase_of_ones_own_does_not_matter_with_a_home_of_ones_own(recorder: Path, tmp_path: Path) -> None:
    own = {"PULUMI_HOME": str(tmp_path), "PULUMI_CONFIG_PASSPHRASE": "my own"}
    assert "is set in your environment" not in _launch(recorder, tmp_path / "state", "preview", **own)[1]


def test_another_pulumi_on_path_is_found_but_not_a_launcher(tmp_path: Path) -> None:
    clones, official = tmp_path / "clone", tmp_path / "official"
    for folder, content in ((clones, PULUMI.read_text()), (official, "#!/bin/sh\n")):
        folder.mkdir()
        (folder / "pulumi").write_text(content)
        (folder / "pulumi").chmod(0o755)
    assert launcher.other_on_path(f"{clones}:{official}") == official / "pulumi"
    assert launcher.other_on_path(str(clones)) is None


def test_the_plugins_script_is_bound_to_its_own_state(tmp_path: Path) -> None:
    home = Home(tmp_path / "state with space", offline=True)
    home.prepare()
    script = home.plugin.read_text()
    assert f"LIVEGANG_STATE='{tmp_path}/state with space' LIVEGANG_OFFLINE=1" in script
    assert os.access(home.plugin, os.X_OK)


def test_preparing_a_home_again_writes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path, offline=False)
    home.prepare()
    before = home.plugin.stat().st_ino
    home.prepare()
    assert home.plugin.stat().st_ino == before
