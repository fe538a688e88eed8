"""A job in the collector's hands."""

from collections import OrderedDict

from .. import moment
from ..host.resolve import ResolvedDisk
from ..identifier import DiskKey
from .decide import LOOK, SNAPSHOT, Waiting
from .timing import Grid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..job import Document

# Errors kept in job.json; a job that fails every second for a day would otherwise grow its file without end.
_ERRORS_KEPT = 200

# Counters may have been there before us; whether they grow is seen at the next look.
LOOKING = "looking"
# The switch has been asked to start the collection.
STARTING = "starting"
# Snapshots are taken.
SAMPLING = "sampling"
# It has ended.
ENDED = "ended"


class JobState(object):
    """A job: its files' content and what is needed to go on."""

    def __init__(self, document, record, phase):
        # type: (Document, dict, str) -> None
        self.document = document
        self.record = record
        self.phase = phase
        # Looking: what was counted at the last look (`None` where nobody could look yet), when to look next, and the
        # looks that failed.
        self.before = {}  # type: dict[DiskKey, int | None]
        self.look_at_ms = 0
        self.failed_looks = 0
        # First sequence not spooled yet, and the last that was tried rather than recorded as missed.
        self.next = 0
        self.taken = None  # type: int | None
        # Snapshots with usable output, baseline included, and misses since the last one.
        self.usable = 0
        self.misses = 0
        # Flags that the next snapshot carries.
        self.flags = set()  # type: set[str]
        # Positions of the target's disks that the VM had no more at the last look.
        self.absent = set()  # type: set[int]
        # Restart mode: the disks that were asked for after the last snapshot.
        self.restarting = []  # type: list[DiskKey]
        # When it ended, monotonic milliseconds.
        self.ended_ms = None  # type: int | None
        # When job.json was written last, monotonic milliseconds; `None` when it holds less than it should.
        self.saved_ms = None  # type: int | None

    @property
    def job(self):
        # type: () -> dict
        """The content of job.json."""
        return self.document.job

    @property
    def name(self):
        # type: () -> str
        """The job's name."""
        return self.document.job["job_id"]

    def is_active(self):
        # type: () -> bool
        """It has not ended."""
        return self.phase != ENDED

    def needs_collection(self):
        # type: () -> bool
        """It collects, or is about to."""
        return self.phase in (STARTING, SAMPLING)

    def is_restarting(self):
        # type: () -> bool
        """Its counters are those of one interval alone."""
        return self.job["collection"]["mode"] == "restart"

    def present(self):
        # type: () -> list[ResolvedDisk]
        """The disks that were there at the last look, in the order of the job."""
        disks = enumerate(self.job["target"]["disks"])
        return [
            ResolvedDisk(int(disk["handle_id"]), disk["node"]) for place, disk in disks if place not in self.absent
        ]

    def forget_disks(self):
        # type: () -> None
        """The VM is away: none of its disks is there."""
        self.absent = set(range(len(self.job["target"]["disks"])))

    def disks(self):
        # type: () -> list[DiskKey]
        """The disks that were there at the last look, as commands name them."""
        return sorted({self._key(disk.handle_id) for disk in self.present()})

    def all_disks(self):
        # type: () -> list[DiskKey]
        """The job's disks, also those that the VM has no more."""
        return sorted({self._key(int(disk["handle_id"])) for disk in self.job["target"]["disks"]})

    def _key(self, handle_id):
        # type: (int) -> DiskKey
        return DiskKey(int(self.job["target"]["world_group_id"]), handle_id)

    def grid(self):
        # type: () -> Grid | None
        """Its due times; `None` before the start."""
        profile = self.job["profile"]
        first = self.record["first_due_ms"]
        return None if first is None else Grid(first, profile["interval_seconds"] * 1000, profile["samples"])

    def waiting(self):
        # type: () -> Waiting | None
        """What it waits for."""
        if self.phase == LOOKING:
            return Waiting(self.name, LOOK, at_ms=self.look_at_ms)
        if self.phase == SAMPLING:
            return Waiting(self.name, SNAPSHOT, grid=self.grid(), following=self.next)
        return None

    def note(self, now, sequence, message):
        # type: (int, int | None, str) -> None
        """Adds an error; beyond the cap the oldest but the first go, because the first is mostly the cause."""
        errors = self.job["collection"]["errors"]
        if len(errors) >= _ERRORS_KEPT:
            del errors[1]
        errors.append(OrderedDict([("at", moment.text(now)), ("sequence", sequence), ("message", message)]))
        self.saved_ms = None
