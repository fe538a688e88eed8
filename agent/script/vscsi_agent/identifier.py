"""Names and host identifiers: the checks that they pass before they meet a path, a URL or a command."""

import re

from .plain import escaped

# Longest job, schedule or host alias name, bytes.
MAX_NAME_LENGTH = 64

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_DIGITS = re.compile(r"[0-9]+\Z")


def is_name(text):
    # type: (str) -> bool
    """It may become a path component and a URL segment: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`."""
    return len(text) <= MAX_NAME_LENGTH and _NAME.match(text) is not None


def not_a_name(text):
    # type: (str) -> str
    """What is said about a text that is no name; the text is bounded and cleaned first."""
    return (
        "invalid name `{}`: use 1 to {} letters, digits, `.`, `_` or `-`, beginning with a letter or digit".format(
            escaped(text[:80]), MAX_NAME_LENGTH
        )
    )


def number(text, bits):
    # type: (str, int) -> int | None
    """The decimal number without a sign that fits `bits` bits; `None` when it is none."""
    if _DIGITS.match(text) is None or len(text) > 40:
        return None
    value = int(text)
    return value if value < 1 << bits else None


class DiskKey(object):
    """A disk of a VM, as `-w` and `-i` name it."""

    __slots__ = ("world_group_id", "handle_id")

    def __init__(self, world_group_id, handle_id):
        # type: (int, int) -> None
        self.world_group_id = world_group_id
        self.handle_id = handle_id

    def _pair(self):
        # type: () -> tuple[int, int]
        return (self.world_group_id, self.handle_id)

    def __eq__(self, other):
        # type: (object) -> bool
        return isinstance(other, DiskKey) and self._pair() == other._pair()

    def __lt__(self, other):
        # type: (DiskKey) -> bool
        return self._pair() < other._pair()

    def __hash__(self):
        # type: () -> int
        return hash(self._pair())

    def __repr__(self):
        # type: () -> str
        return "disk {} of world group {}".format(self.handle_id, self.world_group_id)
