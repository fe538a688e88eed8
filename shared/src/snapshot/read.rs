//! Reading a snapshot file.

use std::collections::BTreeSet;
use std::str::FromStr;

use memchr::memchr;

use super::header::{SnapshotDisk, SnapshotFlag, SnapshotHeader, VERSION, unescape};
use crate::identifier::{HandleId, Name};
use crate::job::FormatVersion;

/// Why a file is not a whole snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableSnapshot {
    /// The first line is missing.
    #[error("it does not begin with `# vscsi-snapshot:`")]
    NotASnapshot,
    /// Written by a program that uses a newer major version.
    #[error("it has snapshot version {found}, and this program reads up to {}.x", VERSION.major)]
    TooNew {
        /// The version found.
        found: FormatVersion,
    },
    /// The header breaks off.
    #[error("its header breaks off before `# output_bytes:`")]
    HeaderTorn,
    /// A header line is missing.
    #[error("its header has no `{0}`")]
    Missing(&'static str),
    /// A header line cannot be read.
    #[error("its header line `{key}: {value}` cannot be read")]
    Malformed {
        /// The key.
        key: &'static str,
        /// The value, shortened.
        value: String,
    },
    /// The output is shorter or longer than its header says.
    #[error("it holds {found} bytes of output where its header says {expected}")]
    Torn {
        /// By the header.
        expected: u64,
        /// In the file.
        found: u64,
    },
}

/// A snapshot file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot<'file> {
    /// What it says about itself.
    pub header: SnapshotHeader,
    /// What vscsiStats printed.
    pub output: &'file [u8],
}

/// Reads a snapshot file; nothing of it is copied but the header.
///
/// # Errors
/// [`UnreadableSnapshot`] when it is not a snapshot, is newer, or is torn.
pub fn read(file: &[u8]) -> Result<Snapshot<'_>, UnreadableSnapshot> {
    let mut fields: Vec<(&str, &str)> = Vec::with_capacity(16);
    let mut rest = file;
    loop {
        let torn = if fields.is_empty() {
            UnreadableSnapshot::NotASnapshot
        } else {
            UnreadableSnapshot::HeaderTorn
        };
        let Some((line, after)) = split_line(rest) else {
            return Err(torn);
        };
        let Some((key, value)) = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once(": ").or(line.split_once(':')))
        else {
            return Err(torn);
        };
        if fields.is_empty() {
            check_version(key, value)?;
        }
        fields.push((key, value));
        rest = after;
        if key == "output_bytes" {
            break;
        }
    }
    let expected = number::<u64>(&fields, "output_bytes")?;
    let found = rest.len() as u64;
    if expected != found {
        return Err(UnreadableSnapshot::Torn { expected, found });
    }
    Ok(Snapshot {
        header: header(&fields)?,
        output: rest,
    })
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = memchr(b'\n', bytes)?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(line).ok()?, rest.get(1..)?))
}

fn check_version(key: &str, value: &str) -> Result<(), UnreadableSnapshot> {
    if key != "vscsi-snapshot" {
        return Err(UnreadableSnapshot::NotASnapshot);
    }
    let found = FormatVersion::from_str(value).map_err(|_| UnreadableSnapshot::NotASnapshot)?;
    if found.major > VERSION.major {
        Err(UnreadableSnapshot::TooNew { found })
    } else {
        Ok(())
    }
}

fn header(fields: &[(&str, &str)]) -> Result<SnapshotHeader, UnreadableSnapshot> {
    let flags: BTreeSet<SnapshotFlag> = text(fields, "flags")?
        .split_whitespace()
        .filter_map(SnapshotFlag::from_word)
        .collect();
    let disks: Result<Vec<SnapshotDisk>, UnreadableSnapshot> = fields
        .iter()
        .filter(|(key, _)| *key == "disk")
        .map(|(_, value)| disk(value))
        .collect();
    let exit_status = match text(fields, "exit_status")? {
        "none" => None,
        _ => Some(number(fields, "exit_status")?),
    };
    Ok(SnapshotHeader {
        job: parsed::<Name>(fields, "job")?,
        sequence: number(fields, "sequence")?,
        taken_at: parsed(fields, "taken_at")?,
        monotonic_ms: number(fields, "monotonic_ms")?,
        duration_ms: number(fields, "duration_ms")?,
        boot_id: unescape(text(fields, "boot_id")?),
        host: unescape(text(fields, "host")?),
        vm_name: unescape(text(fields, "vm")?),
        config_file: unescape(text(fields, "config_file")?),
        world_group_id: parsed(fields, "world_group_id")?,
        disks: disks?,
        flags,
        exit_status,
    })
}

fn disk(value: &str) -> Result<SnapshotDisk, UnreadableSnapshot> {
    let (handle, node) = value.split_once(' ').unwrap_or((value, ""));
    let handle_id = HandleId::from_str(handle).map_err(|_| malformed("disk", value))?;
    Ok(SnapshotDisk {
        handle_id,
        node: unescape(node),
    })
}

fn text<'line>(fields: &[(&str, &'line str)], key: &'static str) -> Result<&'line str, UnreadableSnapshot> {
    fields
        .iter()
        .find(|(found, _)| *found == key)
        .map(|(_, value)| *value)
        .ok_or(UnreadableSnapshot::Missing(key))
}

fn number<T: FromStr>(fields: &[(&str, &str)], key: &'static str) -> Result<T, UnreadableSnapshot> {
    parsed(fields, key)
}

fn parsed<T: FromStr>(fields: &[(&str, &str)], key: &'static str) -> Result<T, UnreadableSnapshot> {
    let value = text(fields, key)?;
    value.parse().map_err(|_| malformed(key, value))
}

fn malformed(key: &'static str, value: &str) -> UnreadableSnapshot {
    UnreadableSnapshot::Malformed {
        key,
        value: value.chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::identifier::WorldGroupId;

    fn example() -> SnapshotHeader {
        SnapshotHeader {
            job: Name::new("sql-peak").unwrap(),
            sequence: 7,
            taken_at: Timestamp::from_millisecond(1_762_417_830_123).unwrap(),
            monotonic_ms: 86_400_000,
            duration_ms: 14,
            boot_id: "5f1c".to_owned(),
            host: "esxi-host01".to_owned(),
            vm_name: "SQL, {prod}: 01".to_owned(),
            config_file: "/vmfs/volumes/ds 1/a b/a.vmx".to_owned(),
            world_group_id: WorldGroupId(12345),
            disks: vec![SnapshotDisk {
                handle_id: HandleId(9_135_781_989_851_158),
                node: "scsi0:0".to_owned(),
            }],
            flags: BTreeSet::from([SnapshotFlag::Late, SnapshotFlag::NewBaseline]),
            exit_status: Some(0),
        }
    }

    #[test]
    fn output_that_looks_like_a_header_line_is_left_alone() {
        let file = example().with_output(b"# flags: gap\n# output_bytes: 3\n");
        assert_eq!(read(&file).unwrap().output, b"# flags: gap\n# output_bytes: 3\n");
    }

    #[test]
    fn a_killed_command_has_no_exit_status() {
        let header = SnapshotHeader {
            exit_status: None,
            ..example()
        };
        assert_eq!(read(&header.with_output(b"")).unwrap().header.exit_status, None);
    }

    #[test]
    fn a_newer_major_version_is_refused() {
        let file = String::from_utf8(example().with_output(b""))
            .unwrap()
            .replace("vscsi-snapshot: 1.0", "vscsi-snapshot: 2.0");
        assert!(matches!(read(file.as_bytes()), Err(UnreadableSnapshot::TooNew { .. })));
    }

    #[test]
    fn an_unknown_header_line_is_skipped() {
        let file = String::from_utf8(example().with_output(b"x"))
            .unwrap()
            .replace("# boot_id", "# mood: good\n# boot_id");
        assert_eq!(read(file.as_bytes()).unwrap().header, example());
    }

    #[test]
    fn a_file_cut_at_any_byte_is_recognised() {
        let file = example().with_output(b"Histogram: x\n");
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "cut at {length} went unnoticed");
        }
    }

    #[test]
    fn a_node_keeps_the_blanks_at_its_end() {
        let disk = |node: &str| SnapshotDisk {
            handle_id: HandleId(8194),
            node: node.to_owned(),
        };
        let header = SnapshotHeader {
            disks: vec![disk("scsi0:0 \r"), disk(" "), disk("")],
            ..example()
        };
        assert_eq!(read(&header.with_output(b"")).unwrap().header, header);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(vm_name in any::<String>(), output in any::<Vec<u8>>(), sequence in any::<u32>()) {
            let header = SnapshotHeader { sequence, vm_name, ..example() };
            let file = header.with_output(&output);
            let snapshot = read(&file).unwrap();
            prop_assert_eq!(snapshot.header, header);
            prop_assert_eq!(snapshot.output, &output[..]);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>()) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn file_names_have_at_least_three_digits() {
        assert_eq!(super::super::file_name(7), "sample_007.csv");
        assert_eq!(super::super::file_name(12_345), "sample_12345.csv");
    }

    #[test]
    fn only_names_that_we_make_have_a_sequence() {
        assert_eq!(super::super::sequence_of("sample_007.csv"), Some(7));
        for name in [
            "sample_7.csv",
            "sample_.csv",
            "sample_007.csv.tmp",
            "../sample_007.csv",
            "sample_+07.csv",
        ] {
            assert_eq!(super::super::sequence_of(name), None, "{name}");
        }
    }
}
