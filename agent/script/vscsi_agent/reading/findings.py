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

    def told(self):
        # type: () -> list[str]
        """The findings in words, in order of lines."""
        told = ["line {}: {}".format(line, words) for line, words in sorted(self._kept, key=lambda found: found[0])]
        if self._further:
            told.append("line {}: {} further findings were not kept".format(self._first_further, self._further))
        return told


def lines_of(data, findings):
    # type: (bytes, Findings) -> list[tuple[int, str]]
    """The lines with their numbers, without their ends; what is not UTF-8 is replaced and reported, once per line."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    found = []
    for number, line in enumerate(lines, 1):
        if line.endswith(b"\r"):
            line = line[:-1]
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            findings.report(number, "text that is not UTF-8 was replaced in `{}`".format(excerpt(line)))
            text = decoded(line)
        found.append((number, text))
    return found
