"""The gRPC face, over a real channel: statuses are messages for the user, a killed engine takes the provider along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.base import settings
from rehearsal.provider.engine import Engine
from rehearsal.provider.server import Servicer
from rehearsal.provider.values import Secret, decode, encode
from tests.rehearsal.provider.samples import changed, sample
from tests.rehearsal.provider.stubs import MemoryManager, provider, urn
from toolchain.pulumi_home import SUBSCRIPTION

MACHINE = urn("compute:VirtualMachine")


@pytest.fixture
def manager() -> MemoryManager:
    return MemoryManager()


@pytest.fixture
def servicer(tmp_path: Path, manager: MemoryManager, monkeypatch: pytest.MonkeyPatch) -> Servicer:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    monkeypatch.setenv("LIVEGANG_OFFLINE", "1")
    made = Servicer(Engine(None))
    made._provider = provider(tmp_path, manager)
    return made


@pytest.fixture
def stub(servicer: Servicer) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    server = grpc.server(ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None)


def refused(call: Any, request: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return caught.value


def configure(**variables: str) -> provider_pb2.ConfigureRequest:
    return provider_pb2.ConfigureRequest(
        variables={f"azure-native:config:{name}": value for name, value in variables.items()}, args=struct_pb2.Struct()
    )


def test_secrets_come_back_wrapped(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    given = changed(
        sample("compute:VirtualMachine", tags={"a": Secret("canary")}), "osProfile.customData", Secret("Yw==")
    )
    response = stub.Create(provider_pb2.CreateRequest(urn=MACHINE, properties=encode(given)))
    outputs = decode(response.properties)
    assert outputs["tags"] == {"a": Secret("canary")}
    assert "customData" not in outputs["osProfile"]


def test_an_unknown_type_is_refused(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    error = refused(stub.Check, provider_pb2.CheckRequest(urn=urn("storage:StorageAccount")))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "does not know the type azure-native:storage:StorageAccount" in error.details()


def test_an_unknown_function_is_refused(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    error = refused(stub.Invoke, provider_pb2.InvokeRequest(tok="azure-native:storage:listStorageAccountKeys"))
    assert "does not know the function azure-native:storage:listStorageAccountKeys" in error.details()


def test_who_one_is_can_be_asked(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    response = stub.Invoke(provider_pb2.InvokeRequest(tok="azure-native:authorization:getClientConfig"))
    answer = decode(getattr(response, "return"))
    assert answer["tenantId"] == settings.TENANT
    assert answer["subscriptionId"] == SUBSCRIPTION


def test_with_hosts_no_other_subscription_is_served(
    stub: provider_pb2_grpc.ResourceProviderStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "99999999-2222-4333-8444-555555555555"
    stub.Configure(configure(subscriptionId=other))
    monkeypatch.setenv("LIVEGANG_OFFLINE", "0")
    error = refused(stub.Configure, configure(subscriptionId=other))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert f"not {other}" in error.details()
    stub.Configure(configure(subscriptionId=SUBSCRIPTION))


def test_a_misspelt_setting_of_the_provider_is_named(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    news = encode({"subscripionId": "x", "version": "3.29.0", "location": "germanywestcentral"})
    response = stub.CheckConfig(provider_pb2.CheckRequest(news=news))
    assert [failure.reason for failure in response.failures] == [
        "azure-native:subscripionId: unknown setting; the nearest known is 'subscriptionId'"
    ]


def test_without_a_subscription_nothing_is_served(
    stub: provider_pb2_grpc.ResourceProviderStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARM_SUBSCRIPTION_ID", raising=False)
    assert "pulumi config set azure-native:subscriptionId" in refused(stub.Configure, configure()).details()


def test_a_half_made_machine_is_reported_with_its_id_and_inputs(
    stub: provider_pb2_grpc.ResourceProviderStub, manager: MemoryManager
) -> None:
    manager.failures[""] = "the host did not boot:\n  kernel panic"
    given = changed(sample("compute:VirtualMachine"), "osProfile.customData", Secret("Yw=="))
    error = refused(stub.Create, provider_pb2.CreateRequest(urn=MACHINE, properties=encode(given)))
    metadata = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id.endswith("/virtualMachines/vm")
    assert detail.reasons == ["the host did not boot:\n  kernel panic"]
    assert decode(detail.inputs)["osProfile"]["customData"] == Secret("Yw==")


def test_a_fault_of_the_stand_in_is_one_sentence_and_the_rest_in_its_log(
    stub: provider_pb2_grpc.ResourceProviderStub, manager: MemoryManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(manager, "put", broken)
    request = provider_pb2.CreateRequest(urn=urn("network:Subnet"), properties=encode(sample("network:Subnet")))
    error = refused(stub.Create, request)
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details().startswith("The stand-in provider failed in Create: RuntimeError: unforeseen. Log: ")
    assert "Traceback" not in error.details()


def test_cancel_is_answered_at_once(stub: provider_pb2_grpc.ResourceProviderStub, servicer: Servicer) -> None:
    stub.Cancel(empty_pb2.Empty())
    assert servicer.provider.cancelled.is_set()


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "rehearsal.provider", "127.0.0.1:9"], stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip(), child.pid, flush=True)
time.sleep(600)
"""


def test_a_killed_engine_takes_the_provider_along(tmp_path: Path) -> None:
    environment = {**os.environ, "PULUMI_HOME": str(tmp_path), "LIVEGANG_OFFLINE": "1"}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port, child = (int(part) for part in parent.stdout.readline().split())
    assert port > 0
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 300
    while _lives(child):
        assert time.monotonic() < deadline, f"provider {child} still lives 10 s after its engine was killed"
        time.sleep(0.1)


def _lives(process: int) -> bool:
    try:
        # A zombie no one reaps has ended too: in a container PID 1 may not be an init.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
