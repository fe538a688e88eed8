"""What a parser could not use, and where it stood."""

from ..plain import decoded, encoded, excerpt

# How many findings of one input are kept, so that a lot of garbage does not become a lot of findings.
_KEPT = 100


class Findings(object):
    """The findings of one input while it is read: the first ones kept, the others counted."""

    def __init__(self):
        # type: () -> None
        self._kept = []  # type: list[tuple[int, str]]
        self._further = 0
        self._first_further = 0

    def report(self, line, words):
        # type: (int, str) -> None
        """Something about a line, counted from 1. A finding about a whole record names its first line."""
        if len(self._kept) < _KEPT:
            self._kept.append((line, words))
            return
        if not self._further:
            self._first_further = line
        self._further += 1

    def unexpected(self, line, text):
        # type: (int, str) -> None
        """The line belongs to nothing the parser knows."""
        self.report(line, "unexpected line `{}`".format(excerpt(encoded(text))))

    def bad_value(self, line, key, value):
        # type: (int, str, str) -> None
        """A value is not what its key promises, and counts as absent."""
        self.report(line, "`{}` is not a value of `{}`".format(excerpt(encoded(value)), key))

    def missing(self, line, key):
        # type: (int, str) -> None
        """A record lacks what makes it one."""
        self.report(line, "an entry without `{}` is left out".format(key))

    def cut_short(self, line, value):
        # type: (int, str) -> None
        """The output ends without a line end, so it was cut, and its last value counts as absent."""
        words = "the output breaks off, and `{}` may be the beginning of something longer"
        self.report(line, words.format(excerpt(encoded(value.strip()))))

    def told(self):
        # type: () -> list[str]
        """The findings in words, in order of lines."""
        told = ["line {}: {}".format(line, words) for line, words in sorted(self._kept, key=lambda found: found[0])]
        if self._further:
            told.append("line {}: {} further findings were not kept".format(self._first_further, self._further))
        return told


class Line(object):
    """A line of an output: its number, from 1, and its text without its end.

    One that has not `ended` is the last of an output that was cut: its last word may be the beginning of one.
    """

    def __init__(self, number, text, ended):
        # type: (int, str, bool) -> None
        self.number = number
        self.text = text
        self.ended = ended


def lines_of(data, findings):
    # type: (bytes, Findings) -> list[Line]
    """The lines of an output; what is not UTF-8 is replaced and reported, once per line."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    lines = data.split(b"\n")
    last = lines.pop()
    ended = [(line[:-1] if line.endswith(b"\r") else line, True) for line in lines]
    found = []
    for number, (line, has_ended) in enumerate(ended + ([(last, False)] if last else []), 1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            findings.report(number, "text that is not UTF-8 was replaced in `{}`".format(excerpt(line)))
            text = decoded(line)
        found.append(Line(number, text, has_ended))
    return found
