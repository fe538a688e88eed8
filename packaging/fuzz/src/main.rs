//! The program that libFuzzer drives: one target, which `VSCSI_FUZZ_TARGET` names.
#![no_main]
#![expect(
    clippy::panic,
    reason = "libFuzzer owns `main`, so there is no other way to refuse a name"
)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use vscsi_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("VSCSI_FUZZ_TARGET").unwrap_or_default();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    vscsi_fuzz::target(&name).unwrap_or_else(|| panic!("no target is named `{name}`, only {names:?}"))
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));
