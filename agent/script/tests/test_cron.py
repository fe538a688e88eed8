import unittest

from vscsi_agent import moment
from vscsi_agent.cron import Cron, InvalidCron


def following(expression, after):
    found = Cron(expression).next_after(moment.parse(after))
    return None if found is None else moment.text(found)


class NextRuns(unittest.TestCase):
    # 1 November 2026 is a Sunday.

    def test_every_night(self):
        self.assertEqual(following("0 2 * * *", "2026-11-28T02:00:00Z"), "2026-11-29T02:00:00Z")
        self.assertEqual(following("0 2 * * *", "2026-11-28T01:59:59.5Z"), "2026-11-28T02:00:00Z")

    def test_steps_ranges_and_lists(self):
        self.assertEqual(following("*/20 8-10,22 * * *", "2026-11-28T10:40:00Z"), "2026-11-28T22:00:00Z")
        self.assertEqual(following("5-59/25 * * * *", "2026-11-28T10:31:00Z"), "2026-11-28T10:55:00Z")

    def test_names_of_days_and_months(self):
        self.assertEqual(following("0 22 * * mon-fri", "2026-11-27T22:00:00Z"), "2026-11-30T22:00:00Z")
        self.assertEqual(following("0 0 1 jan *", "2026-11-28T00:00:00Z"), "2027-01-01T00:00:00Z")

    def test_sunday_is_0_and_7(self):
        for day in ("0", "7", "sun"):
            self.assertEqual(following("0 0 * * " + day, "2026-11-23T00:00:00Z"), "2026-11-29T00:00:00Z")

    def test_one_of_two_days_is_enough_unless_a_plus_asks_for_both(self):
        self.assertEqual(following("0 0 13 * fri", "2026-11-14T00:00:00Z"), "2026-11-20T00:00:00Z")
        self.assertEqual(following("0 0 13 * +fri", "2026-11-14T00:00:00Z"), "2027-08-13T00:00:00Z")

    def test_the_last_day_and_the_last_weekday_of_a_month(self):
        self.assertEqual(following("0 0 L * *", "2028-02-01T00:00:00Z"), "2028-02-29T00:00:00Z")
        self.assertEqual(following("0 0 * * 5L", "2026-11-01T00:00:00Z"), "2026-11-27T00:00:00Z")
        # 31 October 2026 is a Saturday.
        self.assertEqual(following("0 0 LW * *", "2026-10-01T00:00:00Z"), "2026-10-30T00:00:00Z")

    def test_the_second_tuesday_and_the_weekday_closest_to_the_15th(self):
        self.assertEqual(following("0 0 * * 2#2", "2026-11-01T00:00:00Z"), "2026-11-10T00:00:00Z")
        # 15 November 2026 is a Sunday.
        self.assertEqual(following("0 0 15W * *", "2026-11-01T00:00:00Z"), "2026-11-16T00:00:00Z")

    def test_29_february_comes_and_30_february_never_does(self):
        self.assertEqual(following("0 0 29 2 *", "2026-11-28T00:00:00Z"), "2028-02-29T00:00:00Z")
        self.assertIsNone(following("0 0 30 2 *", "2026-11-28T00:00:00Z"))


class Refusals(unittest.TestCase):
    def test_what_is_wrong_is_told_in_words(self):
        for text, reason in (
            ("bogus", "`bogus` is not a cron expression: it has 1 of five fields;"),
            ("0 0 22 * * 1-5", "it has 6 of five fields;"),
            ("61 * * * *", "number out of bounds;"),
            ("*/0 * * * *", "step cannot be zero;"),
            ("5-1 * * * *", "range out of bounds;"),
            ("* * * * 1#6", "nth specifier out of bounds;"),
            ("a * * * *", "illegal character"),
            ("0 0 1 1 ,", "a value in a list is empty;"),
            ("0 1,,2 * * *", "a value in a list is empty;"),
        ):
            with self.assertRaises(InvalidCron) as caught:
                Cron(text)
            self.assertIn(reason, str(caught.exception))
