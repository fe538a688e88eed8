import unittest

from vscsi_agent import jsonfile, shape, snapshot
from vscsi_agent.job import Document, move
from vscsi_agent.jsonfile import Unreadable
from vscsi_agent.http.routes import route
from vscsi_agent.wire import CREATE_JOB, Refusal

REQUEST = {
    "name": "job",
    "vm": {"config_file": "/vmfs/volumes/u/a/a.vmx"},
    "disks": [{"handle_id": 8192, "node": "scsi0:0"}],
    "profile": {"name": "quick", "samples": 10, "interval_seconds": 30},
}


class Json(unittest.TestCase):
    def test_what_is_no_json_is_refused_whatever_it_is(self):
        for data in (b"", b"{", b"[" * 100000, b'{"a":1,"a":2}', b"NaN", b'"\\ud800"', b"\xff"):
            with self.assertRaises(Unreadable):
                jsonfile.read(data)

    def test_brackets_in_texts_are_no_nesting(self):
        self.assertEqual(jsonfile.read(b'"' + b"[" * 1000 + b'"'), "[" * 1000)

    def test_a_request_gets_its_defaults(self):
        request = CREATE_JOB(REQUEST)
        self.assertEqual(request["disks"][0], {"handle_id": "8192", "node": "scsi0:0", "lun": ""})
        self.assertEqual(request["options"], {"mode": "cumulative", "max_misses": 10})

    def test_numbers_are_no_flags_and_flags_are_no_numbers(self):
        for profile in ({"samples": True}, {"samples": -1}, {"samples": 1.5}, {"samples": "1"}, {"samples": 1 << 32}):
            with self.assertRaises(Unreadable):
                CREATE_JOB(dict(REQUEST, profile=dict(REQUEST["profile"], **profile)))

    def test_an_identifier_is_a_number_of_64_bits_in_either_form(self):
        self.assertEqual(shape.host_identifier("18446744073709551615"), "18446744073709551615")
        for value in (-1, 1 << 64, "1x", "", True, None):
            with self.assertRaises(Unreadable):
                shape.host_identifier(value)

    def test_a_key_that_is_not_known_is_named_with_the_way_to_it(self):
        odd = dict(REQUEST, disks=[{"handle_id": 1, "size": 3}])
        self.assertEqual(CREATE_JOB.unknown(odd), "disks.0.size")
        self.assertIsNone(CREATE_JOB.unknown(REQUEST))


class Routes(unittest.TestCase):
    def refused(self, method, url, body=b""):
        with self.assertRaises(Refusal) as caught:
            route(method, url, [], body)
        return caught.exception.status

    def test_paths_that_lead_elsewhere_are_refused(self):
        self.assertEqual(self.refused("GET", "/etc/passwd"), 404)
        self.assertEqual(self.refused("GET", "/v1/jobs/../../../etc/passwd"), 404)
        self.assertEqual(self.refused("GET", "/v1/jobs/..%2f..%2fetc"), 400)
        self.assertEqual(self.refused("GET", "/v1/jobs/a/samples/-1"), 400)

    def test_a_method_that_a_path_does_not_have_is_told_from_a_path_that_is_not_there(self):
        self.assertEqual(self.refused("DELETE", "/v1/info"), 405)
        self.assertEqual(self.refused("GET", "/v1/nothing"), 404)

    def test_a_stop_without_a_body_cleans_up(self):
        self.assertEqual(route("POST", "/v1/jobs/a/stop", [], b""), ("stop", ["a", True]))
        self.assertEqual(route("POST", "/v1/jobs/a/stop", [], b'{"cleanup":false}'), ("stop", ["a", False]))

    def test_a_range_and_a_query_say_where_to_go_on(self):
        self.assertEqual(route("GET", "/v1/jobs/a/samples/3", ["bytes=7-"], b""), ("sample", ["a", 3, 7]))
        self.assertEqual(route("GET", "/v1/jobs/a/bundle?after=4&skip=9", [], b""), ("bundle", ["a", 5, 9]))


JOB = b"""{"format_version": "1.3", "job_id": "job", "created_at": "2026-01-01T00:00:00Z",
 "updated_at": "2026-01-01T00:00:00.000Z", "status": "pending", "host": {"hostname": "h"}, "colour": "blue",
 "target": {"vm_name": "v", "world_group_id": 7, "disks": [], "shape": 1},
 "profile": {"name": "p", "samples": 1, "interval_seconds": 1},
 "collection": {"samples_collected": 0, "samples_expected": 1}, "cleanup": {"vscsiStats_stopped": false}}"""


class Jobs(unittest.TestCase):
    def test_keys_of_a_newer_version_are_given_back(self):
        document = Document.from_json(JOB)
        self.assertTrue(move(document.job, "running", 0))
        written = jsonfile.read(document.to_json())
        self.assertEqual((written["colour"], written["target"]["shape"]), ("blue", 1))
        self.assertEqual(written["collection"]["started_at"], "1970-01-01T00:00:00Z")

    def test_a_newer_major_version_is_refused(self):
        with self.assertRaises(Unreadable) as caught:
            Document.from_json(JOB.replace(b'"1.3"', b'"2.0"'))
        self.assertIn("vscsi-helper 2.0 or newer", str(caught.exception))

    def test_a_job_that_has_ended_stays_ended(self):
        job = Document.from_json(JOB).job
        self.assertTrue(move(job, "stopped", 0))
        self.assertFalse(move(job, "running", 0))
        self.assertEqual(job["status"], "stopped")


class Snapshots(unittest.TestCase):
    def file(self):
        target = {"vm_name": "a\nb\\", "config_file": "/x", "world_group_id": "7"}
        facts = {"taken_at": 0, "monotonic_ms": 5, "duration_ms": 6, "boot_id": "b", "host": "h", "exit_status": None}
        return snapshot.write("job", 3, target, [], {"failed", "late"}, facts, b"output\n")

    def test_a_snapshot_says_everything_about_itself(self):
        expected = (
            "# vscsi-snapshot: 1.0\n# job: job\n# sequence: 3\n# taken_at: 1970-01-01T00:00:00Z\n# monotonic_ms: 5\n"
            "# duration_ms: 6\n# boot_id: b\n# host: h\n# vm: a\\nb\\\\\n# config_file: /x\n# world_group_id: 7\n"
            "# flags: late failed\n# exit_status: none\n# output_bytes: 7\noutput\n"
        )
        self.assertEqual(self.file().decode("ascii"), expected)
        self.assertEqual(snapshot.flags_of(self.file()), {"late", "failed"})

    def test_a_snapshot_torn_anywhere_is_recognised(self):
        content = self.file()
        for length in range(len(content)):
            with self.assertRaises(snapshot.Unreadable):
                snapshot.flags_of(content[:length])

    def test_a_newer_snapshot_is_told_from_a_damaged_one(self):
        with self.assertRaises(snapshot.TooNew):
            snapshot.flags_of(self.file().replace(b"1.0", b"2.0", 1))

    def test_a_file_name_is_that_of_one_sequence_only(self):
        self.assertEqual(snapshot.sequence_of(snapshot.file_name(1234)), 1234)
        for name in ("sample_01.csv", "sample_0001.csv", "sample_000.csv.tmp", "sample_-01.csv"):
            self.assertIsNone(snapshot.sequence_of(name))
