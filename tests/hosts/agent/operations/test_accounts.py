"""Groups and users: given these accounts, exactly these commands."""

from __future__ import annotations

import pytest

from hosts.states import Group, State, User
from tests.hosts.conftest import Scratch

PASSWD = "vivendi:x:990:990::/opt/vivendi:/usr/sbin/nologin\nops:x:1000:1000::/home/ops:/bin/sh\n"
GROUPS = "vivendi:x:990:\nops:x:1000:\nadm:x:4:syslog\n"


@pytest.mark.parametrize(
    ("state", "differences", "command"),
    [
        (Group(group="vivendi"), [], None),
        (Group(group="klienten"), ["missing"], "groupadd --prefix ROOT --system klienten"),
        (User(user="vivendi", group="vivendi", home="/opt/vivendi"), [], None),
        (
            User(user="vivendi", group="adm"),
            ["primary group 990 instead of adm"],
            "usermod --prefix ROOT --shell /usr/sbin/nologin --gid adm vivendi",
        ),
        (
            User(user="ops", shell="/bin/bash", groups=("adm",), system=False),
            ["shell /bin/sh instead of /bin/bash", "not in group adm"],
            "usermod --prefix ROOT --shell /bin/bash --append --groups adm ops",
        ),
        (
            User(user="vivendi", home="/srv"),
            ["home /opt/vivendi instead of /srv"],
            "usermod --prefix ROOT --shell /usr/sbin/nologin --home /srv vivendi",
        ),
        (
            User(user="scanner", group="vivendi", home="/srv"),
            ["missing"],
            "useradd --prefix ROOT --shell /usr/sbin/nologin --gid vivendi --home-dir /srv --system --no-create-home "
            "scanner",
        ),
        (
            User(user="person", shell="/bin/bash", system=False),
            ["missing"],
            "useradd --prefix ROOT --shell /bin/bash --create-home person",
        ),
    ],
    ids=lambda value: value.identity if isinstance(value, State) else "",
)
def test_accounts(scratch: Scratch, state: State, differences: list[str], command: str | None) -> None:
    scratch.put("/etc/passwd", PASSWD)
    scratch.put("/etc/group", GROUPS)
    scratch.table.answers = {"groupadd": "", "useradd": "", "usermod": ""}
    assert scratch.compare(state) == differences
    if command is not None:
        scratch.apply(state)
        assert scratch.table.calls == [command.replace("ROOT", str(scratch.root))]
