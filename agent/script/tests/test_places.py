import os
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from vscsi_agent import files, lock, running
from vscsi_agent.boot import Boot
from vscsi_agent.command import RunError, Runner, Spec
from vscsi_agent.host.unlisted import Unlisted
from vscsi_agent.http.places import FRIENDS, PATIENCE, STRANGERS, Places
from vscsi_agent.identifier import DiskKey
from vscsi_agent.moment import SECOND
from vscsi_agent.options import Options, UsageError
from vscsi_agent.reading.listing import Listing
from vscsi_agent.spool import Spool, SpoolError


class Directory(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self.path = self._directory.name

    def tearDown(self):
        self._directory.cleanup()

    def at(self, *names):
        return os.path.join(self.path, *names)


class Files(Directory):
    def test_a_file_is_its_owners_alone_and_replaces_the_old_one(self):
        files.write_atomically(self.at("f"), b"old")
        files.write_atomically(self.at("f"), b"new")
        self.assertEqual(files.read_if_there(self.at("f"), 100), b"new")
        self.assertEqual(stat.S_IMODE(os.stat(self.at("f")).st_mode), 0o600)

    def test_a_failed_write_leaves_the_old_content_and_no_rest(self):
        os.mkdir(self.at("f"))
        with self.assertRaises(OSError):
            files.write_atomically(self.at("f"), b"new")
        self.assertEqual(os.listdir(self.path), ["f"])

    def test_a_directory_that_cannot_be_synced_is_no_failure(self):
        # procfs has no fsync: the kernel answers EINVAL, as file systems of hosts may.
        files.SyncSupport.missing = None
        files.sync_directory("/proc/self")
        self.assertIsNotNone(files.SyncSupport.missing)

    def test_names_that_are_not_ascii_are_found_whatever_the_locale_is(self):
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]); from vscsi_agent import files; "
            "files.write_atomically(sys.argv[2] + '/Gr\\u00f6\\u00dfe', b'x')"
        )
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        words = [sys.executable, "-BEs", "-c", program, here, self.path]
        subprocess.check_output(words, env={"LC_ALL": "C"})
        self.assertEqual(os.listdir(os.fsencode(self.path)), ["Gr\u00f6\u00dfe".encode("utf-8")])

    def test_a_tree_is_removed_and_no_link_is_followed(self):
        os.makedirs(self.at("tree", "below"))
        os.mkdir(self.at("other"))
        files.write_atomically(self.at("other", "kept"), b"")
        os.symlink(self.at("other"), self.at("tree", "link"))
        files.remove_tree(self.at("tree"))
        self.assertEqual(os.listdir(self.path), ["other"])
        self.assertTrue(os.path.exists(self.at("other", "kept")))


class Locks(Directory):
    def test_a_lock_is_held_by_one_and_released_with_its_holder(self):
        held = lock.take(self.path, "l")
        self.assertIsNone(lock.take(self.path, "l"))
        held.release()
        lock.take(self.path, "l").release()

    def test_an_agent_is_found_while_it_lives_and_its_file_alone_is_no_agent(self):
        options = Options(["/x/vscsi-agent", "serve", "--state-dir", self.path, "--host-root", self.path])
        announced = running.announce(options, 4711, "secret")
        self.assertEqual(running.load(options)["port"], 4711)
        content = files.read_if_there(self.at("running.json"), 1000)
        announced.withdraw()
        self.assertIsNone(running.load(options))
        files.write_atomically(self.at("running.json"), content)
        self.assertIsNone(running.load(options))

    def test_an_agent_whose_volume_takes_nothing_is_found_below_var_run(self):
        os.makedirs(self.at("var", "run"))
        os.makedirs(self.at("state", "running.json"))
        options = Options(["/x/a", "serve", "--state-dir", self.at("state"), "--host-root", self.path])
        announced = running.announce(options, 4711, "secret")
        self.assertEqual(running.load(options)["port"], 4711)
        announced.withdraw()
        self.assertEqual(os.listdir(self.at("var", "run")), [])


class Clocks(object):
    """Two clocks that a test moves."""

    def __init__(self):
        self.wall_s, self.up_ms = 1000000, 500000

    def wall(self):
        return self.wall_s * SECOND

    def monotonic_ms(self):
        return self.up_ms

    def after(self, wall_s, up_ms):
        self.wall_s += wall_s
        self.up_ms += up_ms
        return self


class Boots(Directory):
    def recognised(self, clocks):
        boot = Boot(self.at("state"), self.path, clocks)
        boot.note()
        return boot

    def setUp(self):
        Directory.setUp(self)
        os.mkdir(self.at("state"))
        self.clocks = Clocks()
        self.first = self.recognised(self.clocks)

    def lose_marker(self):
        os.remove(self.at("var", "run", "vscsi-agent.boot"))

    def test_the_same_boot_has_the_same_name(self):
        again = self.recognised(self.clocks.after(60, 60000))
        self.assertEqual((again.id, again.clocks_agree), (self.first.id, True))

    def test_a_lost_marker_and_a_clock_that_began_anew_are_a_reboot(self):
        self.lose_marker()
        again = self.recognised(self.clocks.after(600, -490000))
        self.assertNotEqual(again.id, self.first.id)
        self.assertTrue(again.is_after(self.first.id))

    def test_neither_a_lost_marker_nor_a_clock_proves_a_reboot_alone(self):
        self.lose_marker()
        self.assertEqual(self.recognised(self.clocks.after(60, 60000)).id, self.first.id)
        again = self.recognised(self.clocks.after(100000, 60000))
        self.assertEqual((again.id, again.clocks_agree), (self.first.id, False))


class Programs(Directory):
    def run_line(self, line, deadline=5.0, limit=1000):
        began = time.monotonic()
        output = Runner().run(Spec("/bin/sh", ["-c", line], deadline, limit))
        return output, time.monotonic() - began

    def test_output_and_status_are_what_the_program_gave(self):
        output, _ = self.run_line("echo out; echo err >&2; exit 3")
        self.assertEqual((output.status, output.stdout, output.stderr), (3, b"out\n", b"err\n"))
        self.assertEqual(output.complaint(), "ended with exit status 3: err")

    def test_a_program_that_does_not_end_is_killed_with_its_children(self):
        output, seconds = self.run_line("sleep 60 & echo $!; exec sleep 60", deadline=0.3)
        self.assertTrue(output.timed_out)
        self.assertLess(seconds, 20)
        child = int(output.stdout)
        end = time.monotonic() + 10
        while os.path.exists("/proc/{}".format(child)) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertFalse(os.path.exists("/proc/{}".format(child)))

    def test_a_flood_is_cut_at_the_limit_and_read_to_its_end(self):
        output, _ = self.run_line("head -c 1000000 /dev/zero; echo done >&2", limit=10)
        self.assertEqual((len(output.stdout), output.stderr, output.truncated), (10, b"done\n", True))

    def test_a_program_that_is_not_there_is_told(self):
        with self.assertRaises(RunError):
            Runner().run(Spec(self.at("nothing"), [], 1.0, 10))

    def test_secrets_of_this_process_do_not_reach_a_program(self):
        os.environ["A_SECRET"] = "yes"
        try:
            output, _ = self.run_line("env")
        finally:
            del os.environ["A_SECRET"]
        self.assertNotIn(b"A_SECRET", output.stdout)


class Connections(unittest.TestCase):
    def setUp(self):
        self.places = Places()
        self.shown_out = []

    def enter(self, name=0):
        return self.places.enter(lambda: self.shown_out.append(name))

    def test_a_stranger_makes_room_for_the_next_one_after_its_moment(self):
        began = time.monotonic()
        for name in range(STRANGERS + 1):
            self.enter(name)
        self.assertGreaterEqual(time.monotonic() - began, PATIENCE)
        self.assertEqual(self.shown_out, [0])

    def test_a_crowd_of_strangers_shows_no_friend_out(self):
        friend = self.enter("friend")
        self.assertTrue(self.places.befriend(friend))
        for _ in range(2 * STRANGERS):
            self.enter()
        self.assertNotIn("friend", self.shown_out)
        self.assertTrue(self.places.befriend(friend))

    def test_a_place_is_free_again_when_its_connection_is_over(self):
        for _ in range(3):
            friends = []
            for _ in range(FRIENDS):
                friends.append(self.enter())
                self.assertTrue(self.places.befriend(friends[-1]))
            one_too_many = self.enter()
            self.assertFalse(self.places.befriend(one_too_many))
            for place in friends + [one_too_many]:
                self.places.leave(place)

    def test_a_stranger_that_was_shown_out_is_no_friend_any_more(self):
        first = self.enter()
        for _ in range(STRANGERS):
            self.enter()
        self.assertFalse(self.places.befriend(first))


class Absences(unittest.TestCase):
    DISK = DiskKey(7, 8192)

    def test_one_listing_proves_nothing_and_two_half_a_second_apart_do(self):
        unlisted = Unlisted()
        unlisted.take_in(Listing(), 1000, [self.DISK])
        self.assertIn(self.DISK, unlisted)
        self.assertFalse(unlisted.is_certainly_gone(self.DISK))
        unlisted.take_in(Listing(), 1500, [self.DISK])
        self.assertTrue(unlisted.is_certainly_gone(self.DISK))

    def test_after_a_listing_that_could_not_be_read_the_proof_begins_anew(self):
        unlisted, torn = Unlisted(), Listing()
        torn.diagnostics.append("torn")
        unlisted.take_in(Listing(), 1000, [self.DISK])
        unlisted.take_in(torn, 1200, [self.DISK])
        unlisted.take_in(Listing(), 1600, [self.DISK])
        self.assertFalse(unlisted.is_certainly_gone(self.DISK))


class CommandLines(unittest.TestCase):
    def test_state_is_kept_beside_the_program(self):
        self.assertEqual(Options(["/a/b/vscsi-agent", "serve"]).state_directory, "/a/b/state")

    def test_a_word_for_the_kernel_is_ignored(self):
        self.assertEqual(Options(["/a/p", "++group=host/x", "cleanup", "--all"]).flags, {"--all"})

    def test_what_is_wrong_is_refused(self):
        for words in ([], ["nonsense"], ["serve", "extra"], ["doctor", "--all"], ["serve", "--idle-exit", "x"]):
            with self.assertRaises(UsageError):
                Options(["/a/p"] + words)
        with self.assertRaises(UsageError):
            Options(["p", "serve"])


class Spools(Directory):
    def test_a_snapshot_whose_content_changed_is_set_aside_and_never_given(self):
        os.makedirs(self.at("job", "samples"))
        spool = Spool(self.path, 1000000)
        spool.write_snapshot("job", 0, b"first")
        self.assertEqual(spool.read_snapshot("job", 0), b"first")
        files.write_atomically(self.at("job", "samples", "sample_000.csv"), b"other")
        with self.assertRaises(SpoolError):
            spool.read_snapshot("job", 0)
        self.assertEqual(spool.manifest("job"), {"samples": [], "set_aside": ["sample_000.csv"]})
        # Its line is gone from the checksums, and its sequence is used up.
        self.assertEqual(os.path.getsize(self.at("job", "samples", "SHA256SUMS")), 0)
        self.assertEqual(spool.last_sequence("job"), 0)

    def test_files_take_whole_blocks_and_the_probe_goes_again(self):
        os.makedirs(self.at("job", "samples"))
        spool = Spool(self.path, 1000000)
        block = spool.takes(1)
        self.assertGreaterEqual(block, 4096)
        self.assertEqual((spool.takes(0), spool.takes(block + 1)), (0, 2 * block))
        self.assertEqual(os.listdir(self.path), ["job"])
        spool.write_snapshot("job", 0, b"first")
        self.assertGreaterEqual(spool.used_bytes(), 512)

    def test_a_spool_at_its_limit_takes_nothing_more(self):
        os.makedirs(self.at("job", "samples"))
        spool = Spool(self.path, 4)
        with self.assertRaises(SpoolError):
            spool.write_snapshot("job", 0, b"first")
        self.assertEqual(os.listdir(self.at("job", "samples")), [])

    def test_what_is_no_job_is_not_touched_and_told(self):
        os.makedirs(self.at("not a job"))
        os.makedirs(self.at("half", "samples"))
        os.makedirs(self.at("whole"))
        files.write_atomically(self.at("whole", "job.json"), b"{}")
        jobs, notes = Spool(self.path, 4).load()
        self.assertEqual((jobs, len(notes)), ([], 2))
        # A job whose creation was interrupted was never told to anybody.
        self.assertEqual(sorted(os.listdir(self.path)), ["not a job", "whole"])
