"""The collector's decisions, as pure functions: what to do next, or how long to wait; what to ask for a disk; when `-s`
is due because counters stand still.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .timing import Due, Grid

MINUTE_MS = 60 * 1000

# Collection stops by itself after about 30 minutes; `-s` is issued again at most this long after the last one, and a
# print that is due before it.
AT_LATEST_MS = 20 * MINUTE_MS

# From this age on `-s` is issued again right after a print.
AFTER_PRINT_MS = 15 * MINUTE_MS

# A collection whose last `-s` is older than this has ended by itself, or is about to.
LAPSED_MS = 29 * MINUTE_MS

# A print that comes so late after the last `-s` leaves the one before it to be followed by the next.
_LAST_PRINT_MS = 19 * MINUTE_MS

# A collection younger than this is not extended for the sake of the next print.
_YOUNG_MS = 5 * MINUTE_MS

# So long ago a print is right before now: on a host where a second `-s` zeroes the counters, only what was counted in
# between is lost.
_RIGHT_AFTER_MS = 1000

# How old a collection is before it is started again because its counters stand still, by how often that was done since
# they last moved; after the last of them every five minutes. Never within a minute: a VM that does something now and
# then stands still at many a print.
_STILL_MS = (MINUTE_MS, MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS, 5 * MINUTE_MS)

LOOK, SNAPSHOT = "look", "snapshot"


class Waiting(object):
    """What a job waits for: another look at counters at a moment, or the next sequence of its grid."""

    def __init__(self, job, kind, at_ms=0, grid=None, following=0):
        # type: (str, str, int, Grid | None, int) -> None
        self.job = job
        self.kind = kind
        self.at_ms = at_ms
        self.grid = grid
        self.following = following


class DiskFact(object):
    """A disk, as the decisions need it; moments are monotonic milliseconds."""

    def __init__(self, disk, state):
        # type: (DiskKey, str) -> None
        self.disk = disk
        # As the switch said.
        self.state = state
        # An order is on its way.
        self.is_pending = False
        # A job collects it, or is about to; a job that has not ended uses it.
        self.is_needed = True
        self.is_held = True
        # When `-s` last succeeded.
        self.armed_ms = None  # type: int | None
        # Nothing is tried before this moment.
        self.not_before_ms = 0
        # Its last print and its next one.
        self.printed_ms = None  # type: int | None
        self.next_print_ms = None  # type: int | None
        # A foreign collection is not looked at before this moment.
        self.look_again_ms = 0


class Decision(object):
    """What the collector does next: `look` at a job's counters again, `take` a snapshot, look at a `foreign`
    collection, which is then extended, or `wait`.
    """

    def __init__(self, kind, job="", due=None, disk=None, wake_ms=None):
        # type: (str, str, Due | None, DiskKey | None, int | None) -> None
        self.kind = kind
        self.job = job
        self.due = due
        self.disk = disk
        # Nothing is due before this moment; `None` when nothing will be due at all.
        self.wake_ms = wake_ms


def order_for(now_ms, fact):
    # type: (int, DiskFact) -> str | None
    """What is to be asked of the switch for a disk, if anything."""
    if fact.is_pending:
        return None
    may_try = now_ms >= fact.not_before_ms
    if fact.state in ("off", "kept", "stopping"):
        return "want" if fact.is_needed and may_try else None
    if fact.state == "failed" and fact.is_needed:
        return "want" if may_try else None
    if fact.state == "on" and fact.is_needed:
        return "again" if may_try and _is_to_extend(now_ms, fact) else None
    return None if fact.is_held else "drop"


def _is_to_extend(now_ms, fact):
    # type: (int, DiskFact) -> bool
    """`-s` is due again: at the latest after twenty minutes, and before that right after a print, so that where a
    second `-s` zeroes the counters only what was counted since that print is lost. A print that is due comes first,
    also after twenty minutes in which nobody could print, as long as the collection has not ended by itself.
    """
    if fact.armed_ms is None:
        return True
    age_ms = now_ms - fact.armed_ms
    if fact.next_print_ms is not None and fact.next_print_ms <= now_ms:
        return age_ms >= LAPSED_MS
    if age_ms >= AT_LATEST_MS:
        return True
    if fact.printed_ms is None or now_ms - fact.printed_ms > _RIGHT_AFTER_MS:
        return False
    next_is_late = fact.next_print_ms is None or fact.next_print_ms - fact.armed_ms > _LAST_PRINT_MS
    return age_ms >= AFTER_PRINT_MS or (age_ms >= _YOUNG_MS and next_is_late)


def still_needs_start(age_ms, restarts_while_still):
    # type: (int, int) -> bool
    """Counters that stood still between two prints ask for `-s` at this age of the collection: somebody may have
    stopped it. At once where the last `-s` is a minute ago, then less and less often, so that a VM that is idle is left
    in peace.
    """
    return age_ms >= _STILL_MS[min(restarts_while_still, len(_STILL_MS) - 1)]


def decide(now_ms, jobs, disks):
    # type: (int, list[Waiting], list[DiskFact]) -> Decision
    """Decides at `now_ms`: looks, then snapshots by age, then foreign collections."""
    moments = []
    take = None  # type: tuple[int, Decision] | None
    for waiting in jobs:
        if waiting.kind == LOOK:
            if waiting.at_ms <= now_ms:
                return Decision("look", job=waiting.job)
            moments.append(waiting.at_ms)
            continue
        grid = waiting.grid
        due = None if grid is None else grid.due(waiting.following, now_ms)
        if grid is not None and due is not None:
            moment = grid.due_ms(due.sequence)
            if take is None or moment < take[0]:
                take = (moment, Decision("take", job=waiting.job, due=due))
        elif grid is not None:
            at_ms = grid.wait_ms(waiting.following)
            if at_ms is not None:
                moments.append(at_ms)
    if take is not None:
        return take[1]
    for fact in disks:
        due_ms = _due_ms(fact)
        if due_ms is None:
            continue
        if fact.state == "foreign" and now_ms >= due_ms:
            return Decision("foreign", disk=fact.disk)
        moments.append(max(due_ms, fact.not_before_ms, now_ms + 1))
    return Decision("wait", wake_ms=min(moments) if moments else None)


def _due_ms(fact):
    # type: (DiskFact) -> int | None
    """When a disk asks for something; `None` while it is waited for the switch."""
    if fact.is_pending or not fact.is_needed or fact.state in ("entering", "starting"):
        return None
    if fact.state == "foreign":
        return max(0 if fact.armed_ms is None else fact.armed_ms + AFTER_PRINT_MS, fact.look_again_ms)
    if fact.state == "on":
        return 0 if fact.armed_ms is None else fact.armed_ms + AT_LATEST_MS
    return fact.not_before_ms
