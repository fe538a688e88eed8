//! Input that is not what vscsiStats prints: each damage alone, with what is kept and what is said about it.

use vscsi_shared::histogram::{HistogramKind, Metric, Operation};
use vscsi_shared::identifier::HandleId;
use vscsi_shared::vscsistats::{DiagnosticKind, Parsed, parse};

use crate::support::{clean, findings, histograms};

/// A whole latency histogram of disk `handle`; its lines are title, four of the summary, column titles, eleven rows.
fn latency(handle: u64) -> String {
    format!(
        "Histogram: latency of IOs in Microseconds (us),virtual machine worldGroupID,7,virtual disk handleID,{handle} \
         (scsi0:0)\nmin,40\nmax,90\nmean,60\ncount,3\nFrequency,Histogram Bucket Limit\n0,1\n0,10\n3,100\n0,500\n0,1000\n\
         0,5000\n0,15000\n0,30000\n0,50000\n0,100000\n0,100000\n"
    )
}

fn title_line(handle: u64) -> String {
    latency(handle).lines().next().unwrap().to_owned()
}

/// `damaged` and then a whole histogram of another disk, which has to be read whatever came before it.
fn before_a_whole_one(damaged: &str) -> Parsed {
    let parsed = parse(format!("{damaged}{}", latency(9000)).as_bytes());
    let last = parsed.prints.last().and_then(|print| print.disks.last()).unwrap();
    assert_eq!(last.handle_id, HandleId(9000));
    assert_eq!(last.iter().count(), 1);
    parsed
}

/// The damaged histogram is left out, and exactly this is said.
#[track_caller]
fn left_out(damaged: &str, expected: &[&str]) {
    let parsed = before_a_whole_one(damaged);
    assert_eq!(histograms(&parsed), 1);
    assert_eq!(findings(&parsed), expected);
}

#[test]
fn an_empty_input_holds_nothing() {
    let parsed = parse(b"");
    assert_eq!(parsed.prints, []);
    assert_eq!(findings(&parsed), ["line 1: no vscsiStats histogram was found"]);
}

#[test]
fn a_file_of_another_kind_is_reported_in_two_findings() {
    let parsed = parse("name,size\n1,2\n3,4\n".repeat(1000).as_bytes());
    assert_eq!(parsed.prints, []);
    assert_eq!(
        findings(&parsed),
        [
            "line 1: unexpected line `name,size`",
            "line 1: no vscsiStats histogram was found"
        ]
    );
}

#[test]
fn a_shell_prompt_before_the_first_histogram_is_reported_once() {
    let input = format!(
        "[root@esx:~] date\nMon\n\n[root@esx:~] vscsiStats -p all -c\n{}",
        latency(8192)
    );
    let parsed = parse(input.as_bytes());
    assert_eq!(histograms(&parsed), 1);
    assert_eq!(findings(&parsed), ["line 1: unexpected line `[root@esx:~] date`"]);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let print = clean(format!("\u{feff}{}", latency(8192)).as_bytes());
    assert_eq!(print.len(), 1);
}

#[test]
fn the_utf_16_that_powershell_writes_is_read() {
    let text = format!("\u{feff}é\r\n{}", latency(8192).replace('\n', "\r\n"));
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let input: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
        let parsed = parse(&input);
        assert_eq!(histograms(&parsed), 1);
        assert_eq!(findings(&parsed), ["line 1: unexpected line `?`"]);
    }
}

#[test]
fn half_a_byte_order_mark_is_an_unexpected_line() {
    let mut input = b"\xff\n".to_vec();
    input.extend(latency(8192).into_bytes());
    assert_eq!(histograms(&parse(&input)), 1);
    assert_eq!(
        findings(&parse(b"\xff")),
        [
            "line 1: unexpected line `\u{fffd}`",
            "line 1: no vscsiStats histogram was found"
        ]
    );
}

#[test]
fn a_missing_overflow_row_leaves_the_histogram_out() {
    left_out(
        latency(8192).strip_suffix("0,100000\n").unwrap(),
        &["line 1: histogram `latency of IOs in Microseconds (us)` has no overflow bucket and is left out"],
    );
}

#[test]
fn a_histogram_that_breaks_off_is_left_out() {
    for lines in [1, 3, 5, 6, 9, 15] {
        let damaged: String = latency(8192).split_inclusive('\n').take(lines).collect();
        left_out(
            &damaged,
            &["line 1: histogram `latency of IOs in Microseconds (us)` is incomplete and left out"],
        );
    }
}

#[test]
fn a_row_that_repeats_a_limit_too_early_leaves_the_histogram_out() {
    left_out(
        &latency(8192).replace("3,100\n", "3,10\n"),
        &["line 1: histogram `latency of IOs in Microseconds (us)` lacks rows and is left out"],
    );
}

#[test]
fn known_limits_with_a_hole_are_damage_and_no_new_version() {
    for lost in ["0,1\n", "3,100\n", "0,5000\n", "0,50000\n"] {
        left_out(
            &latency(8192).replacen(lost, "", 1),
            &["line 1: histogram `latency of IOs in Microseconds (us)` lacks rows and is left out"],
        );
    }
}

#[test]
fn known_limits_that_end_early_are_damage_in_plain_text_too() {
    for file in ["prefix.txt", "prefix1.txt"] {
        let parsed = parse(&crate::support::data(&format!("vscsistats/contradictions/{file}")));
        let lost = "histogram `latency of IOs in Microseconds (us)` lacks rows and is left out";
        assert!(
            findings(&parsed).iter().any(|finding| finding.ends_with(lost)),
            "{file}: {parsed:?}"
        );
        let latency = HistogramKind::new(Metric::Latency, Operation::All).unwrap();
        let mut disks = parsed.prints.iter().flat_map(|print| &print.disks);
        assert!(disks.all(|disk| disk.get(latency).is_none()), "{file}");
    }
}

#[test]
fn limits_that_fall_leave_the_histogram_out() {
    left_out(
        &latency(8192).replace("0,15000\n", "0,15\n"),
        &["line 1: histogram `latency of IOs in Microseconds (us)` has bucket limits that do not grow and is left out"],
    );
}

#[test]
fn rows_without_end_are_not_collected_without_end() {
    let rows: String = (0..5000)
        .map(|limit| format!("1,{limit}\n"))
        .collect::<Vec<_>>()
        .concat();
    let summary = latency(8192).split_inclusive('\n').take(6).collect::<String>();
    left_out(
        &(summary + &rows),
        &["line 1: histogram `latency of IOs in Microseconds (us)` has too many buckets and is left out"],
    );
}

#[test]
fn a_number_beyond_64_bits_leaves_the_histogram_out() {
    left_out(
        &latency(8192).replace("3,100\n", "99999999999999999999,100\n"),
        &[
            "line 1: histogram `latency of IOs in Microseconds (us)` is incomplete and left out",
            "line 9: `99999999999999999999` is not a number that fits 64 bits",
        ],
    );
}

#[test]
fn text_among_the_rows_leaves_the_histogram_out() {
    left_out(
        &latency(8192).replace("0,500\n", "vmkernel: warning\n0,500\n"),
        &[
            "line 1: histogram `latency of IOs in Microseconds (us)` is incomplete and left out",
            "line 10: unexpected line `vmkernel: warning`",
        ],
    );
}

#[test]
fn a_row_after_the_overflow_is_unexpected() {
    let parsed = before_a_whole_one(&(latency(8192) + "5,200000\n"));
    assert_eq!(histograms(&parsed), 2);
    assert_eq!(findings(&parsed), ["line 18: unexpected line `5,200000`"]);
}

#[test]
fn an_unknown_title_is_reported_and_its_rows_passed_over() {
    left_out(
        &latency(8192).replace("latency of IOs", "latency of UNMAPs"),
        &["line 1: unknown histogram `latency of UNMAPs in Microseconds (us)`"],
    );
}

#[test]
fn a_handle_beyond_64_bits_is_reported_and_its_rows_passed_over() {
    left_out(
        &latency(8192).replace("8192", "99999999999999999999"),
        &["line 1: `99999999999999999999` is not a number that fits 64 bits"],
    );
}

#[test]
fn a_64_bit_handle_is_kept_as_printed() {
    let prints = clean(latency(9_135_781_989_851_158).as_bytes());
    assert_eq!(prints[0].disks[0].handle_id, HandleId(9_135_781_989_851_158));
}

#[test]
fn control_characters_do_not_reach_the_findings() {
    let parsed = before_a_whole_one("\u{1b}[2J\0\x07 \u{9b}31m\n");
    let [finding] = &findings(&parsed)[..] else {
        panic!("one finding")
    };
    assert!(finding.chars().all(|character| !character.is_control()), "{finding:?}");
}

#[test]
fn invalid_utf8_is_shown_as_replacement_characters() {
    let mut input = b"\xff\xfd\xff\n".to_vec();
    input.extend(latency(8192).into_bytes());
    let parsed = parse(&input);
    assert_eq!(histograms(&parsed), 1);
    assert_eq!(
        findings(&parsed),
        ["line 1: unexpected line `\u{fffd}\u{fffd}\u{fffd}`"]
    );
}

#[test]
fn an_output_torn_in_a_row_and_continued_by_the_next_loses_only_the_torn_histogram() {
    let torn = latency(8192);
    let torn = torn.strip_suffix("00\n0,50000\n0,100000\n0,100000\n").unwrap();
    left_out(
        torn,
        &["line 1: histogram `latency of IOs in Microseconds (us)` is incomplete and left out"],
    );
}

#[test]
fn a_whole_output_without_its_last_line_end_may_be_continued_by_the_next() {
    let parsed = before_a_whole_one(latency(8192).trim_end());
    assert_eq!(histograms(&parsed), 2);
    assert_eq!(findings(&parsed), Vec::<String>::new());
}

#[test]
fn an_output_torn_in_a_title_and_continued_by_the_next_is_reported() {
    left_out(
        "Histogram: latency of I",
        &["line 1: unexpected line `Histogram: latency of I`"],
    );
}

#[test]
fn a_histogram_of_the_same_kind_and_disk_begins_the_next_print() {
    let prints = clean((latency(8192) + &latency(8193) + &latency(8192)).as_bytes());
    let handles: Vec<Vec<u64>> = prints
        .iter()
        .map(|print| print.disks.iter().map(|disk| disk.handle_id.0).collect())
        .collect();
    assert_eq!(handles, [vec![8192, 8193], vec![8192]]);
}

#[test]
fn a_damaged_print_is_not_filled_up_from_the_next_one() {
    let reads = |text: String| text.replace("latency of IOs", "latency of Read IOs");
    // The first print lost its reads to damage; those of the second must not slip into it.
    let damaged = latency(8192) + &reads(latency(8192)).replace("0,100000\n0,100000\n", "0,100000\n");
    let parsed = parse((damaged + &reads(latency(8192)) + &latency(8192)).as_bytes());
    let reads = HistogramKind::new(Metric::Latency, Operation::Read).unwrap();
    let has_reads: Vec<bool> = parsed
        .prints
        .iter()
        .map(|print| print.disks[0].get(reads).is_some())
        .collect();
    assert_eq!(has_reads, [false, true]);
}

#[test]
fn a_disk_of_another_vm_with_the_same_handle_is_another_disk() {
    let other = latency(8192).replace("worldGroupID,7", "worldGroupID,8");
    let prints = clean((latency(8192) + &other).as_bytes());
    assert_eq!(prints.len(), 1);
    assert_eq!(prints[0].disks.len(), 2);
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let input = latency(8192) + &"garbage\n".repeat(10_000);
    let parsed = parse(input.as_bytes());
    assert_eq!(parsed.diagnostics.len(), 101);
    assert_eq!(parsed.diagnostics[100].kind, DiagnosticKind::Further(9_900));
    assert_eq!(parsed.diagnostics[100].line, 118);
}

#[test]
fn a_line_of_a_megabyte_is_one_finding() {
    let parsed = before_a_whole_one(&("x".repeat(1 << 20) + "\n"));
    assert_eq!(
        findings(&parsed),
        [format!("line 1: unexpected line `{}…`", "x".repeat(80))]
    );
}

#[test]
fn the_plain_text_of_an_old_host_without_a_node_is_read() {
    let text = "Histogram: number of outstanding IOs when a new IO is issued worldGroupID : 5, virtual disk handleID : 6 {\n \
                min : 1\n max : 70\n mean : 2\n count : 3\n   {\n      2 (<= 1)\n      0 (<= 128)\n      1 (> 128)\n   }\n}\n";
    let parsed = parse(text.as_bytes());
    let disk = &parsed.prints[0].disks[0];
    assert_eq!(disk.node, None);
    let kind = HistogramKind::new(Metric::OutstandingIos, Operation::All).unwrap();
    assert_eq!(disk.get(kind).unwrap().counts(), [2, 0, 1]);
    assert_eq!(disk.get(kind).unwrap().limits().as_slice(), [1, 128]);
}

#[test]
fn the_line_of_a_finding_about_a_whole_histogram_is_that_of_its_title() {
    let damaged = latency(8192) + &title_line(8193) + "\nmin,1\n";
    let parsed = before_a_whole_one(&damaged);
    assert_eq!(parsed.diagnostics[0].line, 18);
}
