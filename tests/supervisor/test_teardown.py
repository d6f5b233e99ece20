"""`down` on a state folder without a living supervisor: what it removes and what it keeps."""

from pathlib import Path

from rehearsal.settings import Settings
from rehearsal.supervisor.teardown import down


def test_down_removes_the_world_and_its_secrets_and_keeps_the_keys(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "state")
    of_the_world = (
        settings.disks,
        settings.records,
        settings.vault,
        settings.backend,
        settings.pulumi_home,
        settings.snapshots,
    )
    for folder in (*of_the_world, settings.keys):
        folder.mkdir(parents=True)
        (folder / "content").write_text("something")
    settings.reset.write_text('{"snapshot": "of a reset that was interrupted"}')
    down(settings, print)
    assert not settings.reset.exists()
    assert not any(folder.exists() for folder in of_the_world)
    assert (settings.keys / "content").exists()


def test_down_twice_is_no_error(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "state")
    down(settings, print)
    down(settings, print)
