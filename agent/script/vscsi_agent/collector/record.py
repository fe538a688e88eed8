"""What becomes of a snapshot: it is written, counted, and may have ended its job."""

from .. import snapshot
from ..command import Output
from ..spool import SpoolError
from .disks import ask
from .end import end, save_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..host.resolve import ResolvedDisk
    from .jobstate import JobState
    from .state import Collector


class Attempt(object):
    """What came of one print; `problem` is `None` when every disk of the job is there whole."""

    def __init__(self, taken_at, monotonic_ms):
        # type: (int, int) -> None
        self.taken_at = taken_at
        self.monotonic_ms = monotonic_ms
        self.duration_ms = 0
        self.output = Output()
        self.problem = None  # type: str | None
        # Commands counted of each disk that was printed, by handle.
        self.counted = {}  # type: dict[int, int]


def keep(collector, state, sequence, disks, flags, attempt):
    # type: (Collector, JobState, int, list[ResolvedDisk], set[str], Attempt) -> bool
    """Writes the snapshot; `False` when that failed and has ended the job."""
    is_gap = "gap" in flags
    facts = {
        "taken_at": attempt.taken_at,
        "monotonic_ms": attempt.monotonic_ms,
        "duration_ms": attempt.duration_ms,
        "boot_id": collector.equipment.boot.id,
        "host": collector.equipment.hostname,
        "exit_status": None if is_gap else attempt.output.status,
    }
    output = b"" if is_gap else attempt.output.stdout
    content = snapshot.write(state.name, sequence, state.job["target"], disks, flags, facts, output)
    views = collector.equipment.views
    try:
        collector.equipment.spool.write_snapshot(state.name, sequence, content)
    except SpoolError as error:
        reason = "snapshot {} could not be written: {}; the earlier ones are intact".format(sequence, error)
        views.set_problem("spool", reason)
        end(collector, state, "failed", reason)
        return False
    views.set_problem("spool", None)
    state.next = sequence + 1
    # A new baseline is announced by the first snapshot that holds it.
    if not flags & {"gap", "failed"}:
        state.flags.clear()
    return True


def record_missed(collector, state, first, after):
    # type: (Collector, JobState, int, int) -> bool
    """Writes empty snapshots for sequences whose time passed while nobody could take them."""
    wall = collector.wall()
    for sequence in range(first, after):
        attempt = Attempt(wall, collector.now_ms())
        if not keep(collector, state, sequence, [], {"failed", "late"}, attempt):
            return False
    return True


def tell_missed(collector, state):
    # type: (Collector, JobState) -> None
    """Says how many snapshots were missed since the last one that was taken."""
    first = 0 if state.taken is None else state.taken + 1
    message = (
        "{} snapshots were not taken because the agent or the host was not running: the next one covers their time"
    ).format(max(state.next - first, 0))
    state.note(collector.wall(), first, message)
    collector.log("{}: {}".format(state.name, message))


def count_usable(collector, state, sequence, attempt):
    # type: (Collector, JobState, int, Attempt) -> None
    """The snapshot holds every histogram."""
    complaint = attempt.output.complaint()
    state.misses = 0
    state.usable += 1
    state.job["collection"]["samples_collected"] = max(state.usable - 1, 0)
    if complaint is not None:
        message = "vscsiStats printed every histogram, but it {}; the snapshot is used".format(complaint)
        state.note(collector.wall(), sequence, message)
    if state.is_restarting() and sequence < state.job["profile"]["samples"]:
        # Between two samples, so that the counters are those of one interval alone.
        state.restarting = state.disks()
        for disk in state.restarting:
            ask(collector, disk, "restart")
    _complete_or_go_on(collector, state, sequence)


def count_miss(collector, state, sequence, problem):
    # type: (Collector, JobState, int, str) -> None
    """The snapshot holds nothing that can be used."""
    state.misses += 1
    state.note(collector.wall(), sequence, problem)
    collector.log("{}: snapshot {} holds no data: {}".format(state.name, sequence, problem))
    if state.misses >= state.job["collection"]["max_misses"]:
        reason = "{} snapshots in a row held no data; the last one: {}".format(state.misses, problem)
        end(collector, state, "failed", reason)
        return
    _complete_or_go_on(collector, state, sequence)


def _complete_or_go_on(collector, state, sequence):
    # type: (Collector, JobState, int) -> None
    state.taken = sequence
    if sequence >= state.job["profile"]["samples"]:
        end(collector, state, "completed", "")
    else:
        save_progress(collector, state)


def note_restarts(collector, state, sequence):
    # type: (Collector, JobState, int) -> None
    """Whether the counters were restarted since the last snapshot: the one to come says so."""
    keys, state.restarting = state.restarting, []
    restarted, is_unclear, failures = 0, False, []
    for key in keys:
        disk = collector.disks.get(key)
        if disk is None or disk.is_pending() or (disk.state != "on" and disk.reason is None):
            is_unclear = True
            failures.append("`-x` and `-s` of {} have not ended".format(key))
        elif disk.reason is None:
            restarted += 1
        else:
            # Where it is on, the `-x` has failed and the counters run on.
            is_unclear = is_unclear or disk.state != "on"
            failures.append(disk.reason)
    if keys and restarted == len(keys):
        state.flags.add("restarted")
    elif restarted or is_unclear:
        # Some counters begin anew and some do not: the next sample cannot be told from them.
        state.flags.add("new_baseline")
    for failure in failures:
        state.note(collector.wall(), sequence, "the counters were not restarted: {}".format(failure))
