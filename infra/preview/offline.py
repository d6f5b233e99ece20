"""Previews offline, of any stack: without hosts, Azure account or privileges, and without a trace in the clone.

Pulumi writes to stack files, and needs files that exist only on the operator's machine. Offline it therefore works in
a scratch project folder with a copy of the stack file, where throwaway files replace missing ones.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from console import ExpectedError
from console.validation import present, salvage
from infra.preview import throwaway
from infra.stack import stack_file
from infra.stack.loading import load
from infra.stack.named_files import files_of
from infra.stack.pulumi_cli import Pulumi
from infra.stack.topology import KEY, Topology
from toolchain.folders import PROJECT, fill_in

OFFLINE: dict[str, str | None] = {
    # With it, the launcher uses the PULUMI_HOME whose stand-in provider makes nothing real.
    "LIVEGANG_OFFLINE": "1",
    # An operator sets these to work with `prod`: offline, its backend must not be touched, nor its passphrase needed.
    "PULUMI_HOME": None,
    "PULUMI_BACKEND_URL": None,
    "PULUMI_CONFIG_PASSPHRASE": None,
    "PULUMI_CONFIG_PASSPHRASE_FILE": None,
}
"""Environment variables of `pulumi` offline."""
SECRETS_KEYS = ("encryptionsalt", "secretsprovider", "encryptedkey")
"""Keys of a stack file that say what encrypts the stack's own secrets."""


@dataclass(frozen=True)
class OfflineProject:
    """A scratch project in which one stack can be previewed."""

    pulumi: Pulumi
    replaced: list[str]
    """The files that the stack names and that do not exist on this machine."""


@contextmanager
def offline_project(stack: str, project: Path = PROJECT) -> Iterator[OfflineProject]:
    """Make the scratch project of ``stack``, and remove it afterwards.

    Raises ExpectedError with everything that is wrong with the stack's file, or if ``project`` has none.
    """
    # What encrypts the stack's own secrets does not matter offline, and must not be asked for.
    document = {key: value for key, value in stack_file.read_valid(stack, project).items() if key not in SECRETS_KEYS}
    with tempfile.TemporaryDirectory(prefix="livegang-offline-") as name:
        folder = Path(name)
        (folder / "Pulumi.yaml").write_text((project / "Pulumi.yaml").read_text())
        # Only the program's main file: what it imports comes from this environment. Relative paths start here.
        (folder / "infra").mkdir()
        (folder / "infra" / "__main__.py").symlink_to(project / "infra" / "__main__.py")
        replaced = _provide_files(document, project, folder)
        # Before the engine starts, which would add lines of its own to the list of mistakes.
        load(document["config"][KEY], stack, folder)
        (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        pulumi = Pulumi(stack, folder, OFFLINE)
        made = pulumi.capture("stack", "select", "--create", "--non-interactive")
        if made.returncode != 0:
            raise ExpectedError(f"Stack {stack} could not be created offline: {made.stderr.strip()}")
        yield OfflineProject(pulumi, replaced)


def _provide_files(document: dict[str, Any], project: Path, folder: Path) -> list[str]:
    """Link files that exist and replace those that do not; absolute paths of the latter change in ``document``."""
    config = document.get("config")
    raw = config.get(KEY) if isinstance(config, dict) else None
    topology = salvage(Topology, raw)
    hosts = [endpoint.host_name for endpoint in topology.endpoints.values() if present(endpoint.host_name)]
    replaced = []
    for named in files_of(topology):
        path = named.path
        real = project / fill_in(path)
        is_of_project = not Path(fill_in(path)).is_absolute()
        if _readable(real):
            if is_of_project and not (folder / path).exists():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).symlink_to(real)
            continue
        replaced.append(path)
        stand_in = path if is_of_project else f"throwaway{fill_in(path)}"
        throwaway.write(named.kind, folder / stand_in, hosts)
        _set(raw, named.key, stand_in)
    return replaced


def _readable(file: Path) -> bool:
    try:
        file.read_bytes()
    except OSError:
        return False
    return True


def _set(document: Any, key: tuple[str | int, ...], value: str) -> None:
    for part in key[:-1]:
        document = document[part]
    document[key[-1]] = value
