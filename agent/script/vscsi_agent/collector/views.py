"""What HTTP threads read without asking the collector."""

import copy
import threading
from collections import OrderedDict

from .. import moment
from ..job import FINAL, JOB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..clock import Clock
    from .jobstate import JobState
    from .timing import Grid


class _Facts(object):
    """A job as it was when it was published."""

    def __init__(self, state):
        # type: (JobState) -> None
        self.job = copy.deepcopy(JOB.projected(state.job))
        self.grid = state.grid() if state.phase == "sampling" else None  # type: Grid | None
        self.following = state.next
        self.acknowledged = state.record["acknowledged"]

    def view(self, clock):
        # type: (Clock) -> dict
        """The job as it is told now: due times are kept on the monotonic clock, and people see them on the wall."""
        now, now_ms = clock.wall(), clock.monotonic_ms()
        due_at, completion_at = None, None
        if self.grid is not None and self.following <= self.grid.samples:
            due_at = _on_the_wall(self.grid.due_ms(self.following), now, now_ms)
            completion_at = _on_the_wall(self.grid.due_ms(self.grid.samples), now, now_ms)
        return OrderedDict(
            [
                ("job", self.job),
                ("next_due_at", due_at),
                ("expected_completion_at", completion_at),
                ("now", moment.text(now)),
                ("last_sequence", self.following - 1 if self.following else None),
                ("acknowledged_sequence", self.acknowledged),
            ]
        )


def _on_the_wall(due_ms, now, now_ms):
    # type: (int, int, int) -> str
    return moment.text(now + (due_ms - now_ms) * moment.MILLISECOND)


class Views(object):
    """The published state."""

    def __init__(self, clock):
        # type: (Clock) -> None
        self._clock = clock
        self._mutex = threading.Lock()
        self._jobs = {}  # type: dict[str, _Facts]
        self._schedules = []  # type: list[dict]
        self._problems = {}  # type: dict[str, str]

    def jobs(self):
        # type: () -> list[dict]
        """All jobs, oldest first."""
        with self._mutex:
            facts = [facts for _, facts in sorted(self._jobs.items())]
        facts.sort(key=lambda facts: moment.parse(facts.job["created_at"]))
        return [one.view(self._clock) for one in facts]

    def job(self, name):
        # type: (str) -> dict | None
        """One job."""
        with self._mutex:
            facts = self._jobs.get(name)
        return None if facts is None else facts.view(self._clock)

    def shows_active(self, name):
        # type: (str) -> bool
        """The job is shown as one that has not ended."""
        with self._mutex:
            facts = self._jobs.get(name)
        return facts is not None and facts.job["status"] not in FINAL

    def running_jobs(self):
        # type: () -> int
        """How many jobs have not ended."""
        with self._mutex:
            return sum(facts.job["status"] not in FINAL for facts in self._jobs.values())

    def schedules(self):
        # type: () -> list[dict]
        """All schedules, by name."""
        with self._mutex:
            return list(self._schedules)

    def problems(self):
        # type: () -> list[str]
        """What is wrong now."""
        with self._mutex:
            return [problem for _, problem in sorted(self._problems.items())]

    def set_problem(self, subject, problem):
        # type: (str, str | None) -> None
        """Says that something is wrong with `subject`, or with `None` that nothing is any more."""
        with self._mutex:
            if problem is None:
                self._problems.pop(subject, None)
            else:
                self._problems[subject] = problem

    def set_schedules(self, schedules):
        # type: (list[dict]) -> None
        """Publishes the schedules after a change."""
        with self._mutex:
            self._schedules = schedules

    def publish(self, name, state):
        # type: (str, JobState | None) -> None
        """Publishes a job after a change, or that it is gone."""
        facts = None if state is None else _Facts(state)
        with self._mutex:
            if facts is None:
                self._jobs.pop(name, None)
            else:
                self._jobs[name] = facts
