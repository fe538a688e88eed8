//! What the tasks need beside cargo and this program.

/// Something that an image may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A program on the search path.
    Program {
        /// Its name.
        name: &'static str,
        /// The Debian packages that bring it.
        packages: &'static [&'static str],
        /// What it is for.
        purpose: &'static str,
    },
    /// A module of the system's Python.
    PythonModule {
        /// Its name.
        name: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
        /// What it is for.
        purpose: &'static str,
    },
    /// The standard library for a target, in the toolchain that cargo uses.
    StandardLibrary {
        /// The target.
        target: &'static str,
        /// What it is for.
        purpose: &'static str,
    },
    /// A subcommand of cargo that comes with Rust.
    Component {
        /// The program, such as `cargo-fmt`.
        program: &'static str,
        /// The name that rustup gives the component.
        component: &'static str,
        /// The Debian package for a Rust of Debian.
        package: &'static str,
        /// What it is for.
        purpose: &'static str,
    },
}

/// The target of everything that runs on an ESXi host.
pub(crate) const MUSL: &str = "x86_64-unknown-linux-musl";

/// To build the programs.
pub(crate) const BUILDING: &[Need] = &[
    Need::Program {
        name: "cc",
        packages: &["gcc", "libc6-dev"],
        purpose: "links the programs and compiles SQLite",
    },
    Need::StandardLibrary {
        target: MUSL,
        purpose: "the agent is a static program",
    },
];

/// To check the sources.
pub(crate) const CHECKING: &[Need] = &[
    Need::Program {
        name: "git",
        packages: &["git"],
        purpose: "lists the files that the repository's own rules are for",
    },
    Need::Component {
        program: "cargo-fmt",
        component: "rustfmt",
        package: "rustfmt",
        purpose: "checks the format of the sources",
    },
    Need::Component {
        program: "cargo-clippy",
        component: "clippy",
        package: "rust-clippy",
        purpose: "checks the sources for mistakes",
    },
    Need::PythonModule {
        name: "ensurepip",
        package: "python3-venv",
        purpose: "makes the environment of what checks the agent in Python",
    },
];

/// To run the tests, end to end ones included.
pub(crate) const TESTING: &[Need] = &[
    Need::Program {
        name: "sshd",
        packages: &["openssh-server"],
        purpose: "the ssh server the client is tested against",
    },
    Need::Program {
        name: "ssh",
        packages: &["openssh-client"],
        purpose: "the ssh client that the product runs",
    },
    Need::Program {
        name: "bash",
        packages: &["bash"],
        purpose: "the shell in which completion is tried",
    },
    Need::Program {
        name: "busybox",
        packages: &["busybox-static"],
        purpose: "the shell of the simulated host",
    },
    Need::Program {
        name: "python3",
        packages: &["python3"],
        purpose: "the Python of the simulated host",
    },
    Need::Program {
        name: "chroot",
        packages: &["coreutils"],
        purpose: "enters the simulated host",
    },
    Need::Program {
        name: "ldd",
        packages: &["libc-bin"],
        purpose: "says which libraries the Python of the simulated host needs",
    },
    FIO,
    Need::Program {
        name: "useradd",
        packages: &["passwd"],
        purpose: "makes the user who logs in with a password",
    },
    Need::Program {
        name: "prlimit",
        packages: &["util-linux"],
        purpose: "lowers the limits of a running program",
    },
    Need::Program {
        name: "mount",
        packages: &["mount"],
        purpose: "makes the small file system that runs full",
    },
    PYTHON,
    Need::Program {
        name: "tmux",
        packages: &["tmux"],
        purpose: "the terminal that the live view is looked at in",
    },
    Need::Program {
        name: "script",
        packages: &["bsdutils"],
        purpose: "the terminal that the live view panics on",
    },
    Need::Program {
        name: "kill",
        packages: &["procps"],
        purpose: "ends the ssh server",
    },
];

/// To build the fuzzer.
pub(crate) const FUZZING: &[Need] = &[
    Need::Program {
        name: "cc",
        packages: &["gcc", "libc6-dev"],
        purpose: "links the program",
    },
    Need::Program {
        name: "c++",
        packages: &["g++"],
        purpose: "compiles libFuzzer",
    },
];

/// To run generated jobs.
pub(crate) const REPLAYING: &[Need] = &[FIO];

/// The programs beside those of Python that the tests open the product's files with.
pub(crate) const OPENING: &[Need] = &[
    Need::Program {
        name: "jq",
        packages: &["jq"],
        purpose: "reads the product's JSON",
    },
    Need::Program {
        name: "rsvg-convert",
        packages: &["librsvg2-bin"],
        purpose: "draws the charts in SVG",
    },
];

/// The browser that the report is read with.
pub(crate) const BROWSING: &[Need] = &[
    Need::Program {
        name: "chromium",
        packages: &["chromium"],
        purpose: "shows the report",
    },
    Need::Program {
        name: "chromedriver",
        packages: &["chromium-driver"],
        purpose: "drives the browser",
    },
];

/// To make environments of Python packages: those that the product's files are read with, and pandas to compare with.
pub(crate) const READING: &[Need] = &[
    PYTHON,
    Need::PythonModule {
        name: "ensurepip",
        package: "python3-venv",
        purpose: "makes the environments of Python packages",
    },
];

const PYTHON: Need = Need::Program {
    name: "python3",
    packages: &["python3"],
    purpose: "runs the agent for hosts without foreign binaries, and the comparison with pandas",
};

const FIO: Need = Need::Program {
    name: "fio",
    packages: &["fio"],
    purpose: "runs the generated jobs",
};
