//! Laws of the parser, over generated prints.

use proptest::prelude::*;
use vscsi_shared::histogram::{Histogram, HistogramKind, Limits};
use vscsi_shared::vscsistats::{DiskHistograms, Parsed, Parser, Print, parse};

use crate::support::{clean, data, disk, print, summary};

/// The histograms whose last line is complete before byte `cut`, found by looking for the next title.
fn complete_before(csv: &str, cut: usize) -> usize {
    let ends = csv
        .match_indices("\nHistogram: ")
        .map(|(at, _)| at)
        .chain([csv.len() - 1]);
    ends.filter(|&end| end <= cut).count()
}

fn in_pieces(input: &[u8], sizes: &[usize]) -> Parsed {
    let mut parser = Parser::new();
    let mut prints = Vec::new();
    let mut rest = input;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        parser.push(piece);
        prints.append(&mut parser.take_prints());
        rest = after;
    }
    let last = parser.finish();
    prints.extend(last.prints);
    Parsed {
        prints,
        diagnostics: last.diagnostics,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_printed_csv_is_read_back(print in print()) {
        prop_assert_eq!(clean(print.csv().to_string().as_bytes()), [print]);
    }

    #[test]
    fn a_printed_text_is_read_back(print in print()) {
        prop_assert_eq!(clean(print.text().to_string().as_bytes()), [print]);
    }

    #[test]
    fn prints_of_the_same_disks_one_after_another_are_kept_apart(
        first in disk(7, 8192),
        second in disk(7, 8192),
        text in any::<bool>(),
    ) {
        let prints = [first, second].map(|disk| Print::new(vec![disk]));
        let mut input = prints[0].csv().to_string();
        input += &if text { prints[1].text().to_string() } else { prints[1].csv().to_string() };
        prop_assert_eq!(clean(input.as_bytes()), prints);
    }

    #[test]
    fn line_ends_make_no_difference(print in print()) {
        let csv = print.csv().to_string();
        for end in ["\r\n", "\r", "\n\n", "\r\r\n", "  \n"] {
            prop_assert_eq!(clean(csv.replace('\n', end).as_bytes()), std::slice::from_ref(&print));
        }
    }

    #[test]
    fn the_pieces_in_which_an_input_comes_make_no_difference(
        print in print(),
        sizes in prop::collection::vec(1_usize..300, 1..8),
        garbage in any::<Vec<u8>>(),
        utf16 in any::<bool>(),
    ) {
        let mut input = garbage;
        input.extend(print.csv().to_string().replace("count,", "count ,").into_bytes());
        input.extend(print.csv().to_string().into_bytes());
        if utf16 {
            input = [0xff, 0xfe].into_iter().chain(input.into_iter().flat_map(|byte| [byte, 0])).collect();
        }
        prop_assert_eq!(in_pieces(&input, &sizes), parse(&input));
    }

    #[test]
    fn a_csv_cut_anywhere_yields_exactly_the_histograms_complete_before_the_cut(
        disk in disk(2_099_979, 8194),
        at in any::<prop::sample::Index>(),
    ) {
        let whole = Print::new(vec![disk.clone()]);
        let csv = whole.csv().to_string();
        let cut = at.index(csv.len());
        let expected: Vec<_> = disk.iter().take(complete_before(&csv, cut)).collect();
        let parsed = parse(&csv.as_bytes()[..cut]);
        let read: Vec<_> = parsed.prints.iter().flat_map(|print| &print.disks).flat_map(DiskHistograms::iter).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn unknown_limits_are_read_and_reported(
        limits in prop::collection::btree_set(-1000_i64..1000, 1..40),
        counts in prop::collection::vec(any::<u64>(), 41),
        summary in summary(),
        kind in prop::sample::select(&HistogramKind::ALL[..]),
    ) {
        let limits: Vec<i64> = limits.into_iter().collect();
        let known = Limits::known(kind.metric());
        prop_assume!(!limits.iter().all(|limit| known.as_slice().contains(limit)));
        let counts = counts[..=limits.len()].to_vec();
        let limits = Limits::from_input(kind.metric(), &limits).unwrap();
        let mut disk = DiskHistograms::new(
            vscsi_shared::identifier::WorldGroupId(1),
            vscsi_shared::identifier::HandleId(2),
            None,
        );
        disk.insert(kind, Histogram::new(limits, counts, summary).unwrap());
        let print = Print::new(vec![disk]);
        for input in [print.csv().to_string(), print.text().to_string()] {
            let parsed = parse(input.as_bytes());
            prop_assert_eq!(&parsed.prints[..], std::slice::from_ref(&print));
            let findings = crate::support::findings(&parsed);
            prop_assert_eq!(
                findings,
                [format!("line 1: histogram `{}` has bucket limits that no known vscsiStats prints", kind.title())]
            );
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(input in any::<Vec<u8>>()) {
        let parsed = parse(&input);
        prop_assert_eq!(parsed.prints, []);
        prop_assert!(!parsed.diagnostics.is_empty());
    }

    #[test]
    fn a_damaged_input_never_panics_and_never_yields_more_histograms(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut input = data("vscsistats/one-disk.csv");
        for (at, byte) in changes {
            let at = at.index(input.len());
            input[at] = byte;
        }
        prop_assert!(crate::support::histograms(&parse(&input)) <= 16);
    }
}

#[test]
fn the_capture_cut_at_every_byte_yields_exactly_the_histograms_complete_before_the_cut() {
    let input = data("vscsistats/one-disk.csv");
    let csv = std::str::from_utf8(&input).unwrap();
    for cut in 0..=input.len() {
        let read = crate::support::histograms(&parse(&input[..cut]));
        assert_eq!(read, complete_before(csv, cut), "cut at byte {cut}");
    }
}
