"""The collector's one decision, as a pure function: what to do next, or how long to wait."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..identifier import DiskKey
    from .timing import Due, Grid

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


class Decision(object):
    """What the collector does next: take a snapshot, look at counters again, extend a collection, or wait."""

    def __init__(self, kind, job="", due=None, disk=None, wake_ms=None):
        # type: (str, str, Due | None, DiskKey | None, int | None) -> None
        self.kind = kind
        self.job = job
        self.due = due
        self.disk = disk
        # Nothing is due before this moment; `None` when nothing will be due at all.
        self.wake_ms = wake_ms


def decide(now_ms, jobs, extensions):
    # type: (int, list[Waiting], list[tuple[int, DiskKey]]) -> Decision
    """Decides at `now_ms`: first what would otherwise end a collection, then snapshots by age, then looks.

    `extensions` says for each disk when `-s` is to be asked for at the latest.
    """
    moments = [at_ms for at_ms, _ in extensions]
    due_disks = [disk for at_ms, disk in sorted(extensions, key=lambda entry: entry[0]) if at_ms <= now_ms]
    if due_disks:
        return Decision("extend", disk=due_disks[0])
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
    return Decision("wait", wake_ms=min(moments) if moments else None)
