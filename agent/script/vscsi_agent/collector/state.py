"""All state of the collector, and the small questions about it that every other room asks."""

from ..fault import fault_point
from ..host.drive import HostError
from ..host.inventory import volumes
from ..host.unlisted import Unlisted
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
    from .extend import Tended
    from .jobstate import JobState
    from .later import Later
    from .schedulefile import Schedules

# How long something that failed rests before it is tried again, milliseconds.
RETRY_MS = 10 * 1000


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
        # Somebody else's collections that our jobs use.
        self.foreign = set()  # type: set[DiskKey]
        # The last order for each disk.
        self.orders = {}  # type: dict[DiskKey, int]
        # How the collections are kept running.
        self.tended = {}  # type: dict[DiskKey, Tended]
        # Requests whose outcome the switch decides.
        self.later = []  # type: list[Later]
        # Requests that wait for a switch.
        self.waiting = []  # type: list[Asked]
        # Disks of the switch that the last listing lacked.
        self.unlisted = Unlisted()
        # When to write again what could not be written, monotonic milliseconds.
        self.save_again_ms = 0
        # The last listing and when it was taken.
        self.listing = None  # type: tuple[int, Listing] | None
        self._volumes = None  # type: list[Volume] | None

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
        """Publishes a job after a change, unless its end is not to be seen yet."""
        state = self.jobs.get(name)
        if state is None or state.hidden_until_ms is None:
            self.equipment.views.publish(name, state)

    def order(self, word, disk):
        # type: (str, DiskKey) -> int
        """Asks the switch for something."""
        fault_point("order-before")
        self.orders[disk] = self.switch.order(word, disk)
        fault_point("order-after")
        return self.orders[disk]

    def is_answered(self, disk):
        # type: (DiskKey) -> bool
        """The switch has done the last order for the disk, or has failed to."""
        return self.switch.is_answered(disk, self.orders.get(disk, 0))

    def active(self):
        # type: () -> list[JobState]
        """The jobs that have not ended, by name."""
        return [state for _, state in sorted(self.jobs.items()) if state.is_active()]

    def users(self, disk):
        # type: (DiskKey) -> list[JobState]
        """The jobs that have not ended and use the disk."""
        return [state for state in self.active() if disk in state.disks()]

    def used(self):
        # type: () -> list[DiskKey]
        """The disks whose collection a job has been given, or waits for."""
        return sorted({disk for state in self.active() if state.phase != "looking" for disk in state.disks()})

    def is_collected(self, disk):
        # type: (DiskKey) -> bool
        """Its collection was started, by us or by somebody else, and is not being stopped."""
        return disk in self.foreign or self.switch.disk(disk).state in ("entering", "starting", "on", "failed")

    def note_to_users(self, disk, message):
        # type: (DiskKey, str) -> None
        """Has the jobs of a disk say something."""
        for state in self.users(disk):
            state.note(self.wall(), None, message)
            self.publish(state.name)

    def list_vms(self):
        # type: () -> Listing
        """Lists what runs, and notes which disks of the switch do not any more; raises `HostError`."""
        listing = self.equipment.host.list_vms()
        now_ms = self.now_ms()
        self.unlisted.take_in(listing, now_ms, self.switch.named())
        self.listing = (now_ms, listing)
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
