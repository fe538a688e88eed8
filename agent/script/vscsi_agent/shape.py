"""The shapes of JSON objects: which keys they have, of which type, and what is meant where one is left out.

A shape is called with what was read and gives a new object with every key, in the order of the shape, so that the rest
of the agent never asks whether a key is there. Whatever does not fit raises `Unreadable`.
"""

from collections import OrderedDict

from . import identifier, moment
from .jsonfile import Unreadable
from .plain import escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Reader = Callable[[Any], Any]


class Shape(object):
    """An object with named fields; other keys are passed over."""

    def __init__(self, *fields):
        # type: (*Field) -> None
        self._fields = fields

    def __call__(self, value):
        # type: (Any) -> OrderedDict[str, Any]
        """Reads an object."""
        if not isinstance(value, dict):
            raise Unreadable("invalid type: {}, expected an object".format(_kind(value)))
        return OrderedDict((field.key, field.of(value)) for field in self._fields)

    def projected(self, value):
        # type: (dict) -> OrderedDict[str, Any]
        """The fields of an object that has passed already, without the keys that are not its own."""
        return OrderedDict((field.key, field.projected(value[field.key])) for field in self._fields)

    def unknown(self, value):
        # type: (dict) -> str | None
        """The first key of an object that was read which is none of the shape's, with the way to it."""
        fields = {field.key: field for field in self._fields}
        for key, entry in value.items():
            found = _unknown(fields[key].read, entry) if key in fields else ""
            if found is not None:
                return "{}.{}".format(key, found) if found else key
        return None

    def empty(self):
        # type: () -> OrderedDict[str, Any]
        """The object in which every field has its default."""
        return self({})


class Field(object):
    """A field that has to be there."""

    def __init__(self, key, read):
        # type: (str, Reader) -> None
        self.key = key
        self.read = read

    def of(self, value):
        # type: (dict) -> Any
        """The field of an object that was read."""
        if self.key not in value:
            raise Unreadable("missing field `{}`".format(self.key))
        return self._checked(value[self.key])

    def projected(self, value):
        # type: (Any) -> Any
        """The value without keys that this version does not know."""
        return _projected(self.read, value)

    def _checked(self, value):
        # type: (Any) -> Any
        try:
            return self.read(value)
        except Unreadable as error:
            raise Unreadable("{}: {}".format(self.key, error)) from None


class Default(Field):
    """A field that may be left out; its default is read like a value, so that nobody changes that of another object."""

    def __init__(self, key, read, default):
        # type: (str, Reader, Any) -> None
        Field.__init__(self, key, read)
        self._default = default

    def of(self, value):
        # type: (dict) -> Any
        """The field of an object that was read."""
        return self._checked(value.get(self.key, self._default))


class Nullable(object):
    """A value, or null."""

    def __init__(self, read):
        # type: (Reader) -> None
        self.read = read

    def __call__(self, value):
        # type: (Any) -> Any
        """Reads the value."""
        return None if value is None else self.read(value)


class Many(object):
    """A list."""

    def __init__(self, read):
        # type: (Reader) -> None
        self.read = read

    def __call__(self, value):
        # type: (Any) -> list
        """Reads the list."""
        if not isinstance(value, (list, tuple)):
            raise Unreadable("invalid type: {}, expected a list".format(_kind(value)))
        return [self.read(entry) for entry in value]


def _projected(read, value):
    # type: (Reader, Any) -> Any
    if isinstance(read, Shape):
        return read.projected(value)
    if isinstance(read, Many):
        return [_projected(read.read, entry) for entry in value]
    if isinstance(read, Nullable):
        return None if value is None else _projected(read.read, value)
    return value


def _unknown(read, value):
    # type: (Reader, Any) -> str | None
    if isinstance(read, Shape):
        return read.unknown(value)
    if isinstance(read, Nullable):
        return None if value is None else _unknown(read.read, value)
    if isinstance(read, Many):
        for place, entry in enumerate(value):
            found = _unknown(read.read, entry)
            if found is not None:
                return "{}.{}".format(place, found)
    return None


def text(value):
    # type: (Any) -> str
    """A text."""
    if not isinstance(value, str):
        raise Unreadable("invalid type: {}, expected a text".format(_kind(value)))
    return value


def flag(value):
    # type: (Any) -> bool
    """True or false."""
    if not isinstance(value, bool):
        raise Unreadable("invalid type: {}, expected true or false".format(_kind(value)))
    return value


def count(bits):
    # type: (int) -> Reader
    """A whole number from 0 that fits `bits` bits."""

    def read(value):
        # type: (Any) -> int
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unreadable("invalid type: {}, expected a whole number".format(_kind(value)))
        if not 0 <= value < 1 << bits:
            raise Unreadable("{} is not a whole number from 0 to {}".format(value, (1 << bits) - 1))
        return value

    return read


def host_identifier(value):
    # type: (Any) -> str
    """A world group or handle ID: a number, or a text that holds one; kept as a text of its digits.

    64-bit values do not survive readers that hold numbers as doubles.
    """
    found = None
    if isinstance(value, str):
        found = identifier.number(value, 64)
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64:
        found = value
    if found is None:
        raise Unreadable("invalid value: {}, expected a decimal number, or a text that holds one".format(_kind(value)))
    return str(found)


def name(value):
    # type: (Any) -> str
    """A name."""
    if not identifier.is_name(text(value)):
        raise Unreadable(identifier.not_a_name(value))
    return value


def instant(value):
    # type: (Any) -> str
    """A time stamp, in the one form in which the agents write it."""
    try:
        return moment.text(moment.parse(text(value)))
    except ValueError as error:
        raise Unreadable(str(error)) from None


def one_of(*words):
    # type: (*str) -> Reader
    """One of a few words."""

    def read(value):
        # type: (Any) -> str
        if text(value) not in words:
            expected = ", ".join("`{}`".format(word) for word in words)
            raise Unreadable("unknown variant `{}`, expected one of {}".format(escaped(value[:40]), expected))
        return value

    return read


def _kind(value):
    # type: (Any) -> str
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean `{}`".format("true" if value else "false")
    if isinstance(value, int):
        return "integer `{}`".format(str(value)[:40])
    if isinstance(value, float):
        return "floating point `{}`".format(value)
    if isinstance(value, str):
        return 'string "{}"'.format(escaped(value[:40]))
    return "list" if isinstance(value, (list, tuple)) else "object"
