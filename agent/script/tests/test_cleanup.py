import json
import os
import shutil
import signal
import tempfile
import threading
import time
import unittest

from vscsi_agent import lock
from vscsi_agent.boot import Boot
from vscsi_agent.cleanup import cleanup
from vscsi_agent.clock import Clock, until
from vscsi_agent.options import Options
from vscsi_agent.serve import LOCK
from vscsi_agent.switch import succession

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Cleanup(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.state = os.path.join(self.directory, "state")
        self.root = os.path.join(self.directory, "host")
        os.mkdir(self.state)
        os.makedirs(os.path.join(self.root, "sbin"))
        self.options = Options([FOLDER, "cleanup", "--state-dir", self.state, "--host-root", self.root])

    def host_on_which(self, shell):
        """Makes a vscsiStats that writes down its arguments and then does this."""
        program = os.path.join(self.root, "sbin/vscsiStats")
        with open(program, "w") as file:
            file.write("#!/bin/sh\necho \"$@\" >> '{}'\n{}\n".format(self.path("calls"), shell))
        os.chmod(program, 0o700)

    def path(self, name):
        return os.path.join(self.directory, name)

    def calls(self):
        try:
            with open(self.path("calls")) as file:
                return file.read().splitlines()
        except OSError:
            return []

    def journal(self):
        with open(os.path.join(self.state, "journal.json")) as file:
            return json.load(file)

    def leave_a_collection(self, kept):
        entry = {"world_group_id": 7, "handle_id": 8, "armed_ms": int(time.monotonic() * 1000), "kept": kept}
        with open(os.path.join(self.state, "journal.json"), "w") as file:
            json.dump({"boot_id": "b", "owner": 1, "armed": [entry]}, file)

    def test_a_lock_that_is_about_to_go_is_waited_for(self):
        held = lock.take(self.state, LOCK)
        later = threading.Timer(0.15, held.release)
        later.start()
        self.addCleanup(later.join)
        self.assertEqual(cleanup(self.options, False), "nothing was left running")

    def test_an_agent_for_which_a_switch_works_already_is_given_way(self):
        switch = lock.take(self.state, succession.LOCK)
        self.addCleanup(switch.release)
        path = os.path.join(self.state, LOCK)
        taken = []

        def take_over():
            # Comes when cleanup has the lock already: it has to let go of it.
            until(20.0, 0.005, lambda: True if os.path.exists(path) else None)
            taken.append(until(20.0, 0.005, lambda: lock.take(self.state, LOCK)))

        successor = threading.Thread(target=take_over)
        successor.start()
        said = cleanup(self.options, False)
        successor.join()
        self.assertTrue(said.startswith("an agent is running"), said)
        taken[0].release()

    def test_all_means_also_what_a_user_asked_to_keep(self):
        self.host_on_which(":")
        self.leave_a_collection(kept=True)
        said = cleanup(self.options, False)
        self.assertIn("1 that a user asked to keep", said)
        self.assertEqual(self.calls(), [])
        self.assertEqual(cleanup(self.options, True), "stopped 1 collection that was left running")
        self.assertEqual(self.calls(), ["-x -w 7 -i 8"])

    def test_all_leaves_the_marker_of_another_boot(self):
        marker = os.path.join(self.root, "var/run/vscsi-agent.boot")
        Boot(self.state, self.root, Clock()).note()
        with open(marker, "w") as file:
            file.write("0" * 32)
        cleanup(self.options, True)
        self.assertTrue(os.path.exists(marker))

    def test_all_leaves_no_unfinished_file_and_nothing_below_var_run(self):
        run = os.path.join(self.root, "var/run")
        os.makedirs(run)
        state = os.stat(self.state)
        name = "vscsi-agent.{:x}-{:x}.json.tmp".format(state.st_dev, state.st_ino)
        for path in (os.path.join(self.state, "schedules.json.tmp"), os.path.join(run, name)):
            with open(path, "w"):
                pass
        Boot(self.state, self.root, Clock()).note()
        cleanup(self.options, True)
        self.assertEqual(os.listdir(run), [])
        left = [name for name in os.listdir(self.state) if name.endswith(".tmp")]
        self.assertEqual(left, [])

    def test_a_switch_that_replaces_another_one_is_asked_too(self):
        # The first stop hangs, so that its switch can be killed over it.
        self.host_on_which("[ -e '{0}' ] || {{ touch '{0}'; exec sleep 600; }}".format(self.path("hung")))
        for kept in (False, True):
            with self.subTest(kept=kept):
                for name in ("calls", "hung"):
                    if os.path.exists(self.path(name)):
                        os.remove(self.path(name))
                self.leave_a_collection(kept)

                def kill_the_switch():
                    until(20.0, 0.01, lambda: True if os.path.exists(self.path("hung")) else None)
                    os.kill(self.journal()["switch"]["process"], signal.SIGKILL)

                killer = threading.Thread(target=kill_the_switch)
                killer.start()
                said = cleanup(self.options, True)
                killer.join()
                self.assertEqual(said, "stopped 1 collection that was left running")
                self.assertEqual(self.calls(), ["-x -w 7 -i 8"] * 2)


if __name__ == "__main__":
    unittest.main()
