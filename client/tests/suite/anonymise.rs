//! `report --anonymise` and `export --anonymise`: every file that they write is searched for every name and date.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use serde_json::Value;

use crate::support::desk::Desk;
use crate::support::raw_job::{collect, stream};
use vscsi_shared::identifier::{HandleId, Name, WorldGroupId};
use vscsi_shared::snapshot::{self, Snapshot, file_name};

/// What stands in the job and nowhere else: names, of which all are orchids, identifiers of the host, and dates, those of a
/// workbook among them, which counts days.
const ORIGINALS: [&str; 7] = [
    "orchid",
    "9135781989851158",
    "9135781989851160",
    "31415926",
    "2025-1",
    "08:30",
    "45997",
];

/// A job of three disks, one of them with a name that is none of a place on a controller, and one with a handle alone. A
/// snapshot of it is no snapshot, the output of another one holds what vscsiStats never prints, and a handle changes. There is
/// another job of the same samples, `orchid-after`.
fn desk() -> Desk {
    let stream = stream(6, 100, |index| 700 + index);
    let desk = Desk::new();
    let folder = desk.job("orchid-job");
    let moments: Vec<u64> = (0..7).map(|second| second * 1_000_000).collect();
    collect(&folder, &[stream.clone(), stream.clone(), stream], &moments);
    let job = folder.join("job.json");
    let mut written: Value = serde_json::from_slice(&fs::read(&job).unwrap()).unwrap();
    for (path, value) in [
        ("/job_id", "orchid-job".into()),
        ("/host/hostname", "orchid-host.example.org".into()),
        ("/host/username", "orchid-login".into()),
        ("/host/fingerprint", "SHA256:Orchid".into()),
        ("/target/vm_name", "Orchid VM".into()),
        ("/target/world_group_id", "31415926".into()),
        (
            "/target/config_file",
            "/vmfs/volumes/OrchidStore/Orchid/Orchid.vmx".into(),
        ),
        ("/target/disks/0/lun", "OrchidLun".into()),
        ("/target/disks/1/node", "OrchidDisk:1".into()),
        ("/target/disks/2/node", "".into()),
        ("/target/disks/2/handle_id", "9135781989851158".into()),
        ("/profile/name", "orchid-profile".into()),
        (
            "/collection/errors",
            serde_json::json!([
            {"at": "2025-12-06T08:30:33Z", "sequence": 2, "message": "orchid-host.example.org said Orchid"}]),
        ),
        ("/cleanup/cleanup_error", "OrchidError".into()),
        ("/cleanup/manual_cleanup_command", "vscsiStats -x -w 31415926".into()),
    ] {
        *written.pointer_mut(path).unwrap() = value;
    }
    fs::write(&job, written.to_string()).unwrap();
    for sequence in 0..7 {
        rename(&snapshot_file(&folder, sequence));
    }
    fs::write(snapshot_file(&folder, 2), "Orchid, which is no snapshot").unwrap();
    let after = desk.job("orchid-after");
    fs::create_dir_all(after.join("samples")).unwrap();
    for sequence in 0..7 {
        fs::copy(snapshot_file(&folder, sequence), snapshot_file(&after, sequence)).unwrap();
    }
    written["job_id"] = "orchid-after".into();
    fs::write(after.join("job.json"), written.to_string()).unwrap();
    let noted = desk.run(&["note", "orchid-job", "before the Orchid migration"]);
    assert_eq!(noted.code, Some(0), "{}", noted.stderr);
    desk
}

fn snapshot_file(folder: &Path, sequence: u32) -> PathBuf {
    folder.join("samples").join(file_name(sequence))
}

/// Gives a snapshot the names of the job.
fn rename(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let Snapshot { mut header, output } = snapshot::read(&bytes).unwrap();
    let handle = if header.sequence < 5 {
        9_135_781_989_851_158
    } else {
        9_135_781_989_851_160
    };
    header.job = Name::new("orchid-job").unwrap();
    header.host = "orchid-host".to_owned();
    header.vm_name = "Orchid VM".to_owned();
    header.config_file = "/vmfs/volumes/OrchidStore/Orchid/Orchid.vmx".to_owned();
    header.boot_id = "orchid-boot".to_owned();
    header.world_group_id = WorldGroupId(31_415_926);
    header.disks[1].node = "OrchidDisk:1".to_owned();
    header.disks[2].node = String::new();
    header.disks[2].handle_id = HandleId(handle);
    let mut printed = String::from_utf8(output.to_vec()).unwrap();
    for (from, to) in [
        ("worldGroupID,12345", "worldGroupID,31415926"),
        ("scsi0:1", "OrchidDisk:1"),
        ("handleID,8196 (scsi0:2)", &format!("handleID,{handle}")),
    ] {
        assert!(printed.contains(from), "{from}: {printed}");
        printed = printed.replace(from, to);
    }
    if header.sequence == 3 {
        printed.push_str("Orchid: vscsiStats never prints this\n");
    }
    fs::write(path, header.with_output(printed.as_bytes())).unwrap();
}

/// What a command writes to `file`, as text; the parts of a workbook one behind the other, and a page with what its script
/// reads.
fn written(desk: &Desk, arguments: &[&str], file: &str) -> String {
    let ended = desk.run(&[arguments, &["-o", file]].concat());
    assert_eq!(ended.code, Some(3), "{arguments:?}: {}", ended.stderr);
    let bytes = fs::read(desk.path(file)).unwrap();
    match Path::new(file).extension().and_then(|ending| ending.to_str()) {
        Some("xlsx") => unpacked(&bytes),
        Some("html") => with_data(String::from_utf8(bytes).unwrap()),
        _ => String::from_utf8(bytes).unwrap(),
    }
}

/// A page, and the data that it holds packed where a script reads any.
fn with_data(mut page: String) -> String {
    let Some((_, behind)) = page.split_once("id=\"data\">") else {
        assert!(!page.contains("<script"), "a script reads nothing that is known here");
        return page;
    };
    let (packed, _) = behind.split_once("</script>").unwrap();
    let packed = STANDARD.decode(packed).unwrap();
    let mut data = String::new();
    ZlibDecoder::new(packed.as_slice()).read_to_string(&mut data).unwrap();
    assert!(data.starts_with('{'), "{data}");
    page.push_str(&data);
    page
}

/// The files in a ZIP archive.
fn unpacked(archive: &[u8]) -> String {
    const FILE: &[u8] = b"PK\x03\x04";
    let number = |at: usize| usize::from(u16::from_le_bytes(archive[at..at + 2].try_into().unwrap()));
    let mut texts = String::new();
    for at in (0..archive.len()).filter(|at| archive[*at..].starts_with(FILE)) {
        assert_eq!(number(at + 8), 8, "deflate");
        let (name, extra) = (number(at + 26), number(at + 28));
        texts.push_str(&String::from_utf8_lossy(&archive[at + 30..at + 30 + name]));
        DeflateDecoder::new(&archive[at + 30 + name + extra..])
            .read_to_string(&mut texts)
            .unwrap();
    }
    texts
}

fn found<'original>(text: &str, originals: &'original [&'original str]) -> Vec<&'original str> {
    let text = text.to_lowercase();
    originals
        .iter()
        .copied()
        .filter(|original| text.contains(original))
        .collect()
}

/// Everything that the two commands write as text: command and file.
fn commands() -> Vec<(Vec<&'static str>, &'static str)> {
    let mut commands = vec![
        (vec!["report", "orchid-job"], "page.html"),
        (
            vec!["report", "orchid-job", "--from", "08:30", "--disk", "OrchidLun"],
            "page.html",
        ),
        (
            vec!["report", "orchid-job", "--filter", "none", "--disk", "OrchidDisk:1"],
            "page.html",
        ),
        (vec!["report", "orchid-job", "orchid-after"], "page.html"),
    ];
    for file in ["table.csv", "table.json", "table.xlsx"] {
        commands.push((vec!["export", "orchid-job"], file));
        commands.push((vec!["export", "orchid-job", "--table", "samples"], file));
        commands.push((
            vec!["export", "orchid-job", "--raw", "--from", "2025-12-06T08:30:00Z"],
            file,
        ));
    }
    commands
}

#[test]
fn no_file_holds_a_name_or_a_date() {
    let desk = desk();
    for (arguments, file) in commands() {
        let text = written(&desk, &[arguments.as_slice(), &["--anonymise"]].concat(), file);
        assert_eq!(found(&text, &ORIGINALS), [""; 0], "{arguments:?} {file}");
        // There is something in it.
        assert!(text.len() > 500, "{arguments:?} {file}: {text}");
    }
}

#[test]
fn without_anonymise_the_search_finds_them() {
    let desk = desk();
    let page = written(&desk, &["report", "orchid-job"], "page.html");
    for name in [
        "orchid vm",
        "orchid-host.example.org",
        "orchid-job",
        "orchid migration",
        "orchiddisk:1",
        "9135781989851158",
        "9135781989851160",
        "2025-12-06",
        "08:30",
    ] {
        assert_eq!(found(&page, &[name]), [name]);
    }
    assert!(
        page.contains("part of the output could not be used"),
        "the odd output is not noticed"
    );
    let workbook = written(&desk, &["export", "orchid-job", "--table", "samples"], "table.xlsx");
    assert_eq!(found(&workbook, &["orchid", "45997"]), ["orchid", "45997"]);
    let table = written(&desk, &["export", "orchid-job"], "table.csv");
    assert_eq!(found(&table, &["orchid", "2025-1"]), ["orchid", "2025-1"]);
}

#[test]
fn aliases_stand_in_their_place_and_the_page_says_so() {
    let desk = desk();
    let page = written(&desk, &["report", "orchid-job", "--anonymise"], "page.html");
    for part in [
        "job job-1",
        "on host-1",
        "2000-01-01 00:00:00 UTC",
        "scsi0:0",
        "disk-1",
        "disk-2",
        "# Source: VM vm-1 on host-1",
    ] {
        assert!(page.contains(part), "no `{part}`");
    }
    assert!(page.contains("Names and dates were replaced"));
    let table = written(
        &desk,
        &["export", "orchid-job", "--anonymise", "--table", "samples"],
        "table.csv",
    );
    let first = table.lines().nth(1).unwrap();
    assert!(first.starts_with("job-1,host-1,vm-1,1,2000-01-01T00:00:01"), "{first}");
}

#[test]
fn the_usual_name_of_the_file_tells_nothing_and_replaces_no_other_jobs() {
    let desk = desk();
    for (arguments, file) in [
        (["report", "orchid-job", "--anonymise"].as_slice(), "job-1.html"),
        (
            &["export", "orchid-job", "--anonymise", "--format", "json"],
            "job-1.json",
        ),
    ] {
        let ended = desk.run(arguments);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(desk.path(file).is_file());
        desk.refuses(arguments, 2, &[file, "another job", "`-o FILE`"]);
    }
}

#[test]
fn the_same_job_gives_the_same_workbook() {
    let desk = desk();
    let bytes = |file| {
        written(&desk, &["export", "orchid-job"], file);
        fs::read(desk.path(file)).unwrap()
    };
    assert_eq!(bytes("one.xlsx"), bytes("two.xlsx"));
}
