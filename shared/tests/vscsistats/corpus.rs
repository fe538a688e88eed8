//! Every file of the saved corpus, whole, byte by byte, and cut at every byte.

use std::path::Path;

use vscsi_shared::vscsistats::{Parser, parse, parse_command_table, parse_listing};

#[test]
fn no_file_of_the_saved_corpus_and_no_start_of_one_makes_a_parser_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/corpus");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        for end in 0..=input.len() {
            let input = &input[..end];
            parse(input);
            parse_listing(input);
            parse_command_table(input);
        }
        let mut parser = Parser::new();
        input.chunks(1).for_each(|byte| parser.push(byte));
        assert_eq!(parser.finish(), parse(&input), "{}", path.display());
        files += 1;
    }
    assert!(files >= 10, "the corpus has only {files} files");
}
