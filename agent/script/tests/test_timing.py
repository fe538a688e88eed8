import random
import unittest

from vscsi_agent.collector.decide import LOOK, SNAPSHOT, Waiting, decide
from vscsi_agent.collector.timing import Grid
from vscsi_agent.identifier import DiskKey

GRID = Grid(1000, 100, 5)
DISK = DiskKey(7, 8192)


class DueTimes(unittest.TestCase):
    def test_before_its_time_a_snapshot_waits(self):
        self.assertIsNone(GRID.due(2, 1199))
        self.assertEqual(GRID.wait_ms(2), 1200)

    def test_at_its_time_a_snapshot_is_taken(self):
        due = GRID.due(2, 1200)
        self.assertEqual((due.missed, due.sequence, due.late), ((2, 2), 2, False))

    def test_more_than_half_an_interval_later_it_is_late(self):
        self.assertFalse(GRID.due(2, 1250).late)
        self.assertTrue(GRID.due(2, 1251).late)

    def test_sequences_whose_time_is_over_are_missed(self):
        due = GRID.due(1, 1410)
        self.assertEqual((due.missed, due.sequence), ((1, 4), 4))

    def test_the_last_snapshot_is_taken_however_late(self):
        due = GRID.due(3, 1000000)
        self.assertEqual((due.missed, due.sequence, due.late), ((3, 5), 5, True))

    def test_after_the_last_snapshot_nothing_is_due(self):
        self.assertIsNone(GRID.due(6, 5000))
        self.assertIsNone(GRID.wait_ms(6))

    def test_whatever_the_clock_does_each_sequence_is_accounted_for_once(self):
        chance = random.Random(1)
        for _ in range(200):
            now, following = 900, 0
            for _ in range(60):
                now += chance.randrange(500)
                due = GRID.due(following, now)
                if due is not None:
                    self.assertEqual(due.missed, (following, due.sequence))
                    self.assertLessEqual(GRID.due_ms(due.sequence), now)
                    following = due.sequence + 1
            self.assertEqual(following, 6)


def snapshot(job, grid, following):
    return Waiting(job, SNAPSHOT, grid=grid, following=following)


class Decisions(unittest.TestCase):
    def test_nothing_due_waits_for_the_first_of_all_moments(self):
        jobs = [snapshot("a", GRID, 2), Waiting("b", LOOK, at_ms=1190)]
        decision = decide(1150, jobs, [(1500, DISK)])
        self.assertEqual((decision.kind, decision.wake_ms), ("wait", 1190))

    def test_without_anything_to_do_there_is_no_moment(self):
        self.assertIsNone(decide(0, [], []).wake_ms)

    def test_the_snapshot_that_was_due_first_is_taken_first(self):
        jobs = [snapshot("a", Grid(1050, 100, 5), 1), snapshot("b", GRID, 1)]
        self.assertEqual(decide(1160, jobs, []).job, "b")

    def test_what_would_end_a_collection_goes_before_snapshots(self):
        decision = decide(1200, [snapshot("a", GRID, 2)], [(1199, DISK)])
        self.assertEqual((decision.kind, decision.disk), ("extend", DISK))
