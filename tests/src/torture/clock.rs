//! A program that asks the kernel for the time, so that the filter can tell it another one.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The name by which a program finds the clock that needs no system call, and one by which it finds none.
const CLOCK_OF_THE_VDSO: &[u8] = b"__vdso_clock_gettime";
const NO_CLOCK: &[u8] = b"__vdso_clock_gettimX";

/// The interpreter of the agent in Python, as its program names it, and what loads that one: it finds the clock for it.
const PYTHON: &str = "/usr/bin/python3";
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A copy of the agent in `folder` that asks the kernel for the time; so do the processes that it starts of itself.
pub(super) fn without_vdso(program: &Path, folder: &Path) -> io::Result<PathBuf> {
    let (bytes, copy) = (fs::read(program)?, folder.join("vscsi-agent"));
    if !bytes.starts_with(b"#!") {
        return blinded(bytes, &copy);
    }
    let loader = blinded(fs::read(LOADER)?, &folder.join("loader"))?;
    let python = folder.join("python3");
    // Python takes its first word for its own file, and that is what the agent starts itself with.
    let text = format!(
        "#!/bin/sh\nexec '{}' --argv0 '{}' {PYTHON} \"$@\"\n",
        loader.display(),
        python.display()
    );
    write_program(&python, text.as_bytes())?;
    let text = String::from_utf8_lossy(&bytes).replace(PYTHON, &format!("'{}'", python.display()));
    write_program(&copy, text.as_bytes())
}

/// A copy that does not find the clock of the vDSO.
fn blinded(mut bytes: Vec<u8>, copy: &Path) -> io::Result<PathBuf> {
    let position = bytes
        .windows(CLOCK_OF_THE_VDSO.len())
        .position(|window| window == CLOCK_OF_THE_VDSO)
        .ok_or_else(|| io::Error::other(format!("{} names no clock of the vDSO", copy.display())))?;
    bytes[position..position + NO_CLOCK.len()].copy_from_slice(NO_CLOCK);
    write_program(copy, &bytes)
}

fn write_program(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_python_without_the_vdso_still_starts_itself_as_it_was_started() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        let code = "import subprocess, sys; print(sys.executable, flush=True); \
                    subprocess.call([sys.executable, '-c', 'import json, sys; print(sys.executable)'])";
        write_program(
            &program,
            format!("#!/bin/sh\nexec {PYTHON} -BEs -c \"{code}\"\n").as_bytes(),
        )
        .unwrap();
        let copy = without_vdso(&program, folder.path()).unwrap();
        let output = Command::new(copy).output().unwrap();
        let python = folder.path().join("python3");
        let expected = format!("{0}\n{0}\n", python.display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
    }
}
