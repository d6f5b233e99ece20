"""What of Pulumi's output is printed without a terminal."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from console import ExpectedError
from infra.stack import pulumi_cli
from infra.stack.output import changes, changes_only
from infra.stack.pulumi_cli import Pulumi

RUN = """\
Updating (rehearsal):

 ~  pulumi:pulumi:Stack livegang-rehearsal refreshing (0s)\x20
 ~  pulumi-python:dynamic/livegang:Password smb-pep refreshing (0s)\x20
 ~  azure-native:network:Subnet snet-web refreshing\x20
 ~  azure-native:network:Subnet snet-web refresh (0.02s)\x20
 ~  azure-native:network:NetworkSecurityGroup nsg-web refresh (0.04s) [diff: ~securityRules]
 ~  azure-native:compute:VirtualMachine vm-web01 **refreshing failed (0.01s)** error: it is on fire
@ updating....
    pulumi:pulumi:Stack livegang-rehearsal running\x20
    azure-native:network:Subnet snet-web \x20
 ~  azure-native:network:NetworkSecurityGroup nsg-web updated (0.02s) [diff: ~securityRules]
 +  azure-native:dns:RecordSet kita created (0.01s)\x20
 -  azure-native:dns:RecordSet pep deleted (0.01s)\x20
    livegang:infra:Machine web01 \x20
Diagnostics:
  azure-native:compute:VirtualMachine (vm-web01):
    error: it is on fire
    https://vault:443/ unreachable

Outputs:
    endpoint_address: "198.51.100.13"

Resources:
    + 1 created
    189 unchanged

Duration: 8s

"""

LEFT = """\
Updating (rehearsal):

 ~  azure-native:network:NetworkSecurityGroup nsg-web refresh (0.04s) [diff: ~securityRules]
 ~  azure-native:compute:VirtualMachine vm-web01 **refreshing failed (0.01s)** error: it is on fire
 ~  azure-native:network:NetworkSecurityGroup nsg-web updated (0.02s) [diff: ~securityRules]
 +  azure-native:dns:RecordSet kita created (0.01s)\x20
 -  azure-native:dns:RecordSet pep deleted (0.01s)\x20
Diagnostics:
  azure-native:compute:VirtualMachine (vm-web01):
    error: it is on fire
    https://vault:443/ unreachable

Outputs:
    endpoint_address: "198.51.100.13"

Resources:
    + 1 created
    189 unchanged

Duration: 8s

"""


def test_only_changes_errors_and_the_summary_are_left() -> None:
    assert "".join(changes(RUN.splitlines(keepends=True))) == LEFT


def test_a_process_that_outlives_the_command_blocks_nothing() -> None:
    output = io.StringIO()
    with changes_only(output) as given:
        # As a language host does: it has the pipe open, and ends much later.
        script = "sleep 3600 & echo $!; printf 'no line end'"
        subprocess.run(["sh", "-c", script], stdout=given, check=True)
    left_over, rest = output.getvalue().split("\n")
    subprocess.run(["kill", left_over], check=True)
    assert rest == "no line end"


def test_a_reader_that_leaves_ends_the_command(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys; from infra.stack.output import changes_only\n"
        "with changes_only(sys.stdout) as given:\n"
        "    subprocess.run(['yes'], stdout=given)\n"
    )
    done = subprocess.run(
        ["bash", "-c", 'exec 3>&1; "$0" -c "$1" | head -n 1', sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "y\n"
    assert "Traceback" not in done.stderr


def test_a_command_without_a_terminal_prints_only_what_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = tmp_path / "pulumi"
    (tmp_path / "run").write_text(RUN)
    pulumi.write_text(f'#!/bin/sh\ncat "{tmp_path}/run"\nexit 3\n')
    pulumi.chmod(0o755)
    monkeypatch.setattr(pulumi_cli, "pulumi_executable", lambda: str(pulumi))
    with pytest.raises(ExpectedError) as caught:
        Pulumi("small", tmp_path).run("up", "--yes")
    assert caught.value.code == 3
    assert capsys.readouterr().out == LEFT
