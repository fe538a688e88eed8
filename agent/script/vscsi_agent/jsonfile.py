"""JSON as the agents write it, and reading it without believing it."""

import json
import re
from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Deepest nesting that is read; what the agent exchanges has six levels.
_DEEPEST = 64

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

# Half of a pair, as which JSON may write a character of another plane; alone it is no text that a file can hold.
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


class Unreadable(Exception):
    """It is not JSON, or not of the form asked for; the message says where."""


def read(data):
    # type: (bytes) -> Any
    """The value of a text in JSON; objects keep the order of their keys."""
    depth = 0
    for byte in _STRING.sub(b"", data):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > _DEEPEST:
            raise Unreadable("it is nested more than {} levels deep".format(_DEEPEST))
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
        if _HALF.search(data) is not None:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise Unreadable("it holds what is not UTF-8") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None
    return value


def _unique(pairs):
    # type: (list[tuple[str, Any]]) -> OrderedDict[str, Any]
    found = OrderedDict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _no_number(word):
    # type: (str) -> None
    raise ValueError("{} is not a number".format(word))


def compact(value):
    # type: (Any) -> bytes
    """As it goes over the wire, and into files that no person reads."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def pretty(value):
    # type: (Any) -> bytes
    """As it goes into files that people read, keys in their own order."""
    return json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "replace")


def sorted_by_key(value):
    # type: (Any) -> bytes
    """The same with keys in alphabetical order, as the content of `job.json`."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).encode("utf-8", "replace") + b"\n"
