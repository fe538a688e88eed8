import unittest

from vscsi_agent.reading import listing, lines, machines, prints, storage
from vscsi_agent.reading.kinds import KINDS


def printed(handle, frequency=3):
    """What `-p all -c` prints for one disk."""
    text = []
    for title, limits in KINDS:
        text.append(
            "Histogram: {},virtual machine worldGroupID,7,virtual disk handleID,{} (scsi0:0)".format(title, handle)
        )
        text += ["min,1", "max,9", "mean,5", "count,{}".format(frequency), "Frequency,Histogram Bucket Limit"]
        text += ["{},{}".format(frequency if place == 0 else 0, limit) for place, limit in enumerate(limits)]
        text.append("0,{}".format(limits[-1]))
    return "".join(line + "\n" for line in text).encode("ascii")


class Prints(unittest.TestCase):
    def whole(self, output):
        parsed = prints.parse(output)
        return [
            {key[1] for key, disk in disks.items() if disk.is_whole()} for disks in parsed.prints
        ], parsed.diagnostics

    def test_a_print_of_two_disks_is_whole(self):
        self.assertEqual(self.whole(printed(8192) + printed(8193)), ([{8192, 8193}], []))

    def test_both_ways_of_reading_say_the_same(self):
        output = printed(8192, 17) + printed(8193)
        quick, slow = prints.parse(output), lines.Reader().read(output)
        for disks, others in zip(quick.prints, slow.prints):
            self.assertEqual(sorted(disks), sorted(others))
            for key, disk in disks.items():
                self.assertEqual((disk.kinds, disk.commands), (others[key].kinds, others[key].commands))

    def test_other_line_ends_are_read_as_well(self):
        self.assertEqual(self.whole(printed(8192).replace(b"\n", b"\r\n"))[0], [{8192}])

    def test_a_print_cut_anywhere_is_not_whole(self):
        output = printed(8192)
        for length in range(0, len(output) - 2, 97):
            found, _ = self.whole(output[:length])
            self.assertNotIn({8192}, found, length)

    def test_the_commands_counted_are_those_of_the_first_histogram(self):
        self.assertEqual(prints.parse(printed(8192, 42)).disks(8192)[0].commands, 42)

    def test_the_second_print_of_a_disk_does_not_fill_up_a_damaged_first_one(self):
        damaged = printed(8192).replace(b"Histogram: latency of IOs", b"Histogram: latency 0f IOs")
        found, findings = self.whole(damaged + printed(8192))
        self.assertEqual(found, [set(), {8192}])
        self.assertTrue(any("unknown histogram" in finding for finding in findings))

    def test_bytes_that_are_no_histogram_are_a_finding(self):
        self.assertEqual(self.whole(b"")[1], ["line 1: no vscsiStats histogram was found"])
        self.assertIn("line 1: unexpected line `\\u{1b}[0m`", self.whole(b"\x1b[0m\n")[1])


class Listings(unittest.TestCase):
    TEXT = (
        b"Virtual Machine worldGroupID: 7, Virtual Machine Display Name: a, {b}, Virtual Machine Config File: "
        b"/vmfs/volumes/u/a b/a.vmx, {\n Virtual SCSI Disk handleID: 8192 (scsi0:0)\n"
        b" Virtual SCSI Disk handleID: 9135781989851158 (scsi0:10)\n}\n"
    )

    def test_names_may_hold_commas_and_braces(self):
        found = listing.listing(self.TEXT)
        self.assertEqual(found.diagnostics, [])
        self.assertEqual([vm.display_name for vm in found.vms], ["a, {b}"])
        disks = [(disk.handle_id, disk.node) for disk in found.vms[0].disks]
        self.assertEqual(disks, [(8192, "scsi0:0"), (9135781989851158, "scsi0:10")])

    def test_a_disk_below_a_line_that_cannot_be_read_belongs_to_nobody(self):
        torn = self.TEXT + self.TEXT.replace(b", {\n", b"\n")
        found = listing.listing(torn)
        self.assertEqual([len(vm.disks) for vm in found.vms], [2])
        self.assertTrue(found.diagnostics)

    def test_a_listing_without_the_closing_brace_is_whole(self):
        self.assertEqual(listing.listing(self.TEXT.replace(b"}\n", b"")).diagnostics, [])


FILESYSTEMS = b"""\
Mount Point                                        Volume Name  UUID                                 Mounted  Type             Size          Free
-------------------------------------------------  -----------  -----------------------------------  -------  ------  -------------  ------------
/vmfs/volumes/5f1c2a90-7d3e4b18-a6c5-0025b5a10001  data store   5f1c2a90-7d3e4b18-a6c5-0025b5a10001     true  VMFS-6  1099243192320  549755813888
                                                   LUN01        5f1c2a90-7d3e4b18-a6c5-0025b5a10002    false  VMFS-6              0             0
"""


class Companions(unittest.TestCase):
    def test_a_volume_that_is_not_mounted_is_read_without_a_finding(self):
        volumes, findings = storage.filesystems(FILESYSTEMS)
        self.assertEqual(findings, [])
        self.assertEqual([(volume.name, volume.mount_point is None) for volume in volumes], [
            ("data store", False), ("LUN01", True),
        ])

    def test_a_path_is_known_by_label_and_by_uuid(self):
        volumes, _ = storage.filesystems(FILESYSTEMS)
        by_uuid = "/vmfs/volumes/5f1c2a90-7d3e4b18-a6c5-0025b5a10001/a/a.vmx"
        self.assertEqual(storage.canonical("/vmfs/volumes/data store/a/a.vmx", volumes), by_uuid)
        self.assertEqual(storage.canonical(by_uuid, volumes), by_uuid)
        self.assertEqual(storage.canonical("/vmfs/volumes/other/a.vmx", volumes), "/vmfs/volumes/other/a.vmx")

    def test_registered_vms_are_told_from_annotations(self):
        output = (
            b"Vmid   Name   File   Guest OS   Version   Annotation\n"
            b"1      web [x]  [ds 1] web/web.vmx   other   vmx-13\n"
            b"see also [ds 1] old/old.vmx for more\n"
            b"16     vCLS-1   [] /var/run/crx/infra/v/v.vmx   crxSys1Guest   vmx-21\n"
        )
        vms, findings = machines.registered(output)
        self.assertEqual(findings, [])
        self.assertEqual([(vm.name, vm.config_file) for vm in vms], [
            ("web [x]", "/vmfs/volumes/ds 1/web/web.vmx"), ("vCLS-1", "/var/run/crx/infra/v/v.vmx"),
        ])

    def test_the_disks_of_a_vmx_are_those_that_are_there(self):
        disks = machines.vmx_disks(
            b'scsi0:0.fileName = "a|22b.vmdk"\nSCSI0:0.present = "TRUE"\nscsi0:1.fileName = "off.vmdk"\n'
            b'sata0:0.fileName = "/x.iso"\nsata0:0.present = "TRUE"\n'
        )
        self.assertEqual([(disk.node, disk.file_name) for disk in disks if disk.is_hard_disk()], [("scsi0:0", 'a"b.vmdk')])

    def test_a_descriptor_gives_the_capacity_or_the_parent(self):
        flat = machines.vmdk_descriptor(b'createType="vmfs"\nRW 41943040 VMFS "a-flat.vmdk"\n')
        self.assertEqual(flat.capacity_bytes(), 20 * 1024 ** 3)
        delta = machines.vmdk_descriptor(b'parentFileNameHint="a.vmdk"\n')
        self.assertEqual((delta.capacity_bytes(), delta.parent_file_name), (None, "a.vmdk"))
