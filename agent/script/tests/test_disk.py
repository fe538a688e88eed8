import unittest

from vscsi_agent.identifier import DiskKey
from vscsi_agent.switch.disk import ENDED_MS, KILL, START, STOP, Disk

KEY = DiskKey(7, 8192)


class Paper(object):
    """A journal that is written at once, or that cannot be written."""

    def __init__(self):
        self.problem = None
        self.is_slow = False
        self.named = set()

    def is_durable(self, version):
        return self.problem is None and not self.is_slow

    def problem_since(self, version):
        return self.problem

    def names_to_stop(self, key):
        return key in self.named


class States(unittest.TestCase):
    def setUp(self):
        self.disk = Disk(KEY)
        self.journal = Paper()

    def run_at(self, now_ms, problem=None):
        """Has the disk run its next command at once, and gives that."""
        command = self.disk.advance(now_ms, self.journal)
        if command in (START, STOP):
            self.disk.ended(problem, True, now_ms)
        return command

    def turn_on(self):
        self.disk.want(1, 1000)
        self.assertEqual(self.run_at(1000), START)

    def test_a_wanted_disk_is_started_and_on(self):
        self.disk.want(1, 1000)
        self.assertEqual(self.disk.state, "entering")
        self.assertEqual(self.disk.advance(1001, self.journal), START)
        self.assertEqual((self.disk.state, self.disk.order), ("starting", 0))
        self.disk.ended(None, True, 1010)
        self.assertEqual((self.disk.state, self.disk.order), ("on", 1))
        self.assertTrue(self.disk.entry()["started"])

    def test_nothing_is_started_before_the_journal_names_it(self):
        self.journal.is_slow = True
        self.disk.want(1, 1000)
        self.assertIsNone(self.disk.advance(1001, self.journal))
        self.assertTrue(self.disk.is_named())
        self.journal.is_slow = False
        self.assertEqual(self.disk.advance(1002, self.journal), START)

    def test_a_journal_that_cannot_be_written_starts_nothing_and_says_so(self):
        self.journal.problem = "No space left on device"
        self.disk.want(1, 1000)
        self.assertIsNone(self.disk.advance(1001, self.journal))
        self.assertEqual((self.disk.state, self.disk.order), ("off", 1))
        self.assertIn("No space left on device", self.disk.reason)

    def test_a_collection_is_extended_although_the_journal_is_full_when_it_names_the_disk(self):
        self.turn_on()
        self.journal.problem = "No space left on device"
        self.journal.named = {KEY}
        self.disk.again(2, 5000)
        self.assertEqual(self.run_at(5000), START)
        self.assertEqual((self.disk.state, self.disk.order, self.disk.succeeded_ms), ("on", 2, 5000))

    def test_a_start_that_fails_is_told_and_may_collect_all_the_same(self):
        self.disk.want(1, 1000)
        self.run_at(1000, "`vscsiStats -s` ended with exit status 1")
        self.assertEqual((self.disk.state, self.disk.order), ("failed", 1))
        self.assertTrue(self.disk.is_named())
        self.disk.drop(2)
        self.assertEqual(self.disk.advance(1001, self.journal), STOP)

    def test_an_extension_that_fails_leaves_the_disk_on_with_the_reason(self):
        self.turn_on()
        self.disk.again(2, 5000)
        self.run_at(5000, "no")
        self.assertEqual((self.disk.state, self.disk.order, self.disk.reason), ("on", 2, "no"))

    def test_a_dropped_disk_is_stopped_and_off(self):
        self.turn_on()
        self.disk.drop(2)
        self.assertEqual(self.disk.state, "stopping")
        self.assertEqual(self.run_at(1100), STOP)
        self.assertEqual((self.disk.state, self.disk.order), ("off", 2))

    def test_a_stop_that_fails_is_tried_again_with_growing_rests(self):
        self.turn_on()
        self.disk.drop(2)
        now_ms = 2000
        for rest in (1000, 2000, 4000, 8000, 16000, 30000, 30000):
            self.assertEqual(self.run_at(now_ms, "no"), STOP)
            self.assertIsNone(self.disk.advance(now_ms + rest - 1, self.journal))
            now_ms += rest
        self.assertEqual(self.run_at(now_ms), STOP)
        self.assertEqual(self.disk.state, "off")

    def test_after_31_minutes_it_has_stopped_by_itself(self):
        self.turn_on()
        self.disk.drop(2)
        self.run_at(2000, "no")
        self.assertIsNone(self.disk.advance(1000 + ENDED_MS, self.journal))
        self.assertEqual(self.disk.state, "off")

    def test_a_start_under_way_is_killed_and_the_stop_comes_after_its_end(self):
        self.disk.want(1, 1000)
        self.disk.advance(1000, self.journal)
        self.disk.drop(2)
        self.assertEqual(self.disk.advance(1001, self.journal), KILL)
        self.disk.ended("killed", True, 1010)
        self.assertEqual(self.run_at(1011), STOP)
        self.assertEqual(self.disk.state, "off")

    def test_a_killed_start_whose_end_is_not_seen_is_followed_by_another_stop(self):
        self.disk.want(1, 1000)
        self.disk.advance(1000, self.journal)
        self.disk.drop(2)
        self.disk.advance(1001, self.journal)
        self.disk.ended("killed", False, 1201)
        self.assertEqual(self.run_at(1202), STOP)
        self.assertEqual(self.disk.state, "stopping")
        self.disk.end_seen(START, 1500)
        self.assertEqual(self.run_at(1501), STOP)
        self.assertEqual(self.disk.state, "off")

    def test_the_start_of_a_switch_that_died_is_waited_out_before_the_last_stop(self):
        self.disk.found({"armed_ms": 1000, "started": False, "kept": False}, False, 2000)
        self.assertEqual(self.disk.state, "failed")
        self.disk.drop(1)
        self.assertEqual(self.run_at(2000), STOP)
        self.assertEqual(self.disk.state, "stopping")
        self.assertIsNone(self.disk.advance(15999, self.journal))
        self.assertEqual(self.run_at(16000), STOP)
        self.assertEqual(self.disk.state, "off")

    def test_a_moment_ahead_of_this_clock_is_read_as_now(self):
        self.disk.found({"armed_ms": 999999, "started": True, "kept": False}, False, 2000)
        self.assertEqual(self.disk.entry()["armed_ms"], 2000)

    def test_a_kept_disk_is_left_alone_until_it_has_ended_by_itself(self):
        self.turn_on()
        self.disk.keep(2)
        self.assertTrue(self.disk.entry()["kept"])
        self.disk.advance(1100, self.journal)
        self.assertEqual((self.disk.state, self.disk.order), ("kept", 2))
        self.disk.abandon()
        self.assertIsNone(self.disk.advance(2000, self.journal))
        self.assertEqual(self.disk.state, "kept")
        self.disk.advance(1000 + ENDED_MS, self.journal)
        self.assertEqual(self.disk.state, "off")

    def test_a_disk_that_cannot_be_kept_durably_is_not_kept(self):
        self.turn_on()
        self.journal.problem = "No space left on device"
        self.disk.keep(2)
        self.disk.advance(1100, self.journal)
        self.assertEqual((self.disk.state, self.disk.order), ("on", 2))
        self.assertIn("not kept", self.disk.reason)

    def test_what_is_wanted_before_it_is_kept_durably_is_not_kept_and_not_started_again(self):
        self.turn_on()
        self.journal.is_slow = True
        self.disk.keep(2)
        self.assertIsNone(self.disk.advance(1100, self.journal))
        self.disk.want(3, 1101)
        self.assertFalse(self.disk.entry()["kept"])
        self.journal.is_slow = False
        self.assertIsNone(self.disk.advance(1102, self.journal))
        self.assertEqual((self.disk.state, self.disk.order), ("on", 3))
        self.disk.abandon()
        self.assertEqual(self.run_at(1200), STOP)

    def test_what_is_wanted_again_while_it_is_stopped_is_started_after_the_stop(self):
        self.turn_on()
        self.disk.drop(2)
        self.assertEqual(self.disk.advance(1100, self.journal), STOP)
        self.disk.want(3, 1101)
        self.assertIsNone(self.disk.advance(1102, self.journal))
        self.disk.ended(None, True, 1110)
        self.assertEqual(self.run_at(1111), START)
        self.assertEqual((self.disk.state, self.disk.order), ("on", 3))

    def test_a_restart_stops_nothing_before_the_journal_says_that_it_may_not_collect(self):
        self.turn_on()
        self.journal.is_slow = True
        self.disk.restart(2, 2000)
        self.assertFalse(self.disk.entry()["started"])
        self.assertIsNone(self.disk.advance(2001, self.journal))
        self.journal.is_slow = False
        self.assertEqual(self.disk.advance(2002, self.journal), STOP)
        self.assertFalse(self.disk.entry()["started"])
        self.disk.ended("it failed", True, 2010)
        self.assertEqual((self.disk.state, self.disk.entry()["started"]), ("on", True))

    def test_a_restart_stops_and_starts(self):
        self.turn_on()
        self.disk.restart(2, 2000)
        self.assertEqual(self.run_at(2000), STOP)
        self.assertEqual(self.disk.order, 1)
        self.assertEqual(self.run_at(2010), START)
        self.assertEqual((self.disk.state, self.disk.order), ("on", 2))

    def test_somebody_elses_collection_is_extended_and_never_stopped(self):
        self.disk.foreign(1)
        self.assertFalse(self.disk.is_named())
        self.disk.again(2, 1000)
        self.assertEqual(self.run_at(1000), START)
        self.assertEqual((self.disk.state, self.disk.order), ("foreign", 2))
        self.disk.drop(3)
        self.assertIsNone(self.disk.advance(1001, self.journal))
        self.assertEqual(self.disk.state, "off")

    def test_a_disk_that_is_gone_has_no_collection(self):
        self.turn_on()
        self.disk.drop(2)
        self.run_at(2000, "no such disk")
        self.disk.is_missing(False, 2010)
        self.assertEqual((self.disk.state, self.disk.reason), ("stopping", ""))
        self.assertEqual(self.disk.next_ms(), 2510)
        self.run_at(2510, "no such disk")
        self.disk.is_missing(True, 2520)
        self.assertEqual(self.disk.state, "off")

    def test_a_stop_that_fails_is_told_once_it_is_known_that_the_disk_is_there(self):
        self.turn_on()
        self.disk.drop(2)
        self.run_at(2000, "no")
        self.assertEqual((self.disk.reason, self.disk.order), ("", 1))
        self.disk.is_there()
        self.assertEqual((self.disk.state, self.disk.reason, self.disk.order), ("stopping", "no", 2))
