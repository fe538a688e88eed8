//! Captures as people keep them: saved again by spreadsheets, cut out of mails and terminals, or by scripts that drop
//! what they do not need. Each is read as what vscsiStats had printed, and says how it was written.

use proptest::prelude::*;
use vscsi_shared::histogram::{Figure, Histogram, HistogramKind, Metric, Operation};
use vscsi_shared::vscsistats::{DiskHistograms, Parsed, Parser, parse};

use crate::support::{clean, data, findings, histograms};

/// The capture as vscsiStats printed it.
fn printed() -> String {
    String::from_utf8(data("vscsistats/one-disk.csv")).unwrap()
}

fn the_disk(parsed: Parsed) -> DiskHistograms {
    let [print] = parsed.prints.try_into().expect("one print");
    let [disk] = print.disks.try_into().expect("one disk");
    disk
}

fn kind(metric: Metric, operation: Operation) -> HistogramKind {
    HistogramKind::new(metric, operation).unwrap()
}

/// All sixteen histograms are those of the capture, and what is said about them begins like this.
#[track_caller]
fn reads_as_printed(input: &[u8], expected: &[&str]) {
    let parsed = parse(input);
    let said = findings(&parsed);
    let is_loss = parsed.diagnostics.iter().any(|diagnostic| diagnostic.kind.is_loss());
    let original = the_disk(parse(printed().as_bytes()));
    let read = the_disk(parsed);
    let pairs: Vec<(HistogramKind, &Histogram)> = read.iter().collect();
    assert_eq!(pairs, original.iter().collect::<Vec<_>>());
    assert!(!is_loss, "{said:?}");
    assert_eq!(said, expected);
}

#[test]
fn a_capture_padded_by_a_spreadsheet_is_read() {
    reads_as_printed(
        &data("vscsistats/spreadsheet/padded.csv"),
        &["line 2: it was saved again by another program: lines end in empty cells; the numbers are read all the same"],
    );
}

#[test]
fn a_capture_with_semicolons_is_read() {
    reads_as_printed(
        &data("vscsistats/spreadsheet/semicolon.csv"),
        &[
            "line 1: it was saved again by another program: cells stand between semicolons; the numbers are read all the \
             same",
            "line 2: it was saved again by another program: lines end in empty cells; the numbers are read all the same",
        ],
    );
}

#[test]
fn a_capture_with_tabs_is_read() {
    reads_as_printed(
        &data("vscsistats/spreadsheet/tab.txt"),
        &["line 1: it was saved again by another program: cells stand between tabs; the numbers are read all the same"],
    );
}

#[test]
fn a_capture_in_quotation_marks_is_read() {
    reads_as_printed(
        &data("vscsistats/spreadsheet/quoted.csv"),
        &[
            "line 1: it was saved again by another program: cells stand in quotation marks; the numbers are read all the \
             same",
        ],
    );
}

#[test]
fn a_capture_of_which_each_line_became_one_cell_is_read() {
    let lines: Vec<String> = printed().lines().map(|line| format!("\"{line}\";;\r\n")).collect();
    let parsed = parse(lines.concat().as_bytes());
    assert_eq!(histograms(&parsed), 16);
    assert!(parsed.diagnostics.iter().all(|diagnostic| !diagnostic.kind.is_loss()));
}

#[test]
fn the_hint_of_a_spreadsheet_about_its_separator_is_no_finding() {
    let hinted = format!("sep=;\r\n{}", printed().replace(',', ";"));
    let said = findings(&parse(hinted.as_bytes()));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("semicolons"), "{said:?}");
}

#[test]
fn a_number_that_a_spreadsheet_rounded_is_named_and_used_as_a_range() {
    let parsed = parse(&data("vscsistats/spreadsheet/scientific.csv"));
    assert_eq!(
        findings(&parsed),
        [
            "line 343: `5.81014E+11` was rounded, as spreadsheets do; what it may have been is used",
            "line 360: `5.81326E+11` was rounded, as spreadsheets do; what it may have been is used",
            "line 361: `1.45482E+11` was rounded, as spreadsheets do; what it may have been is used",
            "line 377: `5.81014E+11` was rounded, as spreadsheets do; what it may have been is used",
        ]
    );
    let original = the_disk(parse(printed().as_bytes()));
    let read = the_disk(parsed);
    for (kind, histogram) in original.iter() {
        let rounded = read.get(kind).unwrap();
        assert_eq!(rounded.counts(), histogram.counts(), "{}", kind.title());
        if kind.metric() != Metric::Interarrival {
            assert_eq!(rounded, histogram, "{}", kind.title());
        }
    }
    let true_max = 581_013_626_718;
    let all = read.get(kind(Metric::Interarrival, Operation::All)).unwrap().summary();
    let max = all.max.unwrap();
    assert!(max.at_least() <= true_max && true_max <= max.at_most(), "{max:?}");
    assert_eq!(max, Figure::rounded(581_014, 6).unwrap());
}

#[test]
fn a_rounded_count_leaves_its_histogram_out() {
    for (exact, rounded) in [("count,793", "count,7.93E+11"), ("608,4096", "6.08E+11,4096")] {
        let parsed = parse(printed().replacen(exact, rounded, 1).as_bytes());
        assert_eq!(histograms(&parsed), 15);
        let said = findings(&parsed);
        assert!(
            said[1].contains("was rounded, as spreadsheets do, and a count has to be exact"),
            "{said:?}"
        );
    }
}

#[test]
fn what_was_read_of_a_spreadsheet_is_written_and_read_again_the_same() {
    for file in ["padded.csv", "semicolon.csv", "tab.txt", "quoted.csv", "scientific.csv"] {
        let first = parse(&data(&format!("vscsistats/spreadsheet/{file}"))).prints;
        let again = parse(first[0].csv().to_string().as_bytes()).prints;
        assert_eq!(first, again, "{file}");
    }
}

/// Each line of the capture behind a text that counts on.
fn behind(text: impl Fn(usize) -> String) -> String {
    let lines: Vec<String> = printed()
        .lines()
        .enumerate()
        .map(|(number, line)| format!("{}{line}\n", text(number)))
        .collect();
    lines.concat()
}

#[test]
fn text_before_each_line_is_stripped_and_named_once() {
    let stamped = behind(|number| format!("2025-11-06T08:30:{:02} ", number % 60));
    reads_as_printed(
        stamped.as_bytes(),
        &["line 1: `2025-11-06T08:30:00` before the text of vscsiStats is left out, here and wherever the like stands"],
    );
    reads_as_printed(
        behind(|_| "> ".to_owned()).as_bytes(),
        &["line 1: `>` before the text of vscsiStats is left out, here and wherever the like stands"],
    );
    reads_as_printed(
        behind(|_| "[root@esx-01:~] ".to_owned()).as_bytes(),
        &["line 1: `[root@esx-01:~]` before the text of vscsiStats is left out, here and wherever the like stands"],
    );
    let numbered = behind(|number| format!("{:6}\t", number + 1));
    assert_eq!(histograms(&parse(numbered.as_bytes())), 16);
    let column = behind(|number| format!("08:30:{:02},", number % 60));
    assert_eq!(histograms(&parse(column.as_bytes())), 16);
}

#[test]
fn a_time_column_of_a_spreadsheet_is_stripped() {
    let table = behind(|number| format!("2025-11-06 08:30:{:02};", number % 60)).replace(',', ";");
    let parsed = parse(table.as_bytes());
    assert_eq!(histograms(&parsed), 16);
    assert!(
        parsed.diagnostics.iter().all(|diagnostic| !diagnostic.kind.is_loss()),
        "{parsed:?}"
    );
}

#[test]
fn plain_text_behind_time_stamps_is_read() {
    let [print] = clean(printed().as_bytes()).try_into().unwrap();
    let lines: Vec<String> = print
        .text()
        .to_string()
        .lines()
        .map(|line| format!("08:30:00 {line}\n"))
        .collect();
    let parsed = parse(lines.concat().as_bytes());
    assert_eq!(histograms(&parsed), 16);
    assert!(
        parsed.diagnostics.iter().all(|diagnostic| !diagnostic.kind.is_loss()),
        "{parsed:?}"
    );
}

#[test]
fn a_prompt_before_one_row_is_stripped_where_the_count_proves_the_row() {
    let prompted = printed().replacen("\n608,4096\n", "\n~ # 608,4096\n", 1);
    reads_as_printed(
        prompted.as_bytes(),
        &["line 11: `~ #` before the text of vscsiStats is left out, here and wherever the like stands"],
    );
}

#[test]
fn a_row_behind_other_text_that_does_not_add_up_is_not_believed() {
    // A blank that groups digits: 5 608 is not 608.
    let grouped = printed()
        .replacen("\n608,4096\n", "\n5 608,4096\n", 1)
        .replacen("count,793", "count,5793", 1);
    assert_eq!(histograms(&parse(grouped.as_bytes())), 15);
    // Without a count nothing proves the row.
    let uncounted = printed()
        .replacen("\n608,4096\n", "\n~ # 608,4096\n", 1)
        .replacen("count,793\n", "", 1);
    assert_eq!(histograms(&parse(uncounted.as_bytes())), 15);
}

#[test]
fn no_break_spaces_are_blanks() {
    let title = printed().replace("IO lengths of commands", "IO\u{a0}lengths of\u{a0}commands");
    reads_as_printed(
        title.as_bytes(),
        &[
            "line 1: it was saved again by another program: no-break spaces stand for blanks; the numbers are read all the \
             same",
        ],
    );
    let rows = printed().replace('\n', "\u{a0}\n");
    assert_eq!(histograms(&parse(rows.as_bytes())), 16);
    let latin_1: Vec<u8> = printed()
        .bytes()
        .flat_map(|byte| if byte == b'\n' { vec![0xa0, b'\n'] } else { vec![byte] })
        .collect();
    assert_eq!(histograms(&parse(&latin_1)), 16);
}

#[test]
fn utf_16_without_a_mark_is_read() {
    for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let input: Vec<u8> = printed().encode_utf16().flat_map(to_bytes).collect();
        reads_as_printed(
            &input,
            &[
                "line 1: it was saved again by another program: it is UTF-16 without a byte order mark; the numbers are read \
                 all the same",
            ],
        );
    }
}

#[test]
fn a_no_break_space_of_utf_16_is_a_blank_too() {
    let text = printed().replace("count,", "count,\u{a0}");
    let input: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(histograms(&parse(&input)), 16);
}

/// The capture without the lines that begin with one of these words.
fn without(words: &[&str]) -> String {
    let keep = |line: &&str| words.iter().all(|word| !line.starts_with(word));
    let lines: Vec<String> = printed().lines().filter(keep).map(|line| format!("{line}\n")).collect();
    lines.concat()
}

#[test]
fn histograms_without_the_lines_above_their_rows_are_read_by_their_buckets() {
    for titles in [&[][..], &["Frequency"]] {
        let bare = without(&[&["min", "max", "mean", "count"], titles].concat());
        let parsed = parse(bare.as_bytes());
        let said = findings(&parsed);
        assert_eq!(said.len(), 16, "{said:?}");
        assert_eq!(
            said[0],
            "line 1: histogram `IO lengths of commands` is printed without min, max, mean and count; its buckets are used"
        );
        let disk = the_disk(parsed);
        let original = the_disk(parse(printed().as_bytes()));
        for (kind, histogram) in original.iter() {
            let bare = disk.get(kind).unwrap();
            assert_eq!(bare.counts(), histogram.counts());
            assert_eq!(bare.count(), histogram.count());
            assert_eq!(bare.summary().mean, None);
        }
    }
}

#[test]
fn only_the_lines_that_are_missing_are_named() {
    let parsed = parse(without(&["mean"]).as_bytes());
    let said = findings(&parsed);
    assert_eq!(
        said[0],
        "line 1: histogram `IO lengths of commands` is printed without mean; its buckets are used"
    );
    let sizes = the_disk(parsed);
    let sizes = sizes.get(kind(Metric::IoLength, Operation::All)).unwrap();
    assert_eq!(sizes.summary().max, Some(Figure::exact(65536)));
    assert_eq!(sizes.whole().sum_bounds(), None);
}

#[test]
fn what_is_missing_is_missing_when_it_is_written_and_read_again() {
    let first = parse(without(&["min", "mean"]).as_bytes());
    let again = parse(first.prints[0].csv().to_string().as_bytes());
    assert_eq!(again, first);
}

/// A way in which a line is written again.
fn rewritings() -> impl Strategy<Value = fn(&str) -> String> {
    let known: [fn(&str) -> String; 9] = [
        |line| line.to_owned(),
        |line| format!("{line},,,"),
        |line| line.replace(',', ";") + ";;",
        |line| line.replace(',', "\t"),
        |line| format!("\"{}\"", line.replace(',', "\",\"")),
        |line| format!("12:00:01 {line}"),
        |line| format!("> {line}"),
        |line| line.replace(' ', "\u{a0}"),
        |line| format!("{line}\r"),
    ];
    prop::sample::select(known.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However it was written again, a histogram is read with the numbers that were printed, or not at all.
    #[test]
    fn no_rewriting_alters_a_number(
        rewrite in rewritings(),
        again in rewritings(),
        pieces in prop::collection::vec(1_usize..200, 1..5),
    ) {
        let input: String = printed().lines().map(|line| again(&rewrite(line)) + "\n").collect();
        let parsed = parse(input.as_bytes());
        let original = the_disk(parse(printed().as_bytes()));
        for disk in parsed.prints.iter().flat_map(|print| &print.disks) {
            for (kind, histogram) in disk.iter() {
                prop_assert_eq!(Some(histogram), original.get(kind), "{}", kind.title());
            }
        }
        let mut parser = Parser::new();
        let mut rest = input.as_bytes();
        for size in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            parser.push(piece);
            rest = after;
        }
        prop_assert_eq!(parser.finish(), parsed);
    }
}
