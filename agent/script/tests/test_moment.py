import unittest

from vscsi_agent import moment


class Moments(unittest.TestCase):
    def test_a_moment_is_written_with_no_more_decimals_than_it_has(self):
        # 1 000 000 000 seconds after 1970 it was 9 September 2001, 01:46:40.
        self.assertEqual(moment.text(1000000000 * moment.SECOND), "2001-09-09T01:46:40Z")
        self.assertEqual(moment.text(1000000000 * moment.SECOND + 120000000), "2001-09-09T01:46:40.12Z")

    def test_the_log_has_three_decimals_always(self):
        self.assertEqual(moment.text_in_milliseconds(1000000000 * moment.SECOND), "2001-09-09T01:46:40.000Z")

    def test_a_leap_day_is_a_day_and_29_february_of_other_years_is_none(self):
        self.assertEqual(moment.text(moment.parse("2024-02-29T12:00:00Z")), "2024-02-29T12:00:00Z")
        for text in ("2023-02-29T12:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "yesterday"):
            with self.assertRaises(ValueError):
                moment.parse(text)

    def test_an_offset_is_taken_off(self):
        self.assertEqual(moment.parse("2001-09-09T03:46:40+02:00"), 1000000000 * moment.SECOND)

    def test_what_was_written_reads_as_the_same_moment(self):
        for nanoseconds in (0, 1, 999999999, 1764366186123456789):
            self.assertEqual(moment.parse(moment.text(nanoseconds)), nanoseconds)
