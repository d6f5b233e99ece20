"""One small world for all booted tests of a module, brought down whatever happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.base.settings import Settings
from rehearsal.control import launch, teardown
from tests.rehearsal.machines.small_world import SmallWorld


@pytest.fixture(scope="module")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    world = SmallWorld(Settings(tmp_path_factory.mktemp("world") / "state"))
    try:
        launch.ensure(world.settings, world.log.append)
        world.make_network()
        yield world
    finally:
        teardown.down(world.settings, world.log.append)
