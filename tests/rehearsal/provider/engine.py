"""A Pulumi project in a folder of its own, with the real engine and the stand-in offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from rehearsal.provider.backends import ResourceManager
from rehearsal.provider.engine import Engine
from rehearsal.provider.ledger import Ledger
from rehearsal.provider.server import Servicer
from tests.rehearsal.provider.stubs import provider
from toolchain.launcher import find_cli
from toolchain.pulumi_home import SUBSCRIPTION, Home

PROGRAM = Path(__file__).with_name("program")
RESOURCES = 13
"""What the program declares, next to the stack itself."""


class _Attached(Servicer):
    """A provider in the test's own process, whose manager the test holds."""

    def __init__(self, folder: Path, manager: ResourceManager) -> None:
        super().__init__(Engine(None))
        self._provider = provider(folder, manager)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        self.provider.cancelled.clear()  # The engine cancels its providers at the end of a run that failed.
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)


@contextmanager
def serving(project: Project, manager: ResourceManager) -> Iterator[None]:
    """While it lasts, the project's engine uses ``manager`` through a provider in this process."""
    server = grpc.server(ThreadPoolExecutor(16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_Attached(project.folder, manager), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    project.environment["PULUMI_DEBUG_PROVIDERS"] = f"azure-native:{port}"
    try:
        yield
    finally:
        del project.environment["PULUMI_DEBUG_PROVIDERS"]
        server.stop(None)


class Project:
    """The small program, as one stack."""

    def __init__(self, folder: Path) -> None:
        cli = find_cli()
        assert cli is not None
        self.cli, self.folder = cli, folder / "project"
        self.home = Home(folder / "state", offline=True)
        self.home.prepare()
        self.environment = {
            **self.home.environment({k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "LIVEGANG_OFFLINE": "1",
            # The language host next to the CLI, not another on PATH.
            "PATH": f"{cli.parent}{os.pathsep}{os.environ['PATH']}",
        }
        shutil.copytree(PROGRAM, self.folder)
        (self.folder / "Pulumi.yaml").write_text("name: livegang\nruntime: python\n")
        self.run("stack", "init", "test")
        settings = ("azure-native:location=germanywestcentral", f"azure-native:subscriptionId={SUBSCRIPTION}")
        self.run("config", "set-all", *(word for setting in settings for word in ("--plaintext", setting)))

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.home.folder / "stand-in" / "ledger.json")

    def options(self, **options: Any) -> None:
        (self.folder / "options.json").write_text(json.dumps(options))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        self.options(**options)
        return subprocess.Popen(
            [self.cli, *arguments, "--non-interactive", "--stack", "test"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **options: Any) -> str:
        """The command's output; it must succeed."""
        code, output = self.attempt(*arguments, **options)
        assert code == 0, output
        return output

    def attempt(self, *arguments: str, **options: Any) -> tuple[int, str]:
        """The command's exit code and output."""
        self.options(**options)
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", "test"]
        result = subprocess.run(
            [self.cli, *arguments, "--non-interactive", *stack],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return result.returncode, result.stdout

    def up(self, *arguments: str, **options: Any) -> str:
        return self.run("up", "--yes", "--skip-preview", *arguments, **options)

    def steps(self, *arguments: str, **options: Any) -> dict[str, dict[str, Any]]:
        """What a preview would do, by the resource's name: its step, where it is not `same`."""
        output = self.run("preview", "--json", *arguments, **options)
        document = json.loads(output[output.index("{") :])
        return {
            step["urn"].rpartition("::")[2]: step
            for step in document["steps"]
            if step["op"] not in ("same", "refresh", "read")
        }

    def state(self) -> list[dict[str, Any]]:
        output = self.run("stack", "export")
        resources: list[dict[str, Any]] = json.loads(output)["deployment"].get("resources", [])
        return [resource for resource in resources if resource["type"].startswith("azure-native:")]
