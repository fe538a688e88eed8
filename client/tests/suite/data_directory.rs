//! What a neighbour could have laid into the data directory, and what the client does with it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use crate::support::desk::Desk;

/// Everything that an analysis writes with these words.
const ANALYZE: [&str; 6] = ["analyze", "captured", "--csv", "--visualize", "--format", "svg"];

/// The files of a job that are made of its snapshots.
fn made(desk: &Desk) -> Vec<PathBuf> {
    let folders = ["analysis", "visualizations"].map(|folder| desk.path("data/captured").join(folder));
    let listings = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    listings.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn no_link_is_followed_by_what_is_made_of_a_job() {
    let desk = Desk::with_the_capture();
    let made_before = {
        assert_eq!(desk.run(&ANALYZE).code, Some(0));
        made(&desk)
    };
    let names: Vec<_> = made_before
        .iter()
        .map(|path| path.extension().unwrap_or_default())
        .collect();
    for kind in ["json", "csv", "fio", "parquet", "svg"] {
        assert!(
            names.iter().any(|name| *name == kind),
            "no {kind} among {made_before:?}"
        );
    }
    let theirs = desk.path("theirs");
    fs::write(&theirs, "theirs").unwrap();
    for path in &made_before {
        fs::remove_file(path).unwrap();
        symlink(&theirs, path).unwrap();
    }
    let ended = desk.run(&ANALYZE);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
    for path in made_before {
        assert!(!path.is_symlink(), "{} is a link still", path.display());
    }
}

#[test]
fn nothing_is_written_where_others_may_write() {
    let desk = Desk::with_the_capture();
    assert_eq!(desk.run(&ANALYZE).code, Some(0));
    for folder in ["", "analysis", "visualizations"] {
        let folder = desk.path("data/captured").join(folder);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        desk.refuses(
            &ANALYZE,
            1,
            &["others may write to", "hint: look whether", "chmod -R go-w"],
        );
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(desk.run(&ANALYZE).code, Some(0));
}
