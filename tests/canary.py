"""Where the secrets of a living rehearsal are: looked for everywhere, and reported where they do not belong.

Looked at: everything below the clone (state, records, logs, reports, plans), each host's files and journal from inside,
and command line and environment of every process on this machine, which the hosts' processes are. They are looked for
as they are and in base64, and given to `grep` on standard input: the search leaves no trace of them. Blocks of data
disks that no file uses are not looked at.

``python -m tests.canary`` lets a rehearsal that lives in this clone make one secret anew, keeps all that is said on its
way, and looks. About a minute; ``--look`` looks only.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.living import Rehearsal
from toolchain.folders import PROJECT

CANARY = "smb-pep"
SHORTEST = 16
LOOKED_INTO = "/etc /run /tmp /dev/shm /var /root /home /srv /data /opt"
"""On hosts: everything but what the image brought along."""


@dataclass(frozen=True)
class Place:
    """Where a secret belongs, and why."""

    where: str
    """Regular expression of ``HOST:PATH``; the machine itself is ``machine``, paths below the clone are relative."""
    what: str
    """Regular expression of the secrets' names."""
    why: str


BELONGS = [
    Place(r"machine:\.rehearsal/vault/.*", r".*", "the stand-in Key Vault itself, mode 0600"),
    Place(r"machine:\.rehearsal/keys/.*", r"gateway-certificate|key-.*", "generated on this machine, mode 0600"),
    Place(r"machine:\.rehearsal/services/.*", r"gateway-certificate", "the gateway's containers terminate TLS with it"),
    Place(r"db\d\d:/etc/postgresql/tls/server.key", r"tls-key-db\d\d", "PostgreSQL's own key"),
    Place(r"db\d\d:/etc/postgresql/replication.pgpass", r"postgresql-replication", "how a standby follows its primary"),
    Place(r"app\d\d:/etc/vivendi/(\w+)\.password", r"postgresql-\1", "the component's password, for its own user"),
    Place(r"app\d\d:/etc/vivendi/(\w+)\.smb\.credentials", r"smb-\1", "the component's way to its documents"),
    Place(r"file\d\d:/etc/pgbackrest/tls/server.key", r"tls-key-file\d\d", "pgBackRest's own key"),
    Place(r"file\d\d:/etc/pgbackrest/conf.d/repository-key.conf", r"backup-key", "with which it encrypts"),
    Place(r"xfer\d\d:/etc/livegang/incoming.smb.credentials", r"smb-incoming", "the delivery's way to its share"),
    Place(r"(\w+):/etc/ssh/ssh_host_ed25519_key", r"host-key-\1", "the host's own key"),
    Place(
        r"(\w+):/var/lib/cloud/(instances/[\w-]+/(obj.pkl|user-data.txt)|seed/nocloud/user-data)",
        r"host-key-\1",
        "what cloud-init was given, for root alone: docs/adr/0008-host-keys-in-custom-data.md",
    ),
]


@dataclass(frozen=True)
class Found:
    """A secret in a place."""

    secret: str
    where: str

    @property
    def belongs(self) -> bool:
        for place in BELONGS:
            if match := re.fullmatch(place.where, self.where):
                wanted = re.sub(r"\\(\d)", lambda group: re.escape(match[int(group[1])]), place.what)
                if re.fullmatch(wanted, self.secret):
                    return True
        return False


def lines_of(value: str) -> list[str]:
    """What to look for: a short value itself, of a key or a long value lines that no other has."""
    if len(value) < 200:
        return [value] if len(value) >= SHORTEST else []
    lines = [line for line in value.splitlines() if not line.startswith("-----")]
    if len(lines) > 1:
        # The first lines of a key are its kind, and of an SSH key the public part; the last may be short.
        return [line for line in lines[1 if len(lines) < 5 else 3 : -1] if len(line) >= 60] or lines[-2:-1]
    return [value[start : start + 60] for start in (len(value) // 3, len(value) // 2)]


def encoded(text: str) -> Iterator[str]:
    """As it is, and what of it stays the same in base64, wherever it begins in what was encoded."""
    yield text
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + text.encode()).decode()
        yield whole[(4 if shift else 0) : len(whole) // 4 * 4 - 4]


def vault_secrets(clone: Path) -> dict[str, list[str]]:
    """Every version of every secret of the stand-in Key Vault, by name."""
    found: dict[str, list[str]] = {}
    for file in sorted((clone / ".rehearsal/vault").rglob("*.json")):
        document = json.loads(file.read_text())
        for version in document if isinstance(document, list) else []:
            if isinstance(version, dict) and "content" in version:
                found.setdefault(str(version["name"]), []).append(str(version["content"]["value"]))
    return found


def state_secrets(exported: str) -> dict[str, list[str]]:
    """Private keys that only Pulumi's state holds, from ``pulumi stack export --show-secrets``."""
    found: dict[str, list[str]] = {}
    for resource in json.loads(exported)["deployment"]["resources"]:
        name = resource["urn"].rpartition("::")[2]
        key = (resource.get("outputs") or {}).get("private_key")
        if isinstance(key, dict) and "plaintext" in key and not name.startswith("tls-"):  # those are in the vault
            found[name if name.startswith("host-key") else f"key-of-{name}"] = [json.loads(key["plaintext"])]
    return found


def own_keys(clone: Path) -> dict[str, list[str]]:
    """Private keys generated on this machine."""
    files = [path for path in sorted((clone / ".rehearsal/keys").iterdir()) if path.is_file()]
    return {
        f"key-{path.name}": [text]
        for path in files
        if "PRIVATE KEY" in (text := path.read_bytes().decode("utf-8", "replace"))
    }


class Search:
    """Looks for secrets, given by name, in a clone whose rehearsal lives."""

    def __init__(self, clone: Path, secrets: dict[str, list[str]]) -> None:
        self._clone = clone
        self._names: dict[str, str] = {}
        for name, values in secrets.items():
            for value in values:
                for line in lines_of(value):
                    self._names |= dict.fromkeys(encoded(line), name)
        self._patterns = "\n".join(self._names) + "\n"

    def everywhere(self, hosts: Iterable[str]) -> list[Found]:
        """All places where any of them is, also those where it belongs."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            parts = [pool.submit(self.on_host, host) for host in hosts]
            parts += [pool.submit(self.below_the_clone), pool.submit(self.in_processes)]
            return sorted({found for part in parts for found in part.result()}, key=lambda f: (f.where, f.secret))

    def in_text(self, where: str, text: str) -> list[Found]:
        """In what something said."""
        return [Found(name, where) for pattern, name in self._names.items() if pattern in text]

    def in_processes(self) -> list[Found]:
        """On command lines and in environments of all that runs on this machine, the hosts' processes among it."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            for part in ("cmdline", "environ"):
                try:
                    text = (process / part).read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue  # It ended just now.
                command = (text if part == "cmdline" else "").replace("\0", " ")[:40]
                found += self.in_text(f"process {process.name}:{part} {command}", text)
        return found

    def below_the_clone(self) -> list[Found]:
        """In all files but hosts' own file systems and disks (looked at from inside), and snapshots of them."""
        left_out = ("upper", "disks", "roots", "since", ".venv", "tests")
        grep = ["grep", "-raoF", "--devices=skip", *(f"--exclude-dir={name}" for name in left_out), "-f", "-"]
        folders = [name for name in (".rehearsal", ".livegang") if (self._clone / name).is_dir()]
        return self._grep("machine", [*grep, *folders])

    def on_host(self, host: str) -> list[Found]:
        """In a host's files and its journal."""
        script = (
            "umask 077; t=$(mktemp -p /dev/shm canary.XXXXXX); trap 'rm -f $t' EXIT; cat >$t; export LC_ALL=C; "
            f"grep -raoF --devices=skip --exclude=canary.* -f $t {LOOKED_INTO} 2>/dev/null; "
            "journalctl --no-pager -o export | grep -aoF -f $t | sed 's/^/journal:/'; true"
        )
        configuration = self._clone / ".livegang/rehearsal/ssh_config"
        return self._grep(host, ["ssh", "-F", str(configuration), host, f'sudo -n sh -c "{_quoted(script)}"'])

    def _grep(self, host: str, command: list[str]) -> list[Found]:
        done = subprocess.run(
            command, cwd=self._clone, input=self._patterns.encode(), capture_output=True, timeout=300, check=False
        )
        if done.returncode not in (0, 1) and not done.stdout:
            raise AssertionError(f"{host} could not be searched: {done.stderr.decode()[-300:]}")
        found = set()
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            for pattern, name in self._names.items():
                if line.endswith(f":{pattern}"):
                    found.add(Found(name, f"{host}:{line.removesuffix(f':{pattern}')}"))
        return list(found)


def _quoted(script: str) -> str:
    return re.sub(r'(["\\$`])', r"\\\1", script)


def all_secrets(rehearsal: Rehearsal) -> dict[str, list[str]]:
    """Every secret there is: the Key Vault's, the state's, this machine's own. Those that were replaced have names of
    their own: they belong nowhere but in the vault."""
    found: dict[str, list[str]] = {}
    for name, values in vault_secrets(rehearsal.folder).items():
        found[name] = values[-1:]
        if before := [value for value in values[:-1] if value != values[-1]]:
            found[f"{name}, before"] = before
    exported = rehearsal.pulumi("stack", "export", "--show-secrets").stdout
    return found | state_secrets(exported) | own_keys(rehearsal.folder)


def canary(rehearsal: Rehearsal) -> dict[str, str]:
    """Have a secret made anew, and given to its hosts; all that was said meanwhile."""
    (urn,) = [
        word
        for word in rehearsal.pulumi("stack", "--show-urns").stdout.split()
        if word.endswith(f"livegang:Password::{CANARY}")
    ]
    before = vault_secrets(rehearsal.folder)[CANARY]
    steps: dict[str, Callable[[], subprocess.CompletedProcess[str]]] = {
        "pulumi up": lambda: rehearsal.pulumi("up", "--yes", "--diff", "--target-replace", urn, "--target-dependents"),
        "hosts.plan": lambda: rehearsal.fab("hosts.plan", check=False),
        "hosts.converge": lambda: rehearsal.fab("hosts.converge"),
        "pulumi preview --json": lambda: rehearsal.pulumi("preview", "--json"),
        "infra.preview": lambda: rehearsal.fab("infra.preview"),
        "stack export": lambda: rehearsal.pulumi("stack", "export"),
        "infra.inventory": lambda: rehearsal.fab("infra.inventory"),
        "verify.ready": lambda: rehearsal.fab("verify.ready", check=False),
    }
    said = {}
    for name, step in steps.items():
        done = step()
        said[name] = done.stdout + done.stderr
    if len(vault_secrets(rehearsal.folder)[CANARY]) != len(before) + 1:
        raise AssertionError("no new secret was made")
    return said


def main() -> None:
    rehearsal = Rehearsal(PROJECT)
    said = {} if "--look" in sys.argv else canary(rehearsal)
    secrets = all_secrets(rehearsal)
    search = Search(PROJECT, secrets)
    found = search.everywhere(rehearsal.inventory.hosts)
    for name, text in said.items():
        found += search.in_text(name, text)
    for one in found:
        print(f"{'  ' if one.belongs else '✗ '}{one.secret:24} {one.where}")
    astray = [one for one in found if not one.belongs]
    print(f"{len(secrets)} secrets, {len(found)} places, {len(astray)} where they do not belong.")
    sys.exit(1 if astray else 0)


if __name__ == "__main__":
    main()
