"""What is left of Pulumi's output where there is no terminal."""

from __future__ import annotations

import io
import subprocess

from infra.stack.output import changes_only

# As `pulumi up --refresh` wrote it on a rehearsal.
NOTHING_HAPPENED = """\
@ updating....
 ~  pulumi:pulumi:Stack livegang-small refreshing (0s)\x20
 ~  azure-native:compute:Disk disk-db01-data refreshing (0s)\x20
 ~  livegang:infra:Network network refresh (0.00s)\x20
    pulumi:pulumi:Stack livegang-small running\x20
    livegang:infra:Network network \x20
    pulumi-python:dynamic/livegang:HostKey host-key-db01 \x20
    pulumi:pulumi:Stack livegang-small \x20
"""
SOMETHING_HAPPENED = """\
Updating (small):
 ~  azure-native:network:NetworkSecurityGroup nsg-web refresh (0.1s) [diff: ~securityRules]
 +  azure-native:compute:VirtualMachine vm-web01 creating (0s) web01: booting
 +  azure-native:compute:VirtualMachine vm-web01 created (9s)
 ~  azure-native:compute:VirtualMachine vm-db01 **updating failed** error: no space left
Diagnostics:
  azure-native:compute:VirtualMachine (vm-db01):
    error: No space left on device
Outputs:
    endpoint_address: "198.51.100.23"
Resources:
    63 unchanged
Duration: 8s
"""


def test_only_what_changes_and_the_end_is_shown() -> None:
    shown = io.StringIO()
    with changes_only(shown) as file:
        for first, second in zip(NOTHING_HAPPENED.splitlines(), SOMETHING_HAPPENED.splitlines(), strict=False):
            file.write(f"{first}\n{second}\n")
        file.write("\n".join(SOMETHING_HAPPENED.splitlines()[8:]) + "\n")
    assert shown.getvalue() == SOMETHING_HAPPENED


def test_a_process_that_lives_on_and_holds_the_pipe_is_not_waited_for() -> None:
    shown = io.StringIO()
    with changes_only(shown) as file:
        holding = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
        file.write("the last line\n")
    try:
        assert shown.getvalue() == "the last line\n"
        assert holding.poll() is None
    finally:
        holding.communicate()
