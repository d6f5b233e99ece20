"""The plugin: `python -m rehearsal.provider [ENGINE]` serves on a free loopback port and prints it.

ENGINE is the address of the engine that started it. When the engine is gone, whatever way it ended, so is the
provider; without ENGINE it serves until it is interrupted (PULUMI_DEBUG_PROVIDERS=azure-native:PORT attaches to it).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from rehearsal.provider.engine import Engine
from rehearsal.provider.server import Servicer, log_file

WORKERS = 64
"""More than the engine's operations at once, each of which may wait for a host to boot."""


def main() -> None:
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    log_file().parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=log_file(), level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    server = grpc.server(
        ThreadPoolExecutor(WORKERS),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    servicer = Servicer(Engine(addresses[0] if addresses else None))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    parent = os.getppid()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: _end(servicer, parent))
    server.start()
    print(port, flush=True)
    if addresses:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    server.wait_for_termination()


def _end(servicer: Servicer, parent: int) -> None:
    """The engine interrupts its plugins when a run is over and everything is in its state."""
    if os.getppid() == parent:
        servicer.end()
    # Not sys.exit: that waits for operations under way, whose answers no one would receive.
    os._exit(0)


def _end_with(parent: int) -> None:
    """End this process when its parent is not its parent any more: the engine was killed."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
