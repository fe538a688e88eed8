//! What the end-to-end tests share. The tests themselves are in `tests/tests`.

pub mod binaries;
