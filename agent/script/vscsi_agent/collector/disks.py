"""The disks as the collector knows them: what the switch last said of each, and what was asked of it.

One map, and no state of its own: the states are the switch's. The collector compares them with what its jobs need and
asks for the difference, so that whatever made them differ, the end of a job, a failure, a switch or a host that stood
still, is mended in the same way.
"""

from ..fault import fault_point
from ..switch.client import Told
from .decide import LAPSED_MS, DiskFact, order_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable

    from ..identifier import DiskKey
    from ..switch.client import Report
    from .state import Collector

# How long a failed `-s` rests before it is tried again, milliseconds.
RETRY_MS = 10 * 1000

# How long the collector itself waits for the switch where it cannot go on without: as long as a command takes that does
# not hang, milliseconds.
AWAIT_MS = 1000

# Whether a successor is to have everything: nobody asks; the switch was told, and nothing is asked of it until it
# answers; the successor has it.
NOT_PASSING, PASSING, PASSED = "no", "asked", "passed"


class Disk(object):
    """What is known of a disk."""

    def __init__(self, now_ms):
        # type: (int) -> None
        self.state = "off"
        # Our clock at the last `-s` that succeeded, monotonic milliseconds.
        self.armed_ms = None  # type: int | None
        self.reason = None  # type: str | None
        # The last order, the last that was done or has failed, and the last that a print has waited for.
        self.asked = 0
        self.done = 0
        self.awaited = 0
        self.asked_what = ""
        # Nothing is asked for before this moment, because it has just failed.
        self.not_before_ms = 0
        # It was said since the switch was lost.
        self.is_current = True
        # What was counted at the last print, and when.
        self.counted = None  # type: tuple[int, int] | None
        # When its counters were last seen to have moved, and how often `-s` was asked for since.
        self.moved_ms = now_ms
        self.restarts_while_still = 0
        # A look at a foreign collection: what was counted, and when.
        self.looked = None  # type: tuple[int, int] | None
        self.look_again_ms = 0

    def is_pending(self):
        # type: () -> bool
        """An order is on its way."""
        return self.asked > self.done

    def runs(self):
        # type: () -> bool
        """Its collection runs, as far as is known."""
        return self.state in ("on", "foreign")

    def counts_on(self, in_restart_mode):
        # type: (bool) -> bool
        """Its counters run on from the print before: in restart mode only where the restart has failed."""
        return not in_restart_mode or self.reason is not None

    def take_in(self, told, now_ms):
        # type: (Told, int) -> None
        """Takes in what the switch says of it."""
        self.state = told.state
        self.done = max(told.done, self.done)
        self.reason = told.reason
        self.is_current = True
        if told.state == "on":
            self.armed_ms = now_ms - told.age_ms
        elif told.state not in ("foreign", "entering", "starting"):
            # While a command is on its way the one before counts, and of somebody else's collection the switch knows
            # when it extended it last.
            self.armed_ms = None


def hear(collector):
    # type: (Collector) -> bool
    """Takes in what the switch has said; whether it has said anything."""
    reports = collector.switch.hear()
    for report in reports:
        _take_report(collector, report)
    return bool(reports)


def _take_report(collector, report):
    # type: (Collector, Report) -> None
    views = collector.equipment.views
    if report.word == "disk" and report.disk is not None and report.told is not None:
        _take_disk(collector, report.disk, report.told)
    elif report.word == "ready":
        collector.log("the switch took over from its predecessor" if report.is_whole else "the switch is ready")
        collector.was_handed_over = report.is_whole
        _become_ready(collector, report.is_whole)
    elif report.word == "journal":
        views.set_problem("journal.json", report.reason)
    elif report.word == "passed":
        collector.passing = PASSED
    elif report.word == "remains":
        collector.log("the successor did not take over: {}".format(report.reason))
        collector.passing = NOT_PASSING
    elif report.word == "lost":
        collector.is_ready, collector.passing = False, NOT_PASSING
        views.set_problem("switch", report.reason)
        for disk in collector.disks.values():
            disk.done = disk.asked
            disk.is_current = False


def _take_disk(collector, key, told):
    # type: (Collector, DiskKey, Told) -> None
    now_ms = collector.now_ms()
    disk = collector.disks.setdefault(key, Disk(now_ms))
    state_before, was_pending = disk.state, disk.is_pending()
    age_ms = 0 if disk.armed_ms is None else now_ms - disk.armed_ms
    disk.take_in(told, now_ms)
    is_answered = was_pending and not disk.is_pending()
    if disk.state == "foreign" and disk.asked_what == "again" and is_answered and told.reason is None:
        disk.armed_ms = now_ms
    if is_answered and told.reason is not None and disk.asked_what in ("want", "again"):
        disk.not_before_ms = now_ms + RETRY_MS
        message = "the collection of {} was not started: {}".format(key, told.reason)
        collector.log(message)
        _note_to_users(collector, key, message)
    elif is_answered and disk.asked_what == "again" and age_ms >= LAPSED_MS:
        _lose(collector, key, "the agent or the host was not running for so long that it ended by itself")
    elif state_before == "on" and told.state in ("off", "stopping") and key in _needed(collector):
        _lose(collector, key, "it was stopped because the agent did not answer, or has ended by itself")
    if state_before != "on" and told.state == "on" and disk.asked_what == "want" and is_answered:
        _begin_anew(collector, key)
    if told.state == "off" and not disk.is_pending() and key not in collector.held():
        del collector.disks[key]


def _become_ready(collector, is_whole):
    # type: (Collector, bool) -> None
    collector.is_ready = True
    collector.equipment.views.set_problem("switch", None)
    for key, disk in sorted(collector.disks.items()):
        if disk.is_current:
            continue
        if disk.state == "foreign":
            disk.is_current = True
            ask(collector, key, "foreign")
        elif key in _needed(collector):
            _take_disk(collector, key, Told("off", 0, 0, None))
        else:
            del collector.disks[key]
    # After a handover it is not known before the spool was read what is needed.
    if collector.is_recovered or not is_whole:
        claim(collector)


def claim(collector):
    # type: (Collector) -> None
    """Says what is needed of what the switch has found in the journal, and that there is nothing else."""
    for key, disk in sorted(collector.disks.items()):
        if disk.state in ("on", "failed") and not disk.is_pending() and key in collector.held():
            ask(collector, key, "want")
    collector.switch.stop_unclaimed()


def give_orders(collector):
    # type: (Collector) -> None
    """Asks the switch for everything that differs from what jobs need, which is not known before it was recovered what
    becomes of each.
    """
    if not collector.is_ready or not collector.is_recovered or collector.passing != NOT_PASSING:
        return
    now_ms = collector.now_ms()
    for fact in facts(collector):
        word = order_for(now_ms, fact)
        if word is not None:
            ask(collector, fact.disk, word)


def ask(collector, key, word):
    # type: (Collector, DiskKey, str) -> None
    """Asks for something and does not wait for it."""
    collector.orders += 1
    disk = collector.disks.setdefault(key, Disk(collector.now_ms()))
    disk.asked, disk.asked_what, disk.reason = collector.orders, word, None
    fault_point("order-before")
    collector.switch.order(word, collector.orders, key)
    fault_point("order-after")


def await_orders(collector, keys, at_most_ms):
    # type: (Collector, Iterable[DiskKey], int) -> None
    """Waits until the orders for these disks are done or have failed, within reason: a command that hangs holds nobody
    up for longer than this.
    """

    def are_done():
        # type: () -> bool
        disks = [collector.disks.get(key) for key in keys]
        return not any(disk is not None and disk.is_pending() for disk in disks)

    await_switch(collector, at_most_ms, are_done)


def await_commands(collector, keys, at_most_ms):
    # type: (Collector, Iterable[DiskKey], int) -> None
    """Waits for what is on its way on these disks before they are printed, once for each order: a print beside a `-s`
    may show the counters before it or after it.
    """
    pending = []
    for key in keys:
        disk = collector.disks.get(key)
        if disk is not None and disk.is_pending() and disk.awaited < disk.asked:
            disk.awaited = disk.asked
            pending.append(key)
    await_orders(collector, pending, at_most_ms)


def await_switch(collector, at_most_ms, is_enough):
    # type: (Collector, int, Callable[[], bool]) -> None
    """Hears the switch until it has said enough, but not for longer than this."""
    until_ms = collector.now_ms() + at_most_ms
    while True:
        hear(collector)
        left_ms = until_ms - collector.now_ms()
        if is_enough() or left_ms <= 0:
            return
        collector.switch.wait(min(left_ms, 1000))


def facts(collector):
    # type: (Collector) -> list[DiskFact]
    """The facts of every disk, for the pure decisions."""
    next_prints = {}  # type: dict[DiskKey, int]
    for state in collector.active():
        grid = state.grid()
        if grid is None or state.phase != "sampling":
            continue
        due_ms = grid.due_ms(state.next)
        for key in state.disks():
            next_prints[key] = min(due_ms, next_prints.get(key, due_ms))
    needed, held = _needed(collector), collector.held()
    found = []
    for key, disk in sorted(collector.disks.items()):
        fact = DiskFact(key, disk.state)
        fact.is_pending = disk.is_pending()
        fact.is_needed, fact.is_held = key in needed, key in held
        fact.armed_ms, fact.not_before_ms = disk.armed_ms, disk.not_before_ms
        fact.printed_ms = None if disk.counted is None else disk.counted[1]
        fact.next_print_ms, fact.look_again_ms = next_prints.get(key), disk.look_again_ms
        found.append(fact)
    return found


def _needed(collector):
    # type: (Collector) -> set[DiskKey]
    """The disks of the jobs that have begun to collect, or are about to."""
    return {key for state in collector.active() if state.needs_collection() for key in state.disks()}


def is_armed(collector, key):
    # type: (Collector, DiskKey) -> bool
    """Its collection was started, by us or by somebody else."""
    disk = collector.disks.get(key)
    return disk is not None and (disk.state != "off" or disk.is_pending())


def is_foreign(collector, key):
    # type: (Collector, DiskKey) -> bool
    """It is somebody else's."""
    disk = collector.disks.get(key)
    if disk is None:
        return False
    return disk.state == "foreign" or (disk.is_pending() and disk.asked_what == "foreign")


def _lose(collector, key, how):
    # type: (Collector, DiskKey, str) -> None
    """The collection of a disk did not run on: its counters begin anew."""
    message = "the collection of {} did not run on: {}; counters start from zero".format(key, how)
    collector.log(message)
    _note_to_users(collector, key, message)
    _begin_anew(collector, key)


def _begin_anew(collector, key):
    # type: (Collector, DiskKey) -> None
    """What was not collected for a while lies between the last snapshots of a disk and the next."""
    for state in collector.jobs.values():
        if state.phase == "sampling" and key in state.disks():
            state.flags.add("new_baseline")


def _note_to_users(collector, key, message):
    # type: (Collector, DiskKey, str) -> None
    """Has the jobs of a disk say something."""
    for state in collector.active():
        if state.phase == "sampling" and key in state.disks():
            state.note(collector.wall(), None, message)
            collector.publish(state.name)
