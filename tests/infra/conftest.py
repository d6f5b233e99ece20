"""A topology to change, with the files that it names, and a stack that exists offline under the real engine."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.validation import salvage
from infra.preview import throwaway
from infra.stack.errors import TopologyError
from infra.stack.loading import load
from infra.stack.named_files import files_of
from infra.stack.topology import KEY, Topology
from toolchain.folders import PROJECT, fill_in

STACK = "rehearsal"
_STACK_FILE: dict[str, Any] = yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text())


@pytest.fixture(autouse=True, scope="package")
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A state folder of the tests' own: throwaway keys must not get mixed up with those of the clone's rehearsal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVEGANG_STATE", str(tmp_path_factory.mktemp("state")))
        # Short: ssh's sockets go below it where HOME is a test's own, and their paths may have 107 bytes.
        with tempfile.TemporaryDirectory(prefix="lg-") as runtime:
            patch.setenv("XDG_RUNTIME_DIR", runtime)
            yield


@pytest.fixture
def document() -> dict[str, Any]:
    """The rehearsal's topology, for the test to change."""
    return copy.deepcopy(_STACK_FILE["config"][KEY])


@pytest.fixture(scope="package")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with the files that the rehearsal's topology names."""
    return provide_files(tmp_path_factory.mktemp("project"))


def provide_files(folder: Path) -> Path:
    """Write throwaway files for everything the rehearsal's topology names."""
    topology = salvage(Topology, _STACK_FILE["config"][KEY])
    host_names = [endpoint.host_name for endpoint in topology.endpoints.values()]
    for named in files_of(topology):
        throwaway.write(named.kind, folder / fill_in(named.path), host_names)
    return folder


@pytest.fixture
def topology(document: dict[str, Any], root: Path) -> Topology:
    """The rehearsal's topology as it is."""
    return load(document, STACK, root)


@pytest.fixture
def mistakes_of(root: Path) -> Callable[[dict[str, Any]], list[str]]:
    """Lists what is wrong with a document, one line for each mistake."""

    def found(document: dict[str, Any]) -> list[str]:
        try:
            load(document, STACK, root)
        except TopologyError as error:
            return [line.strip() for line in str(error).splitlines()[1:]]
        return []

    return found


class OfflineStack:
    """A project folder of its own whose stack exists offline, in a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(PROJECT / "Pulumi.yaml", folder)
        (folder / "infra").mkdir()
        (folder / "infra" / "__main__.py").symlink_to(PROJECT / "infra" / "__main__.py")
        # Each run would ask pip for plugins; the only one is in the home already, and test_offline.py asks.
        (folder / "infra" / "pip.py").symlink_to(PROJECT / "tests" / "rehearsal" / "provider" / "program" / "pip.py")
        provide_files(folder)
        self.declare(lambda topology: None)

    def declare(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Write the stack's file with the rehearsal's topology, changed."""
        document = copy.deepcopy(_STACK_FILE)
        change(document["config"][KEY])
        (self.folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
