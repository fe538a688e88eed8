//! The Rust that the packages promise to need is the one that everything is built and tested with.

use std::path::Path;

/// The quoted value behind `key = ` in a file at the top of the repository.
fn value(file: &str, key: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(path).ok()?;
    let quoted = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    Some(quoted?.trim_matches('"').to_owned())
}

#[test]
fn the_rust_version_of_the_packages_is_that_of_the_pinned_toolchain() {
    let promised = value("Cargo.toml", "rust-version").unwrap();
    let pinned = value("rust-toolchain.toml", "channel").unwrap();
    assert_eq!(pinned.strip_prefix(&promised), Some(".0"), "{promised} and {pinned}");
}
