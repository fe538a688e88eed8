//! The saved corpus, replayed: what the fuzzer once found stays found.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::panic::catch_unwind;
use std::path::PathBuf;

use vscsi_fuzz::{TARGETS, Target};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/data/fuzz")
}

/// Names and contents of the saved inputs of a target.
fn saved(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = fs::read_dir(folder().join(target.name))?;
    let inputs = entries.map(|entry| {
        let path = entry?.path();
        let input = fs::read(&path)?;
        Ok((path, input))
    });
    inputs.collect()
}

#[test]
fn every_saved_input_is_read_as_it_must_be_and_so_is_its_first_half() {
    for target in TARGETS {
        let inputs = saved(target).unwrap();
        assert!(!inputs.is_empty(), "`{}` has no corpus", target.name);
        for (path, input) in inputs {
            for part in [&input[..], &input[..input.len() / 2]] {
                let outcome = catch_unwind(|| (target.run)(part));
                assert!(outcome.is_ok(), "`{}` breaks at {}", target.name, path.display());
            }
        }
    }
}

#[test]
fn every_corpus_belongs_to_a_target() {
    let folders: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(folders, targets);
}
