"""The process of the switch: its pipe, its lock, its disks and their commands, in one loop."""

import os
import signal

from .. import files, jsonfile, lock, secret
from ..clock import Clock
from ..command import Programs, RunError, Spec
from ..command.run import OUTPUT_LIMIT, SHORT_DEADLINE
from ..fault import fault_point
from ..files import reason
from ..host.unlisted import Unlisted
from ..identifier import DiskKey, number
from ..log import Log
from ..pipe import Inbox, Outbox
from ..reading.listing import listing
from ..waking import Waker
from . import disk as states
from . import journal, succession
from .children import Child
from .disk import Disk
from .journal import Journal
from .succession import Passing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..options import Options

# How often the switch says that it lives, milliseconds.
ALIVE_EVERY_MS = 1000

# How long the collector may say nothing, counted in time in which the switch ran itself, milliseconds.
LATE_MS = 30 * 1000

# A longer pause was no time in which it ran: the host was suspended, or stood still.
LONGEST_STEP_MS = 2000

# How often it looks for the lock or a handover, milliseconds.
LOOK_EVERY_MS = 20

# How long an unreadable journal rests before it is read again, milliseconds.
READ_AGAIN_MS = 1000


def run(options):
    # type: (Options) -> None
    """Serves the collector at the other end of standard input and output, and outlives it as long as is needed."""
    os.umask(0o077)
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # A hand at the terminal means the collector, which tells its switch what to do.
        signal.signal(ignored, signal.SIG_IGN)
    Switch(options).run()


class Switch(object):
    """Everything the switch knows."""

    def __init__(self, options):
        # type: (Options) -> None
        self._state_directory = options.state_directory
        self._programs = Programs(options.host_root)
        self._clock = Clock()
        self._log = Log(self._state_directory, self._clock, False)
        self._waker = Waker()
        self._inbox = Inbox(0)
        self._outbox = Outbox(1)
        self._start = options.start or secret.hexadecimal(16)
        self._journal = Journal(self._state_directory, self._waker.wake)
        self._disks = {}  # type: dict[DiskKey, Disk]
        self._children = []  # type: list[Child]
        self._unlisted = Unlisted()
        self._lock = None  # type: lock.Lock | None
        # Who is to have the lock, whether the journal says so, and the lock on its way.
        self._heir = None  # type: str | None
        self._heir_is_written = False
        self._passing = None  # type: Passing | None
        self._yielded_to = ""
        self._boot_id = ""
        self._boot_over = ""
        self._may_take = False
        self._looks_at_ms = 0
        self._is_gone = False
        self._is_late = False
        self._is_ending = False
        self._running = set()  # type: set[int]
        self._quiet_ms = 0
        self._said_ms = 0
        self._step_ms = self._clock.monotonic_ms()
        self._told_problem = ""
        # What was wrong with the journal that was found.
        self._damage = ""
        self._entries = []  # type: list[dict]
        self._is_whole = False
        self._is_ready = False
        self._has_exited = False

    def run(self):
        # type: () -> None
        """The loop."""
        self._outbox.say("hello", os.getpid(), self._start)
        while not self._has_exited:
            now_ms = self._clock.monotonic_ms()
            ready = self._waker.wait(self._descriptors(), self._next_ms(now_ms) - now_ms)
            for child in self._children:
                for descriptor in child.descriptors():
                    if descriptor in ready:
                        child.read(descriptor)
            if self._inbox.descriptor in ready:
                self._hear()
            self._step()
        self._outbox.close()
        self._outbox.flush(1.0)

    def _descriptors(self):
        # type: () -> list[int]
        found = [descriptor for child in self._children for descriptor in child.descriptors()]
        return found if self._inbox.has_ended else found + [self._inbox.descriptor]

    def _next_ms(self, now_ms):
        # type: (int) -> int
        """When to look around although nothing happens."""
        moments = [self._said_ms + ALIVE_EVERY_MS]
        if self._lock is None:
            moments.append(max(self._looks_at_ms, now_ms + LOOK_EVERY_MS))
        moments.extend(child.next_ms(now_ms) for child in self._children)
        if self._lock is not None and self._heir is None:
            moments.extend(moment for moment in (disk.next_ms() for disk in self._disks.values()) if moment is not None)
        return min(moments)

    # What the collector says.

    def _hear(self):
        # type: () -> None
        lines = self._inbox.read()
        if lines:
            self._quiet_ms, self._is_late = 0, False
        for words in lines:
            self._obey(words)
        if self._inbox.has_ended:
            self._looks_at_ms = 0
            self._lose_collector("the collector is gone; its switch stops what it has started")

    def _obey(self, words):
        # type: (list[str]) -> None
        word, arguments = words[0], words[1:]
        if word in _ORDERS and len(arguments) == 3:
            numbers = [number(argument, 64) for argument in arguments]
            if self._lock is not None and None not in numbers:
                order, group, handle = (int(argument) for argument in arguments)
                self._order(word, order, DiskKey(group, handle))
        elif word == "take" and len(arguments) == 2:
            self._boot_id, self._boot_over = arguments
            self._may_take = True
        elif word == "all":
            for disk in self._disks.values():
                if not disk.claimed:
                    disk.abandon()
        elif word in ("run", "done") and len(arguments) == 1 and number(arguments[0], 31):
            change = self._running.add if word == "run" else self._running.discard
            change(int(arguments[0]))
        elif word == "handover" and len(arguments) == 1 and self._lock is not None:
            self._heir, self._heir_is_written = arguments[0], False
        elif word == "end":
            self._is_ending = True
            self._abandon()

    def _order(self, word, order, key):
        # type: (str, int, DiskKey) -> None
        disk = self._disks.setdefault(key, Disk(key))
        now_ms = self._clock.monotonic_ms()
        if word == "want":
            disk.want(order, now_ms)
        elif word == "again":
            disk.again(order, now_ms)
        elif word == "restart":
            disk.restart(order, now_ms)
        elif word == "foreign":
            disk.foreign(order)
        elif word == "keep":
            disk.keep(order)
        else:
            disk.drop(order)

    def _lose_collector(self, why):
        # type: (str) -> None
        """Stops everything that a user has not asked to keep, and what the collector had running."""
        if self._lock is not None and any(disk.state not in (states.KEPT, states.OFF) for disk in self._disks.values()):
            self._log.line(why)
        self._is_gone = self._is_gone or self._inbox.has_ended
        for process in self._running:
            try:
                os.killpg(process, signal.SIGKILL)
            except OSError:
                # It has mostly ended with its work by now.
                pass
        self._running.clear()
        if self._heir is not None:
            self._heir = None
            self._write(None)
        self._abandon()

    def _abandon(self):
        # type: () -> None
        for disk in self._disks.values():
            disk.abandon()

    # The loop's one step.

    def _step(self):
        # type: () -> None
        now_ms = self._clock.monotonic_ms()
        self._beat(now_ms)
        self._end_children(now_ms)
        if self._lock is None:
            if now_ms >= self._looks_at_ms:
                self._looks_at_ms = now_ms + LOOK_EVERY_MS
                if self._passing is not None:
                    self._watch(self._passing, now_ms)
                else:
                    self._look_for_lock(now_ms)
        else:
            self._journal.try_again(now_ms)
            if self._is_gone and self._heir is None:
                self._look_for_heir()
            if self._heir is not None:
                self._pass_on(self._heir, now_ms)
            else:
                self._work(now_ms)
                self._say_ready()
        self._tell()
        if (self._is_gone or self._is_ending) and self._is_done():
            self._has_exited = True

    def _beat(self, now_ms):
        # type: (int) -> None
        self._quiet_ms += min(max(now_ms - self._step_ms, 0), LONGEST_STEP_MS)
        self._step_ms = now_ms
        if now_ms - self._said_ms >= ALIVE_EVERY_MS:
            self._said_ms = now_ms
            self._outbox.say("alive")
        silent = self._quiet_ms >= LATE_MS or self._outbox.is_broken
        if silent and not self._is_late and not self._is_gone:
            self._is_late = True
            # Without the lock it has nothing to go on with for a collector that thaws, which starts another switch.
            self._is_gone = self._lock is None and self._passing is None
            # It ends when it has looked, and not before.
            self._looks_at_ms = 0 if self._is_gone else self._looks_at_ms
            self._lose_collector("the collector says nothing any more; its switch stops what it has started")

    def _work(self, now_ms):
        # type: (int) -> None
        self._note()
        for disk in list(self._disks.values()):
            command = disk.advance(now_ms, self._journal)
            if command == states.KILL:
                for child in self._children:
                    if child.disk is disk and not child.is_given_up:
                        child.kill(now_ms)
            elif command is not None:
                self._run(disk, command, now_ms)
        self._note()

    def _run(self, disk, command, now_ms):
        # type: (Disk, str, int) -> None
        problem = self._spawn(disk, command, _arguments(command, disk.key), now_ms)
        if problem is not None and disk.ended(problem, True, now_ms):
            self._list(now_ms)

    def _spawn(self, disk, command, arguments, now_ms):
        # type: (Disk | None, str, list[str], int) -> str | None
        """Starts a command; gives why it could not be started."""
        path = self._programs.find("vscsiStats")
        if path is None:
            return "this host has no vscsiStats"
        fault_point("switch-before-command")
        try:
            child = Child(Spec(path, arguments, SHORT_DEADLINE, OUTPUT_LIMIT), disk, command, now_ms)
        except RunError as error:
            return str(error)
        fault_point("switch-after-command")
        self._children.append(child)
        self._outbox.say("run", child.pid)
        return None

    def _list(self, now_ms):
        # type: (int) -> None
        """Asks which disks there are, unless somebody is asking already."""
        if any(child.disk is None for child in self._children):
            return
        if self._spawn(None, "-l", ["-l"], now_ms) is not None:
            for disk in self._disks.values():
                disk.is_there()

    def _end_children(self, now_ms):
        # type: (int) -> None
        for child in list(self._children):
            if child.has_ended(now_ms):
                self._children.remove(child)
                child.close()
                self._outbox.say("done", child.pid)
                if child.disk is None:
                    self._take_listing(child, now_ms)
                elif child.is_given_up:
                    child.disk.end_seen(child.command, now_ms)
                else:
                    self._ended(child.disk, child, True, now_ms)
            elif child.is_unseen(now_ms):
                child.is_given_up = True
                if child.disk is not None:
                    self._ended(child.disk, child, False, now_ms)

    def _ended(self, disk, child, is_seen, now_ms):
        # type: (Disk, Child, bool, int) -> None
        complaint = child.output().complaint() if is_seen else "did not end before its deadline and was killed"
        problem = None
        if complaint is not None:
            problem = "`vscsiStats {}` {}".format(" ".join(_arguments(child.command, disk.key)), complaint)
        if disk.ended(problem, is_seen, now_ms):
            self._log.line("cannot stop {}: {}".format(disk.key, problem))
            self._list(now_ms)
        elif disk.state == states.OFF:
            self._log.line("stopped the collection of {}".format(disk.key))

    def _take_listing(self, child, now_ms):
        # type: (Child, int) -> None
        output = child.output()
        stopping = [(key, disk) for key, disk in sorted(self._disks.items()) if disk.state == states.STOPPING]
        if output.complaint() is None:
            self._unlisted.take_in(listing(output.stdout), now_ms, [key for key, _ in stopping])
        for key, disk in stopping:
            if output.complaint() is not None or key not in self._unlisted:
                disk.is_there()
                continue
            disk.is_missing(self._unlisted.is_certainly_gone(key), now_ms)
            if disk.state == states.OFF:
                self._log.line("{} is gone, and its collection with it".format(key))

    # The journal.

    def _note(self):
        # type: () -> None
        """Has the journal say what has changed about the disks."""
        named = [disk for _, disk in sorted(self._disks.items()) if disk.is_named()]
        entries = [disk.entry() for disk in named]
        if entries == self._entries:
            return
        before, self._entries = self._entries, entries
        version = self._write(None)
        for disk, entry in zip(named, entries):
            if entry not in before:
                disk.version = version

    def _write(self, heir):
        # type: (str | None) -> int
        return self._journal.write(
            {
                "boot_id": self._boot_id,
                "switch": {"process": os.getpid(), "start": self._start},
                "handover": None if heir is None else {"to": heir, "whole": not self._is_gone},
                "armed": self._entries,
            }
        )

    def _tell(self):
        # type: () -> None
        now_ms = self._clock.monotonic_ms()
        for key, disk in sorted(self._disks.items()):
            if disk.changed:
                disk.changed = False
                age = 0 if disk.succeeded_ms is None else max(now_ms - disk.succeeded_ms, 1)
                words = [disk.state, age, disk.order] + ([disk.reason] if disk.reason else [])
                self._outbox.say("disk", key.world_group_id, key.handle_id, *words)
            if disk.state == states.OFF and disk.command is None:
                del self._disks[key]
        unwritten = self._journal.problem()
        problem = self._damage or "ok"
        if unwritten is not None:
            problem = "cannot write the journal: {}; it is tried again".format(unwritten)
        if self._lock is not None and problem != self._told_problem:
            self._told_problem = problem
            self._outbox.say("journal", problem)

    # The lock.

    def _look_for_lock(self, now_ms):
        # type: (int) -> None
        """Takes the lock when it was handed over to this switch, or when it may be taken by whoever finds it free.

        Without a collector it may, unless it is just passed on: the switch before may have died with the collector.
        """
        if self._is_ending:
            return
        try:
            handover = journal.read(self._state_directory)["handover"]
        except (OSError, jsonfile.Unreadable):
            handover = None
        is_for_us = handover is not None and handover["to"] == self._start
        if not (handover is None if self._is_gone else is_for_us or self._may_take):
            return
        held = lock.take(self._state_directory, succession.LOCK)
        if held is None:
            is_asking = self._may_take and not is_for_us and not self._is_gone
            if is_asking and succession.announced(self._state_directory) is None:
                self._announce()
            return
        try:
            self._begin(self._read(), now_ms)
            self._lock = held
            if self._is_gone:
                self._abandon()
        except OSError as error:
            held.release()
            self._looks_at_ms = now_ms + READ_AGAIN_MS
            self._told_problem = "the journal cannot be read: {}".format(reason(error))
            self._outbox.say("journal", self._told_problem)

    def _announce(self):
        # type: () -> None
        try:
            succession.announce(self._state_directory, os.getpid(), self._start)
        except OSError:
            # Who holds the lock ends by itself all the same.
            pass

    def _read(self):
        # type: () -> dict
        """The journal; one that cannot be understood is set aside: what it named ends by itself."""
        try:
            return journal.read(self._state_directory)
        except jsonfile.Unreadable as error:
            aside = files.set_aside(journal.path(self._state_directory))
            self._damage = "the journal was damaged and set aside as {}: {}".format(aside, error)
            self._log.line(self._damage)
            return journal.read(self._state_directory)

    def _begin(self, content, now_ms):
        # type: (dict, int) -> None
        """Takes in what the journal names, and says so."""
        handover = content["handover"]
        is_whole = handover is not None and handover["to"] == self._start and handover["whole"]
        self._journal.found(content)
        is_over = self._boot_over != "-" and content["boot_id"] == self._boot_over
        if is_over and content["armed"]:
            self._log.line("the host was rebooted: nothing in the journal is running any more")
        for entry in content["armed"]:
            key = journal.key_of(entry)
            disk = Disk(key)
            disk.found(entry, is_whole, now_ms)
            if not is_over and not disk.is_over(now_ms):
                self._disks[key] = disk
        self._boot_id = self._boot_id or content["boot_id"]
        self._entries = [disk.entry() for _, disk in sorted(self._disks.items())]
        self._is_whole, self._is_ready = is_whole, False
        self._write(None)
        succession.withdraw(self._state_directory, self._start)

    def _say_ready(self):
        # type: () -> None
        """A lock that was handed over is this switch's once the journal says so: until then it may go back."""
        if self._is_ready:
            return
        problem = self._journal.problem()
        if self._is_whole and not self._journal.is_durable(self._journal.version):
            if problem is not None and self._lock is not None:
                self._log.line("cannot take over: cannot write the journal: {}".format(problem))
                self._lock.release()
                self._lock, self._disks = None, {}
                self._has_exited = True
            return
        self._is_ready = True
        self._tell()
        self._outbox.say("ready", "whole" if self._is_whole else "alone")

    def _pass_on(self, heir, now_ms):
        # type: (str, int) -> None
        """Lets the commands end, says in the journal what came of them and who follows, and releases the lock."""
        if self._has_commands():
            return
        if not self._heir_is_written:
            # Between the two commands of a restart nothing is collected.
            self._note()
        if not self._journal.is_settled():
            return
        by_order = not self._is_gone
        if by_order and not self._heir_is_written:
            self._heir_is_written = True
            self._write(heir)
            return
        problem = self._journal.problem()
        if problem is not None or self._lock is None:
            self._remain(heir, "cannot write the journal: {}".format(problem))
            return
        self._passing = Passing(self._state_directory, heir, by_order, now_ms)
        self._lock.release()
        self._lock, self._heir = None, None
        self._looks_at_ms = now_ms

    def _remain(self, heir, why):
        # type: (str, str) -> None
        """Everything is as before."""
        self._passing, self._heir = None, None
        self._yielded_to = heir
        self._write(None)
        if self._is_gone:
            self._abandon()
        else:
            self._outbox.say("remains", why)

    def _watch(self, passing, now_ms):
        # type: (Passing, int) -> None
        """Exits when the successor stands in the journal, and goes on when it does not come to stand there."""
        if passing.has_arrived():
            self._outbox.say("passed", passing.start)
            self._has_exited = True
            return
        self._lock = passing.taken_back(now_ms)
        if self._lock is not None:
            self._remain(passing.start, "the successor did not take over")

    def _look_for_heir(self):
        # type: () -> None
        """Without a collector, yields to whoever waits for the lock, once."""
        waiting = succession.announced(self._state_directory)
        if waiting is not None and waiting["start"] not in (self._start, self._yielded_to):
            self._heir = waiting["start"]

    def _has_commands(self):
        # type: () -> bool
        return any(not child.is_given_up for child in self._children)

    def _is_done(self):
        # type: () -> bool
        """Nothing is left that this switch has to stop."""
        if self._passing is not None or self._has_commands():
            return False
        if self._lock is None:
            return True
        is_busy = any(disk.state not in (states.KEPT, states.OFF) for disk in self._disks.values())
        return not is_busy and self._journal.is_settled()


_ORDERS = ("want", "again", "restart", "foreign", "drop", "keep")


def _arguments(command, key):
    # type: (str, DiskKey) -> list[str]
    return [command, "-w", str(key.world_group_id), "-i", str(key.handle_id)]
