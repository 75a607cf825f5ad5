"""Text that was damaged before it came here, by programs that saved or read it in the wrong encoding."""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from newsletter.models import Profile

_TWICE_ENCODED: Final = re.compile(r"[ÃÂÄÅØÙ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_LOSABLE: Final = re.compile(r"[?\x80-\U0010ffff]+")


def is_mangled(name: str) -> bool:
    """Whether letters of a name were lost: `Ren? Dupont`, `?????`."""
    return "?" in name or "\ufffd" in name


def is_twice_encoded(name: str) -> bool:
    """Whether a name looks like UTF-8 that another program took for a code page: `HÃ©lÃ¨ne`."""
    return not name.isascii() and _TWICE_ENCODED.search(name) is not None


def without_damaged(new: Profile, known: Profile) -> Profile:
    """The new values without those that are damaged where a sound one is known.

    A personal field may hold a question mark: it counts as damaged where it is the known one without its
    letters beyond ASCII.
    """
    spoiled = known.name and _is_damaged(new.name) and not _is_damaged(known.name)
    lost = {
        key
        for key, value in new.attributes.items()
        if is_mangled(value) and _has_lost_letters(value, known.attributes.get(key, ""))
    }
    if not spoiled and not lost:
        return new
    return replace(
        new,
        name="" if spoiled else new.name,
        attributes={key: value for key, value in new.attributes.items() if key not in lost},
    )


def _is_damaged(name: str) -> bool:
    return is_mangled(name) or is_twice_encoded(name)


def _has_lost_letters(text: str, sound: str) -> bool:
    if sound.isascii() or is_mangled(sound):
        return False
    return _LOSABLE.sub("?", text) == _LOSABLE.sub("?", sound)
