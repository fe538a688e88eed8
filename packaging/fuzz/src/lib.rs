//! The readers of bytes that others wrote, each with what must hold for any input.
//!
//! `cargo xtask fuzz NAME` feeds one of them with what libFuzzer makes up. Inputs worth keeping lie in
//! `fixtures/data/fuzz/NAME`, and the tests of this crate replay them with the stable compiler.
#![expect(clippy::panic, reason = "a target says by a panic what it found")]

mod captures;
mod files;
mod host_output;
mod http;
mod replay_logs;

// The client's readers, taken from their files: the crate itself would bring the data frame library, which takes more
// to build for the fuzzer than all the rest. They refer to each other as they do there.
#[expect(dead_code, reason = "the client uses what is left over")]
#[path = "../../../client/src/import/commands.rs"]
mod commands;
#[path = "../../../client/src/import/description.rs"]
mod description;
#[expect(unreachable_pub, reason = "it is public in the client")]
#[path = "../../../client/src/fio/iolog/format.rs"]
mod format;
#[path = "../../../client/src/fio/iolog/read_back.rs"]
mod read_back;
#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the client uses what is left over"
)]
#[path = "../../../client/src/stream/mod.rs"]
mod stream;
#[cfg_attr(not(test), expect(dead_code, reason = "the client uses what is left over"))]
#[path = "../../../client/src/fio/iolog/touched.rs"]
mod touched;
#[path = "../../../client/src/import/trace.rs"]
mod trace;
#[path = "../../../client/src/import/xml.rs"]
mod xml;

/// A reader, and what is asserted about it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of the folder of its corpus.
    pub name: &'static str,
    /// Reads an input. Panics when the reader does, or when it breaks what must hold.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "vscsistats",
        run: host_output::vscsistats,
    },
    Target {
        name: "listing",
        run: host_output::listing,
    },
    Target {
        name: "command-table",
        run: host_output::command_table,
    },
    Target {
        name: "trace",
        run: captures::trace,
    },
    Target {
        name: "api-xml",
        run: captures::api_xml,
    },
    Target {
        name: "esxi",
        run: host_output::esxi,
    },
    Target {
        name: "snapshot",
        run: files::snapshot,
    },
    Target {
        name: "job-json",
        run: files::job_json,
    },
    Target {
        name: "http-head",
        run: http::head,
    },
    Target {
        name: "iolog",
        run: replay_logs::iolog,
    },
    Target {
        name: "fio-log",
        run: replay_logs::fio_log,
    },
];

/// The target with this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}

/// Cuts an input into pieces whose lengths depend on it, so that the same input is always cut the same way.
fn pieces(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let length = input.first().map_or(1, |byte| usize::from(byte % 13) + 1);
    input.chunks(length)
}
