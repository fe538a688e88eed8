"""All state of the collector, and the small questions about it that every other room asks."""

from ..host.drive import HostError
from ..host.inventory import volumes
from ..switch import succession
from .disks import NOT_PASSING, PASSED
from .views import Views

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..boot import Boot
    from ..clock import Clock
    from ..desk import Asked
    from ..host.drive import Host
    from ..identifier import DiskKey
    from ..log import Log
    from ..reading.listing import Listing
    from ..reading.storage import Volume
    from ..spool import Spool
    from ..switch.client import Switch
    from .disks import Disk
    from .jobstate import JobState
    from .loop import Ticket
    from .schedulefile import Schedules

# How long whoever asks for something waits until the switch has done it: a command and its deadline, milliseconds.
ANSWER_MS = 12 * 1000


class Equipment(object):
    """What the collector works with."""

    def __init__(self, clock, host, spool, log, boot, hostname, state_directory):
        # type: (Clock, Host, Spool, Log, Boot, str, str) -> None
        self.clock = clock
        self.host = host
        self.spool = spool
        self.log = log
        self.views = Views(clock)
        self.boot = boot
        self.hostname = hostname
        self.state_directory = state_directory


class Collector(object):
    """Owns all state that changes."""

    def __init__(self, equipment, switch, schedules):
        # type: (Equipment, Switch, Schedules) -> None
        self.equipment = equipment
        self.switch = switch
        self.schedules = schedules
        self.jobs = {}  # type: dict[str, JobState]
        self.disks = {}  # type: dict[DiskKey, Disk]
        # Counts the orders to the switch.
        self.orders = 0
        # The switch holds the lock, and does what it is asked.
        self.is_ready = False
        # The switch had everything passed on to it by the one of the agent before.
        self.was_handed_over = False
        # The jobs of the agent before have been taken in, so that what none of them needs can be dropped.
        self.is_recovered = False
        # Whether a successor is to have everything.
        self.passing = NOT_PASSING
        # The switch that everything is to pass to, once a successor waits.
        self.successor = None  # type: str | None
        # Requests that wait for the switch: those that it has been asked for, and those that wait for another one.
        self.tickets = []  # type: list[Ticket]
        self.waiting = []  # type: list[Asked]
        # When to write again what could not be written, monotonic milliseconds.
        self.save_again_ms = 0
        # The last listing and when it was taken.
        self.listing = None  # type: tuple[int, Listing] | None
        self._volumes = None  # type: list[Volume] | None

    def has_passed(self):
        # type: () -> bool
        """The successor's switch holds the lock: this agent is to end and leave its jobs as they are.

        Its own switch says so, unless that is frozen or has died on the way; the journal says so always.
        """
        if self.passing == PASSED:
            return True
        return self.successor is not None and succession.is_held_by(self.equipment.state_directory, self.successor)

    def now_ms(self):
        # type: () -> int
        """The monotonic clock."""
        return self.equipment.clock.monotonic_ms()

    def wall(self):
        # type: () -> int
        """The wall clock."""
        return self.equipment.clock.wall()

    def log(self, message):
        # type: (str) -> None
        """Writes a line of the log."""
        self.equipment.log.line(message)

    def publish(self, name):
        # type: (str) -> None
        """Publishes a job after a change; the end of one that is known already once it is known whether its collection
        has ended.
        """
        state, views = self.jobs.get(name), self.equipment.views
        if state is None or not views.shows_active(name) or not self.is_being_stopped(state):
            views.publish(name, state)

    def outstanding(self, state):
        # type: (JobState) -> list[DiskKey]
        """The disks of an ended job of which it is not certain that their collection has ended."""
        held = self.held()
        ours = [key for key in state.all_disks() if key in self.disks and key not in held]
        return [key for key in ours if self.disks[key].state not in ("off", "foreign")]

    def is_being_stopped(self, state):
        # type: (JobState) -> bool
        """The switch is at the first attempt to stop what an ended job has left."""
        # A job that ended under an earlier agent keeps nobody waiting.
        is_recent = state.ended_ms is not None and self.now_ms() - state.ended_ms < ANSWER_MS
        if state.is_active() or not is_recent:
            return False
        return any(self.disks[key].is_pending() for key in self.outstanding(state))

    def active(self):
        # type: () -> list[JobState]
        """The jobs that have not ended, by name."""
        return [state for _, state in sorted(self.jobs.items()) if state.is_active()]

    def held(self):
        # type: () -> set[DiskKey]
        """The disks of the jobs that have not ended."""
        return {key for state in self.active() for key in state.disks()}

    def list_vms(self):
        # type: () -> Listing
        """Lists what runs; raises `HostError`."""
        listing = self.equipment.host.list_vms()
        self.listing = (self.now_ms(), listing)
        return listing

    def volumes(self):
        # type: () -> list[Volume] | None
        """Labels and UUIDs of the volumes, asked once; a volume mounted later is found by its UUID all the same."""
        if self._volumes is None:
            try:
                self._volumes = volumes(self.equipment.host)
            except HostError:
                return None
        return self._volumes
