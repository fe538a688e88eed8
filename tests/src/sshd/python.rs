//! The host's own Python: this machine's interpreter and its standard library, without any other package.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use vscsi_fixtures::Python;

use super::busybox::executable;

/// Prints the interpreter's own file, its version, and where its standard library lies.
const WHERE: &str = "import os, sys, sysconfig\n\
                     print(os.path.realpath(sys.executable))\n\
                     print('python%d.%d' % sys.version_info[:2])\n\
                     print(sysconfig.get_paths()['stdlib'])\n";

/// Parts of the standard library that no host needs, and what is not part of it.
const LEFT_OUT: [&str; 8] = [
    "test",
    "idlelib",
    "tkinter",
    "lib2to3",
    "turtledemo",
    "ensurepip",
    "site-packages",
    "dist-packages",
];

/// A Python that is too old says so, whoever asks: by its option, and to the programs that it runs.
const OLD_INTERPRETER: &str = "#!/bin/sh\n\
                               case $1 in -V | --version) echo 'Python 2.7.11' >&2; exit ;; esac\n\
                               exec /usr/libexec/INTERPRETER \"$@\"\n";
const OLD_SITE: &str = "import collections, sys\n\
                        Version = collections.namedtuple('version_info', 'major minor micro releaselevel serial')\n\
                        sys.version_info = Version(2, 7, 11, 'final', 0)\n\
                        sys.version = '2.7.11 (default, Feb 28 2016, 00:00:00)'\n\
                        sys.hexversion = 0x02070bf0\n";

/// The interpreter of this machine and what it needs.
struct Interpreter {
    file: PathBuf,
    name: String,
    library: PathBuf,
    shared_objects: Vec<PathBuf>,
}

/// Lays the Python of a host out below `root`.
pub(super) fn install(root: &Path, python: Python) {
    if python == Python::Missing {
        return;
    }
    let interpreter = interpreter();
    link_tree(&interpreter.library, &root.join("usr/lib").join(&interpreter.name));
    for object in &interpreter.shared_objects {
        link(object, &root.join(object.strip_prefix("/").unwrap_or(object)));
    }
    let own = format!("usr/libexec/{}", interpreter.name);
    link(&interpreter.file, &root.join(&own));
    let names: &[&str] = match python {
        Python::PlainName => &["bin/python", "usr/bin/python"],
        _ => &["bin/python", "bin/python3", "usr/bin/python", "usr/bin/python3"],
    };
    for name in names {
        let path = root.join(name);
        if python == Python::TooOld {
            fs::write(&path, OLD_INTERPRETER.replace("INTERPRETER", &interpreter.name)).unwrap();
            executable(&path);
        } else {
            std::os::unix::fs::symlink(Path::new("/").join(&own), path).unwrap();
        }
    }
    if python == Python::TooOld {
        let site = root.join("usr/lib").join(&interpreter.name).join("sitecustomize.py");
        // Not through a link to this machine's own file of that name.
        let _ = fs::remove_file(&site);
        fs::write(site, OLD_SITE).unwrap();
    }
}

/// Looked for once: asking the loader takes half a second.
fn interpreter() -> &'static Interpreter {
    static FOUND: OnceLock<Interpreter> = OnceLock::new();
    FOUND.get_or_init(|| {
        let packaged = Path::new("/usr/bin/python3");
        let program = if packaged.exists() {
            packaged
        } else {
            Path::new("python3")
        };
        let answer = output(Command::new(program).args(["-I", "-c", WHERE]));
        let mut lines = answer.lines().map(str::to_owned);
        let mut next = || lines.next().expect("python3 says where it lies");
        let (file, name, library) = (PathBuf::from(next()), next(), PathBuf::from(next()));
        let dynload = fs::read_dir(library.join("lib-dynload"));
        let modules = dynload.into_iter().flatten().map(|entry| entry.unwrap().path());
        let needed = output(Command::new("ldd").arg(&file).args(modules));
        let mut shared_objects: Vec<PathBuf> = needed
            .lines()
            .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
            .filter(|path| !path.ends_with(':'))
            .map(PathBuf::from)
            .collect();
        shared_objects.sort();
        shared_objects.dedup();
        Interpreter {
            file,
            name,
            library,
            shared_objects,
        }
    })
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .expect("python3 is needed: run `cargo xtask test`, which installs it");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn link_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        // A link that leads nowhere is not needed.
        let Ok(metadata) = fs::metadata(&from) else { continue };
        if metadata.is_dir() {
            link_tree(&from, &to);
        } else {
            link(&from, &to);
        }
    }
}

/// The same file at another place: a second name where that works, or else a copy.
fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let real = from.canonicalize().unwrap();
    match fs::hard_link(&real, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(_) => drop(fs::copy(&real, to).unwrap()),
        Ok(()) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::busybox;
    use super::*;

    fn host(python: Python) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["bin", "usr/bin"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        busybox::install(root.path(), false);
        install(root.path(), python);
        root
    }

    fn run(root: &tempfile::TempDir, words: &[&str]) -> String {
        let output = Command::new("/usr/sbin/chroot")
            .arg(root.path())
            .args(words)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    #[test]
    fn python_has_its_standard_library_and_nothing_else() {
        let root = host(Python::Both);
        let code = "import ctypes, hashlib, http.server, json, socket, sqlite3, ssl, subprocess, threading\n\
                    print(hashlib.sha256(b'').hexdigest()[:8])\n\
                    print(subprocess.call(['/bin/true']))\n\
                    import sys\n\
                    print([path for path in sys.path if 'packages' in path])";
        assert_eq!(run(&root, &["/bin/python3", "-BEs", "-c", code]), "e3b0c442\n0\n[]\n");
    }

    #[test]
    fn python_lies_where_the_host_has_it() {
        let root = host(Python::PlainName);
        assert!(!root.path().join("bin/python3").exists());
        assert_eq!(run(&root, &["/bin/python", "-c", "print(3 / 2)"]), "1.5\n");
        assert!(!host(Python::Missing).path().join("bin/python").exists());
    }

    #[test]
    fn a_python_that_is_too_old_says_so_to_everybody() {
        let root = host(Python::TooOld);
        assert_eq!(run(&root, &["/bin/python3", "-V"]), "Python 2.7.11\n");
        let code = "import sys; print(sys.version_info[:2], sys.version_info >= (3, 5))";
        assert_eq!(run(&root, &["/bin/python", "-BEs", "-c", code]), "(2, 7) False\n");
    }
}
