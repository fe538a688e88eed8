"""When what is due: pure functions of the monotonic clock, without drift and without memory."""


class Due(object):
    """A snapshot now: those of `missed` (first and end) are recorded as missed, `sequence` is taken."""

    def __init__(self, missed, sequence, late):
        # type: (tuple[int, int], int, bool) -> None
        self.missed = missed
        self.sequence = sequence
        # It is taken more than half an interval after it was due.
        self.late = late


class Grid(object):
    """The due times of a job: `first_due_ms + k * interval_ms` for k = 0 … `samples`."""

    def __init__(self, first_due_ms, interval_ms, samples):
        # type: (int, int, int) -> None
        self.first_due_ms = first_due_ms
        self.interval_ms = interval_ms
        self.samples = samples

    def due_ms(self, sequence):
        # type: (int) -> int
        """When `sequence` is due, monotonic milliseconds."""
        return self.first_due_ms + sequence * self.interval_ms

    def wait_ms(self, following):
        # type: (int) -> int | None
        """When the first sequence not taken yet is due; `None` when there is none."""
        return self.due_ms(following) if following <= self.samples else None

    def due(self, following, now_ms):
        # type: (int, int) -> Due | None
        """What is due when `following` is the first sequence not taken yet; `None` when nothing is."""
        if following > self.samples or now_ms < self.due_ms(following):
            return None
        passed = (now_ms - self.due_ms(following)) // max(self.interval_ms, 1)
        sequence = min(following + passed, self.samples)
        late = (now_ms - self.due_ms(sequence)) * 2 > self.interval_ms
        return Due((following, sequence), sequence, late)
