"""A disk in the hands of the switch: one pure state machine. Moments are monotonic milliseconds.

An order changes what is meant to be; `advance` says which command brings the disk closer to it. It is asked after every
event, so that no order of events is left without an answer.
"""

from ..host.unlisted import LIST_AGAIN_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .journal import Journal

OFF, FOREIGN, ENTERING, STARTING = "off", "foreign", "entering", "starting"
ON, FAILED, STOPPING, KEPT = "on", "failed", "stopping", "kept"

START, STOP, KILL = "-s", "-x", "kill"

# vscsiStats has certainly stopped by itself this long after the last `-s`.
ENDED_MS = 31 * 60 * 1000

# So long after it was begun, a `-s` whose end nobody can see has had its effect.
UNSEEN_MS = 15 * 1000

# How long a disk rests after each `-x` in a row that failed; the last one counts for all that follow.
RESTS_MS = (1000, 2000, 4000, 8000, 16000, 30000)


class Disk(object):
    """What the switch knows of a disk."""

    def __init__(self, key):
        # type: (DiskKey) -> None
        self.key = key
        self.state = OFF
        # When the last `-s` was to be issued, when it was, and when the last one was that succeeded.
        self.armed_ms = 0
        self._issued_ms = 0
        self.succeeded_ms = None  # type: int | None
        self.started = False
        # The collector has asked for it since the lock was taken.
        self.claimed = False
        # The last order that was done or has failed, and why it failed.
        self.order = 0
        self.reason = ""
        # The collector has to be told.
        self.changed = False
        # The version of the journal that names it as it is now.
        self.version = 0
        # What runs, and what is to run for the order under way, once the journal is durable where it has to be.
        self.command = None  # type: str | None
        self._plan = []  # type: list[str]
        self._waits = False
        self._keeping = False
        self._under_way = 0
        # The state to go back to when the order fails.
        self._was = OFF
        # Since when no `-s` can follow any more; `None` while a killed one has not ended.
        self._sure_ms = 0  # type: int | None
        # A killed `-x` has not ended.
        self._stop_lingers = False
        self._began_ms = 0
        self._failures = 0
        self._rests_until_ms = 0
        # Why the last `-x` failed, as long as it is not known whether the disk is there at all.
        self._stop_failure = ""

    def is_named(self):
        # type: () -> bool
        """It is in the journal."""
        return self.state not in (OFF, FOREIGN)

    def entry(self):
        # type: () -> dict
        """Its entry in the journal."""
        return {
            "world_group_id": str(self.key.world_group_id),
            "handle_id": str(self.key.handle_id),
            "armed_ms": self.armed_ms,
            "started": self.started and not self._is_restarting(),
            "kept": self._keeping or self.state == KEPT,
        }

    def _is_restarting(self):
        # type: () -> bool
        """The `-x` of a restart is to be run or runs: whoever takes over from here cannot know whether it collects."""
        return STOP in self._plan or (self.state == STARTING and self.command == STOP)

    def found(self, entry, is_whole, now_ms):
        # type: (dict, bool, int) -> None
        """It was in the journal when the lock was taken. A moment ahead of this clock is read as now."""
        self.armed_ms = self._issued_ms = min(entry["armed_ms"], now_ms)
        self.started = entry["started"]
        self.state = KEPT if entry["kept"] else ON if self.started else FAILED
        if self.started:
            self.succeeded_ms = self.armed_ms
        elif not is_whole:
            # The `-s` of a switch that died may still be on its way.
            self._sure_ms = self.armed_ms + UNSEEN_MS
        self.changed = True

    def is_over(self, now_ms):
        # type: (int) -> bool
        """Its collection has certainly ended by itself."""
        return now_ms - self._issued_ms >= ENDED_MS

    def want(self, order, now_ms):
        # type: (int, int) -> None
        """It is to be collected."""
        self.claimed = True
        self._under_way = order
        if self.state == ON:
            # A `keep` that nobody was told of yet is taken back.
            self._keeping = False
            self._done()
        elif self.state not in (ENTERING, STARTING):
            self.started = False
            self._intend([START], now_ms)
            self._become(ENTERING)

    def again(self, order, now_ms):
        # type: (int, int) -> None
        """`-s` is to be run again; over somebody else's collection that needs no journal."""
        self._under_way = order
        if self.state in (ON, FAILED, FOREIGN):
            self._intend([START], now_ms)
        else:
            self._fail("there is no collection to extend")

    def restart(self, order, now_ms):
        # type: (int, int) -> None
        """`-x` and `-s` are to be run."""
        self._under_way = order
        if self.state in (ON, FAILED):
            self._intend([STOP, START], now_ms)
        else:
            self._fail("there is no collection to restart")

    def foreign(self, order):
        # type: (int) -> None
        """It is collected by somebody else."""
        self.claimed = True
        self._under_way = order
        if self.state == OFF:
            self._become(FOREIGN)
        self._done()

    def keep(self, order):
        # type: (int) -> None
        """It is to be left running; what the journal does not name runs on anyway, or not."""
        self.claimed = True
        self._under_way = order
        if self.is_named() and self.state != KEPT:
            self._keeping = True
            self._plan = []
        else:
            self._done()

    def drop(self, order):
        # type: (int) -> None
        """Nobody needs it any more."""
        self.claimed = False
        self._under_way = order
        self._keeping, self._plan = False, []
        if self.state == FOREIGN or (self.state == ENTERING and self._was in (OFF, FOREIGN)):
            self._become(OFF)
        elif self.state != OFF:
            self._failures, self._rests_until_ms = 0, 0
            self._become(STOPPING)
        if self.state == OFF:
            self._done()

    def abandon(self):
        # type: () -> None
        """Nobody is there to want it: only what a user asked to keep is left alone."""
        if self.state != KEPT:
            self.drop(self._under_way)

    def advance(self, now_ms, journal):
        # type: (int, Journal) -> str | None
        """The command to run now, or that the one under way is to be killed, or `None`."""
        if self.command is not None:
            return KILL if self.state == STOPPING and self.command == START else None
        if self.state in (STOPPING, KEPT) and self.is_over(now_ms):
            self._end("vscsiStats has stopped by itself")
        elif self._keeping:
            self._keep(journal)
        elif self._plan:
            if not self._stop_lingers and self._may_run(journal):
                return self._run(self._plan.pop(0), now_ms)
        elif self.state == STOPPING and now_ms >= self._rests_until_ms:
            return self._run(STOP, now_ms)
        return None

    def next_ms(self):
        # type: () -> int | None
        """When it has to be asked again although nothing happens."""
        if self.state == STOPPING:
            return min(self._rests_until_ms, self._issued_ms + ENDED_MS) if self.command is None else None
        return self._issued_ms + ENDED_MS if self.state == KEPT else None

    def ended(self, problem, is_seen, now_ms):
        # type: (str | None, bool, int) -> bool
        """The command under way has ended, or was killed and has not; true when the host is to be asked by `-l`."""
        command, self.command = self.command, None
        if command == START:
            self._sure_ms = now_ms if is_seen else None
        elif not is_seen:
            self._stop_lingers = True
        if self.state == STOPPING:
            return command == STOP and self._stopped(problem, now_ms)
        if self.state == STARTING:
            self._started(command, problem)
        elif self.state == FOREIGN:
            self.succeeded_ms = self._issued_ms if problem is None else self.succeeded_ms
            self._fail(problem or "")
        elif self.state == ENTERING and problem is None:
            # The `-x` that a new order has waited for.
            self._was = OFF
        return False

    def end_seen(self, command, now_ms):
        # type: (str, int) -> None
        """A killed command that had not ended has ended now."""
        if command == STOP:
            self._stop_lingers = False
        elif self._sure_ms is None:
            self._sure_ms = now_ms
            self._rests_until_ms = min(self._rests_until_ms, now_ms)

    def is_there(self):
        # type: () -> None
        """A listing has it, or none can be had: that it could not be stopped is a failure."""
        if self.state == STOPPING and self._stop_failure:
            self._fail(self._stop_failure)
            self._stop_failure = ""

    def is_missing(self, is_certain, now_ms):
        # type: (bool, int) -> None
        """A listing lacks it; once that is certain it has no collection any more, and until then it is listed again."""
        if self.state != STOPPING or self.command is not None:
            return
        if is_certain:
            self._end("it is gone, and its collection with it")
        else:
            self._rests_until_ms = min(self._rests_until_ms, now_ms + LIST_AGAIN_MS)

    def _intend(self, plan, now_ms):
        # type: (list[str], int) -> None
        self._plan = plan
        self._keeping = False
        self._was = self.state
        self._waits = self.state != FOREIGN
        self.armed_ms = now_ms

    def _may_run(self, journal):
        # type: (Journal) -> bool
        """The journal says what has to be said before the command; where it cannot be written the order has failed."""
        if not self._waits or journal.is_durable(self.version):
            return True
        problem = journal.problem_since(self.version)
        if problem is None:
            return False
        if self.state != ENTERING and journal.names_to_stop(self.key):
            return True
        self._plan = []
        if self.state == ENTERING:
            self._become(OFF if self._was in (OFF, FOREIGN) else FAILED)
        self._fail("cannot write the journal, so nothing was started: {}".format(problem))
        return False

    def _keep(self, journal):
        # type: (Journal) -> None
        problem = journal.problem_since(self.version)
        if journal.is_durable(self.version):
            self._keeping = False
            self._become(KEPT)
            self._done()
        elif problem is not None:
            self._keeping = False
            self._fail("cannot write the journal, so it was not kept: {}".format(problem))

    def _run(self, command, now_ms):
        # type: (str, int) -> str
        self.command = command
        self._began_ms = now_ms
        self._waits = False
        if command == START:
            self._issued_ms = now_ms
        if self.state in (ENTERING, ON, FAILED):
            self._become(STARTING)
        return command

    def _started(self, command, problem):
        # type: (str | None, str | None) -> None
        if command == STOP and problem is None:
            # Between the two commands of a restart nothing is collected.
            self._was, self.started = FAILED, False
            return
        self._plan = []
        if problem is None:
            self.succeeded_ms = self._issued_ms
            self.started = True
            self._become(ON)
            self._done()
        else:
            self._become(ON if self._was == ON else FAILED)
            self._fail(problem)

    def _stopped(self, problem, now_ms):
        # type: (str | None, int) -> bool
        if problem is None and self._sure_ms is not None and self._began_ms >= self._sure_ms:
            self._end("")
        elif problem is None:
            # The `-s` whose end is not known may follow: `-x` once more after it.
            self.reason = "a `-s` whose end is not known may still start a collection"
            self._rests_until_ms = now_ms + RESTS_MS[0] if self._sure_ms is None else self._sure_ms
        else:
            self._stop_failure = problem
            self._rests_until_ms = now_ms + RESTS_MS[min(self._failures, len(RESTS_MS) - 1)]
            self._failures += 1
        self.changed = self.changed or problem is None
        return problem is not None

    def _end(self, how):
        # type: (str) -> None
        self._keeping = False
        self._become(OFF)
        self._fail(how)

    def _become(self, state):
        # type: (str) -> None
        self.state = state
        self.reason = ""
        self.changed = True

    def _fail(self, reason):
        # type: (str) -> None
        self.reason = reason
        self._done()

    def _done(self):
        # type: () -> None
        self.order = max(self.order, self._under_way)
        self.changed = True
