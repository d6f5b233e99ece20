"""A state folder outside the clone, named by LIVEGANG_STATE.

The stack names what is born on the machine by its path in the clone, `.rehearsal/keys` and `.rehearsal/artifacts`.
Where the state folder is elsewhere, links in these places lead to it.
"""

from __future__ import annotations

from pathlib import Path

from rehearsal.settings import PROJECT, Settings

NAMED = ("keys", "artifacts")


def taken(settings: Settings, project: Path = PROJECT) -> list[Path]:
    """What stands in the links' places: this clone already has a rehearsal of its own in `.rehearsal`."""
    if settings.state == project / ".rehearsal":
        return []
    places = [project / ".rehearsal" / name for name in NAMED]
    return [place for place in places if place.exists() and not place.is_symlink()]


def link(settings: Settings, project: Path = PROJECT) -> None:
    """Let the clone's places lead to the state folder; none may be :func:`taken`."""
    for name in NAMED:
        place, target = project / ".rehearsal" / name, settings.state / name
        if place == target:
            # Left by a command that named another state folder.
            if place.is_symlink():
                place.unlink()
        elif not place.is_symlink() or place.readlink() != target:
            place.parent.mkdir(exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(target)
