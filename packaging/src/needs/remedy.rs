//! What is done about something that is missing. Pure: decided from what the machine can do.

use std::path::PathBuf;
use std::process::Command;

use super::need::Need;

/// By which ways this machine gets what it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Means {
    /// The folder of the toolchain that builds this repository.
    pub(super) sysroot: PathBuf,
    /// The rustup that keeps this toolchain; a distribution's Rust has none.
    pub(super) rustup: Option<Rustup>,
    /// Packages of Debian can be installed: it is one, and this is root.
    pub(super) apt: bool,
}

/// rustup and the toolchain in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rustup {
    /// The program.
    pub(super) program: PathBuf,
    /// The folder of its toolchains and settings, which need not be the one it would take by itself.
    pub(super) home: PathBuf,
    /// The toolchain's name there.
    pub(super) toolchain: String,
}

/// Something this program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Install packages of Debian.
    Packages(Vec<&'static str>),
    /// Add a target or a component to the toolchain.
    Add {
        /// To which.
        rustup: Rustup,
        /// `target` or `component`.
        what: &'static str,
        /// Its name.
        name: &'static str,
    },
}

/// What to do about needs that are missing; nothing for those that only a person can meet.
pub(super) fn steps(missing: &[Need], means: &Means) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut packages: Vec<&'static str> = Vec::new();
    for need in missing {
        match addition(*need).zip(means.rustup.clone()) {
            Some(((what, name), rustup)) => steps.push(Step::Add { rustup, what, name }),
            None if means.apt => packages.extend(debian_packages(*need)),
            None => {}
        }
    }
    if !packages.is_empty() {
        packages.sort_unstable();
        packages.dedup();
        steps.insert(0, Step::Packages(packages));
    }
    steps
}

/// What rustup calls the need, if it is one of its own.
fn addition(need: Need) -> Option<(&'static str, &'static str)> {
    match need {
        Need::StandardLibrary { target, .. } => Some(("target", target)),
        Need::Component { component, .. } => Some(("component", component)),
        Need::Program { .. } | Need::PythonModule { .. } => None,
    }
}

/// The packages of Debian that meet the need; none has the standard library for another target.
fn debian_packages(need: Need) -> Vec<&'static str> {
    match need {
        Need::Program { packages, .. } => packages.to_vec(),
        Need::PythonModule { package, .. } | Need::Component { package, .. } => vec![package],
        Need::StandardLibrary { .. } => Vec::new(),
    }
}

impl Step {
    /// The commands, in order.
    pub(super) fn commands(&self) -> Vec<Command> {
        match self {
            Self::Packages(packages) => {
                let apt = || {
                    let mut command = Command::new("apt-get");
                    command.env("DEBIAN_FRONTEND", "noninteractive");
                    command
                };
                let (mut update, mut install) = (apt(), apt());
                // An image may come without the lists of packages.
                update.args(["update", "-qq"]);
                install
                    .args(["install", "-y", "-qq", "--no-install-recommends"])
                    .args(packages);
                vec![update, install]
            }
            Self::Add { rustup, what, name } => {
                let mut command = Command::new(&rustup.program);
                command.env("RUSTUP_HOME", &rustup.home);
                command.args([what, "add", "--toolchain", &rustup.toolchain, name]);
                vec![command]
            }
        }
    }
}

/// What a person is told about needs that could not be met: what each is, what it is for, and how to get it.
pub(super) fn advice(missing: &[Need], means: &Means) -> String {
    let lines = missing.iter().map(|need| format!("\n  {}", by_hand(*need, means)));
    std::iter::once("this is missing; install it and run the command again:".to_owned())
        .chain(lines)
        .collect()
}

fn by_hand(need: Need, means: &Means) -> String {
    match need {
        Need::Program {
            name,
            packages,
            purpose,
        } => format!("{name} ({purpose}); on Debian: apt-get install {}", packages.join(" ")),
        Need::PythonModule { name, package, purpose } => {
            format!("Python's module {name} ({purpose}); on Debian: apt-get install {package}")
        }
        Need::StandardLibrary { target, purpose } => {
            let way = way_to_library(target, means);
            format!("Rust's standard library for {target} ({purpose}); {way}")
        }
        Need::Component {
            program,
            component,
            package,
            purpose,
        } => {
            let way = match &means.rustup {
                Some(rustup) => by_rustup(rustup, "component", component),
                None => format!("on Debian: apt-get install {package}; on Fedora: dnf install {component}"),
            };
            format!("{program} ({purpose}); {way}")
        }
    }
}

fn by_rustup(rustup: &Rustup, what: &str, name: &str) -> String {
    format!("rustup {what} add --toolchain {} {name}", rustup.toolchain)
}

fn way_to_library(target: &str, means: &Means) -> String {
    match &means.rustup {
        Some(rustup) => by_rustup(rustup, "target", target),
        None => format!(
            "no rustup was found that keeps the Rust in {}, so its distribution has to bring it: on Fedora \
             rust-std-static-{target}, on Arch rust-musl; Debian and Ubuntu have no package for it, there install Rust \
             from https://rustup.rs",
            means.sysroot.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::need::MUSL;
    use super::*;

    const COMPILER: Need = Need::Program {
        name: "cc",
        packages: &["gcc", "libc6-dev"],
        purpose: "links the programs",
    };
    const GIT: Need = Need::Program {
        name: "git",
        packages: &["git"],
        purpose: "lists the files",
    };
    const LIBRARY: Need = Need::StandardLibrary {
        target: MUSL,
        purpose: "the agent is a static program",
    };
    const FORMATTER: Need = Need::Component {
        program: "cargo-fmt",
        component: "rustfmt",
        package: "rustfmt",
        purpose: "checks the format",
    };
    const VENV: Need = Need::PythonModule {
        name: "ensurepip",
        package: "python3-venv",
        purpose: "makes an environment",
    };

    fn with_rustup(apt: bool) -> Means {
        Means {
            sysroot: "/home/me/.rustup/toolchains/1.95.0-x86_64-unknown-linux-gnu".into(),
            rustup: Some(Rustup {
                program: "/home/me/.cargo/bin/rustup".into(),
                home: "/home/me/.rustup".into(),
                toolchain: "1.95.0-x86_64-unknown-linux-gnu".to_owned(),
            }),
            apt,
        }
    }

    fn with_rust_of_a_distribution(apt: bool) -> Means {
        Means {
            sysroot: "/usr".into(),
            rustup: None,
            apt,
        }
    }

    /// The commands of all steps as a person would type them.
    fn typed(missing: &[Need], means: &Means) -> Vec<String> {
        let steps = steps(missing, means);
        let commands = steps.iter().flat_map(Step::commands);
        commands.map(|command| crate::process::shown(&command)).collect()
    }

    #[test]
    fn a_target_is_added_to_the_toolchain_in_use_and_not_to_the_default_one() {
        let typed = typed(&[LIBRARY], &with_rustup(false));
        assert_eq!(
            typed,
            ["rustup target add --toolchain 1.95.0-x86_64-unknown-linux-gnu x86_64-unknown-linux-musl"]
        );
    }

    #[test]
    fn what_rust_brings_comes_from_rustup_and_programs_come_from_debian() {
        let typed = typed(&[FORMATTER, GIT], &with_rustup(true));
        assert_eq!(
            typed,
            [
                "apt-get update -qq",
                "apt-get install -y -qq --no-install-recommends git",
                "rustup component add --toolchain 1.95.0-x86_64-unknown-linux-gnu rustfmt",
            ]
        );
    }

    #[test]
    fn packages_that_two_needs_name_are_installed_once() {
        let steps = steps(&[COMPILER, VENV, COMPILER], &with_rust_of_a_distribution(true));
        assert_eq!(steps, [Step::Packages(vec!["gcc", "libc6-dev", "python3-venv"])]);
    }

    #[test]
    fn where_nothing_can_be_installed_nothing_is_tried() {
        let all = [COMPILER, GIT, LIBRARY, FORMATTER, VENV];
        assert_eq!(steps(&all, &with_rust_of_a_distribution(false)), []);
    }

    #[test]
    fn debian_is_not_asked_for_a_standard_library_that_it_does_not_have() {
        assert_eq!(steps(&[LIBRARY], &with_rust_of_a_distribution(true)), []);
    }

    #[test]
    fn without_rustup_the_distributions_package_is_named() {
        let advice = advice(&[LIBRARY], &with_rust_of_a_distribution(true));
        for expected in [
            MUSL,
            "no rustup was found that keeps the Rust in /usr",
            "rust-std-static-x86_64-unknown-linux-musl",
            "https://rustup.rs",
        ] {
            assert!(advice.contains(expected), "{advice}");
        }
    }

    #[test]
    fn what_rustup_could_not_add_is_named_with_its_command() {
        let advice = advice(&[LIBRARY], &with_rustup(true));
        assert!(
            advice.ends_with("rustup target add --toolchain 1.95.0-x86_64-unknown-linux-gnu x86_64-unknown-linux-musl"),
            "{advice}"
        );
    }

    #[test]
    fn a_program_is_named_with_its_purpose_and_its_package() {
        let advice = advice(&[COMPILER], &with_rust_of_a_distribution(false));
        assert_eq!(
            advice,
            "this is missing; install it and run the command again:\n  \
             cc (links the programs); on Debian: apt-get install gcc libc6-dev"
        );
    }
}
