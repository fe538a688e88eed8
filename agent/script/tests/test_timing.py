import random
import unittest

from vscsi_agent.collector.decide import (
    LOOK, MINUTE_MS, SNAPSHOT, DiskFact, Waiting, decide, order_for, still_needs_start,
)
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
        decision = decide(1150, jobs, [fact()])
        self.assertEqual((decision.kind, decision.wake_ms), ("wait", 1190))

    def test_without_anything_to_do_there_is_no_moment(self):
        self.assertIsNone(decide(0, [], []).wake_ms)

    def test_the_snapshot_that_was_due_first_is_taken_first(self):
        jobs = [snapshot("a", Grid(1050, 100, 5), 1), snapshot("b", GRID, 1)]
        self.assertEqual(decide(1160, jobs, []).job, "b")

    def test_a_foreign_collection_is_looked_at_a_quarter_of_an_hour_after_it_was_extended(self):
        foreign = fact("foreign")
        self.assertEqual(decide(15 * MINUTE_MS - 1, [], [foreign]).wake_ms, 15 * MINUTE_MS)
        decision = decide(15 * MINUTE_MS, [], [foreign])
        self.assertEqual((decision.kind, decision.disk), ("foreign", DISK))

    def test_a_collection_that_is_needed_is_extended_in_time(self):
        chance = random.Random(2)
        for _ in range(1000):
            armed_ms, age_ms = chance.randrange(1000000), chance.randrange(3000000)
            needed = fact()
            needed.armed_ms = armed_ms
            if age_ms >= 20 * MINUTE_MS:
                self.assertEqual(order_for(armed_ms + age_ms, needed), "again")
            else:
                wake_ms = decide(armed_ms + age_ms, [], [needed]).wake_ms
                self.assertLessEqual(wake_ms, armed_ms + 20 * MINUTE_MS)


def fact(state="on"):
    found = DiskFact(DISK, state)
    found.armed_ms = 0
    return found


class Orders(unittest.TestCase):
    def after_print(self, now_ms, printed_ms, next_print_ms):
        printed = fact()
        printed.printed_ms, printed.next_print_ms = printed_ms, next_print_ms
        return order_for(now_ms, printed)

    def test_a_collection_is_extended_right_after_a_print_once_it_is_a_quarter_of_an_hour_old(self):
        for age_ms, printed_ms, asked in (
            (14 * MINUTE_MS, 14 * MINUTE_MS, None),
            (15 * MINUTE_MS, 15 * MINUTE_MS, "again"),
            (15 * MINUTE_MS + 1001, 15 * MINUTE_MS, None),
            (20 * MINUTE_MS, 15 * MINUTE_MS, "again"),
        ):
            self.assertEqual(self.after_print(age_ms, printed_ms, age_ms + MINUTE_MS), asked)

    def test_a_print_that_is_due_comes_before_the_start_that_might_zero_what_it_shows(self):
        now_ms = 15 * MINUTE_MS
        self.assertIsNone(self.after_print(now_ms, now_ms, now_ms))
        self.assertEqual(self.after_print(now_ms, now_ms, now_ms + 1), "again")
        self.assertIsNone(self.after_print(28 * MINUTE_MS, now_ms, now_ms))
        self.assertEqual(self.after_print(29 * MINUTE_MS, now_ms, now_ms), "again")

    def test_a_print_whose_next_would_come_too_late_is_followed_by_a_start(self):
        self.assertEqual(self.after_print(12 * MINUTE_MS, 12 * MINUTE_MS, 24 * MINUTE_MS), "again")

    def test_a_disk_that_is_idle_for_an_hour_costs_a_start_every_five_minutes_and_no_more(self):
        armed_ms, restarts = 0, 0
        # A print every second.
        for now_ms in range(0, 60 * MINUTE_MS, 1000):
            if still_needs_start(now_ms - armed_ms, restarts):
                armed_ms, restarts = now_ms, restarts + 1
        # After 1, 2, 4, 8, 13, 18 … 58 minutes.
        self.assertEqual(restarts, 14)

    def test_what_no_job_needs_is_dropped_and_what_a_user_keeps_is_not(self):
        for state, asked in (
            ("on", "drop"),
            ("failed", "drop"),
            ("foreign", "drop"),
            ("off", None),
            ("kept", None),
            ("stopping", None),
        ):
            unused = fact(state)
            unused.is_needed = unused.is_held = False
            self.assertEqual(order_for(0, unused), asked, state)

    def test_what_was_stopped_under_a_job_is_wanted_again(self):
        for state in ("off", "stopping", "kept", "failed"):
            self.assertEqual(order_for(0, fact(state)), "want", state)

    def test_what_has_just_failed_rests_and_what_is_on_its_way_is_not_asked_for_twice(self):
        failed = fact("failed")
        failed.not_before_ms = 10
        self.assertIsNone(order_for(9, failed))
        failed.is_pending = True
        self.assertIsNone(order_for(10, failed))
