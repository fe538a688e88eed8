"""One run of a program, and what came of it."""

import os

from ..plain import decoded, escaped

# How long a command that changes or lists something may take, seconds.
SHORT_DEADLINE = 10.0

# What is kept of what one command prints, bytes: the histograms of 64 disks take less than half a megabyte.
OUTPUT_LIMIT = 4 * 1024 * 1024


class Spec(object):
    """A program by its absolute path, and what it may take.

    When `deadline` (seconds) is over, the program is killed with its children. `output_limit` bytes are kept of
    each stream; what is printed beyond is read and thrown away.
    """

    def __init__(self, program, arguments, deadline, output_limit):
        # type: (str, list[str], float, int) -> None
        self.program = program
        self.arguments = arguments
        self.deadline = deadline
        self.output_limit = output_limit

    def __str__(self):
        # type: () -> str
        return " ".join([os.path.basename(self.program)] + self.arguments)


class Output(object):
    """What came of a run; `status` is `None` when the program was killed."""

    def __init__(self, status=None, stdout=b"", stderr=b""):
        # type: (int | None, bytes, bytes) -> None
        self.status = status
        self.stdout = stdout
        self.stderr = stderr
        self.timed_out = False
        self.truncated = False

    def succeeded(self):
        # type: () -> bool
        """It ended well and said everything."""
        return self.status == 0 and not self.timed_out and not self.truncated

    def complaint(self):
        # type: () -> str | None
        """What went wrong, in words; `None` when nothing did."""
        if self.timed_out:
            end = "did not end before its deadline and was killed"
        elif self.truncated:
            end = "printed more than the limit"
        elif self.status is None:
            end = "was killed by a signal"
        elif self.status != 0:
            end = "ended with exit status {}".format(self.status)
        else:
            return None
        said = escaped(decoded(self.stderr).strip()[:200])
        return "{}: {}".format(end, said) if said else end


class RunError(Exception):
    """The program could not be run at all; `missing` when this host has none."""

    def __init__(self, message, missing=False):
        # type: (str, bool) -> None
        Exception.__init__(self, message)
        self.missing = missing
