"""Names that clean files may have: those that every system further on can carry, and that show what they are."""

from __future__ import annotations

import re
import unicodedata

FORBIDDEN = frozenset('<>:"\\|?*')
"""Not possible over SMB; the backslash is a separator there."""
DEVICES = re.compile(r"(CON|PRN|AUX|NUL|COM\d|LPT\d)(\..*)?", re.IGNORECASE)
INVISIBLE = ("Cc", "Cf", "Zl", "Zp")
"""Unicode categories: line ends and control characters, marks that turn the direction of writing."""


def objection(path: str) -> str | None:
    """Why a path relative to the drop cannot go on, with the remedy; None when it can."""
    for name in path.split("/"):
        if reason := _objection(name):
            return f"{reason}: rename it and send it again"
    return None


def _objection(name: str) -> str | None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if any(unicodedata.category(character) in INVISIBLE for character in name):
        return "its name has a line end or another invisible character"
    if found := sorted(FORBIDDEN & set(name)):
        return f"its name has {' '.join(found)}, which a Windows share cannot carry"
    if name != name.rstrip(". ") or name != name.lstrip(" "):
        return "its name ends with a dot or space, or begins with a space"
    if DEVICES.fullmatch(name):
        return "its name is one of Windows' devices"
    return None
