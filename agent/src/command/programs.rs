//! The fixed list of programs the agent may run, and where a host keeps them.

use std::fmt;
use std::path::{Path, PathBuf};

/// A program of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The histograms.
    VscsiStats,
    /// Storage facts.
    Esxcli,
    /// Registered VMs.
    VimCmd,
    /// Raw devices.
    Vmkfstools,
    /// The version of the host.
    Vmware,
    /// Syslog.
    Logger,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 6] = [
        Self::VscsiStats,
        Self::Esxcli,
        Self::VimCmd,
        Self::Vmkfstools,
        Self::Vmware,
        Self::Logger,
    ];

    fn places(self) -> &'static [&'static str] {
        match self {
            Self::VscsiStats => &[
                "usr/sbin/vscsiStats",
                "sbin/vscsiStats",
                "bin/vscsiStats",
                "usr/lib/vmware/bin/vscsiStats",
            ],
            Self::Esxcli => &["bin/esxcli", "sbin/esxcli", "usr/sbin/esxcli"],
            Self::VimCmd => &["bin/vim-cmd", "sbin/vim-cmd", "usr/bin/vim-cmd"],
            Self::Vmkfstools => &["sbin/vmkfstools", "usr/sbin/vmkfstools", "bin/vmkfstools"],
            Self::Vmware => &["bin/vmware", "sbin/vmware", "usr/bin/vmware"],
            Self::Logger => &["bin/logger", "sbin/logger", "usr/bin/logger"],
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::VscsiStats => "vscsiStats",
            Self::Esxcli => "esxcli",
            Self::VimCmd => "vim-cmd",
            Self::Vmkfstools => "vmkfstools",
            Self::Vmware => "vmware",
            Self::Logger => "logger",
        })
    }
}

/// Finds the programs below a root directory, `/` on a real host.
#[derive(Debug, Clone)]
pub struct Programs {
    root: PathBuf,
}

impl Programs {
    /// Looks below `root`.
    pub fn below(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The first place at which the program is.
    pub fn find(&self, program: Program) -> Option<PathBuf> {
        program
            .places()
            .iter()
            .map(|place| self.root.join(place))
            .find(|path| path.exists())
    }
}
