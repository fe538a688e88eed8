"""Texts at the borders of the agent: bytes of the host, messages for people, and words for the host."""


def decoded(data):
    # type: (bytes) -> str
    """Bytes of the host as text; what is not UTF-8 is replaced."""
    return data.decode("utf-8", "replace")


def encoded(text):
    # type: (str) -> bytes
    """A path or an argument as the bytes that it came from, whatever the locale is."""
    return text.encode("utf-8", "surrogateescape")


def printable(text):
    # type: (str) -> bytes
    """A text for a file or a stream; what has no form in UTF-8 is replaced."""
    return text.encode("utf-8", "replace")


def escaped(text):
    # type: (str) -> str
    """The text with what would not be seen, or would be obeyed by a terminal, written as escapes."""
    return "".join(_escape(character) for character in text)


def without_controls(text):
    # type: (str) -> str
    """The text with its control characters alone written as escapes; quotes stay as they are."""
    return "".join(_escape(character) if is_control(character) else character for character in text)


def is_control(character):
    # type: (str) -> bool
    """A terminal obeys the character instead of showing it."""
    return character < " " or "\x7f" <= character <= "\x9f"


_ESCAPES = {"\0": "\\0", "\t": "\\t", "\r": "\\r", "\n": "\\n", '"': '\\"', "'": "\\'", "\\": "\\\\"}


def _escape(character):
    # type: (str) -> str
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    return "\\u{{{:x}}}".format(ord(character))


def excerpt(data):
    # type: (bytes) -> str
    """A piece of the input fit for a message: at most 80 characters, control characters escaped."""
    text = decoded(data[: 80 * 4])
    shown = "".join(_escape_default(character) for character in text[:80])
    return shown + ("\u2026" if len(text) > 80 else "")


def _escape_default(character):
    # type: (str) -> str
    if not is_control(character):
        return character
    return _ESCAPES[character] if character in "\t\r\n" else "\\u{{{:x}}}".format(ord(character))
