//! The host's shell and tools: this machine's BusyBox, less what that of an ESXi host has not.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

/// What listings of BusyBox on ESXi show, of hosts from 5.x to 6.7; what scripts in use on later ones need is in it.
///
/// Without `uname`, `logger` and `ps`, which the simulator plays. `df`, `nc` and `pgrep` are VMware's own programs on a
/// host, and `tr`, `id`, `cmp`, `comm`, `base64`, `flock`, `fsync`, `install` and `killall` are not there at all.
const APPLETS: &str = "\
    [ [[ addgroup adduser ash awk basename bunzip2 bzip2 cat chgrp chmod chown chvt cksum clear cp crond cut \
    date dd delgroup deluser diff dirname dnsdomainname du echo egrep eject env expr false fdisk fgrep find \
    getty grep groups gunzip gzip halt head hexdump hostname hwclock inetd init kill ln login ls lzop md5sum \
    mkdir mkfifo mknod mktemp more mv nohup nslookup od passwd pidof poweroff printf readlink reboot reset \
    resize rm rmdir sed seq setsid sh sha1sum sha256sum sha512sum sleep sort ssl_client stat stty sum sync tail \
    tar taskset tee test time timeout touch true uniq unzip uptime usleep vi watch wc wget which who xargs zcat \
    busybox";

/// The way in which `timeout` of BusyBox before 1.30 is called, on top of the later one.
const OLD_TIMEOUT: &str = r#"#!/bin/sh
signal=TERM
seconds=10
while getopts s:t: option; do
  case $option in
    s) signal=$OPTARG ;;
    t) seconds=$OPTARG ;;
    *) exit 1 ;;
  esac
done
shift $((OPTIND - 1))
exec /bin/busybox timeout -s "$signal" "$seconds" "$@"
"#;

/// Puts BusyBox and its names into `bin` below `root`.
pub(super) fn install(root: &Path, timeout_wants_t: bool) {
    let bytes = fs::read("/bin/busybox")
        .or_else(|_| fs::read("/usr/bin/busybox"))
        .expect("busybox is needed: run `cargo xtask test`, which installs busybox-static");
    let bin = root.join("bin");
    let busybox = bin.join("busybox");
    let (bytes, left) = leave_only(bytes);
    fs::write(&busybox, bytes).unwrap();
    executable(&busybox);
    for applet in left {
        let path = bin.join(&applet);
        if path.symlink_metadata().is_err() {
            symlink("busybox", path).unwrap();
        }
    }
    if timeout_wants_t {
        fs::remove_file(bin.join("timeout")).unwrap();
        fs::write(bin.join("timeout"), OLD_TIMEOUT).unwrap();
        executable(&bin.join("timeout"));
    }
}

/// Lets everybody execute a file.
pub(super) fn executable(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The program without its other applets, and the names it still has.
///
/// Links alone restrict nothing: the shell knows applets by itself. So their names are spoilt in the table in which it
/// looks them up. The table is searched by halves, so a spoilt name must stay between the names beside it that remain.
fn leave_only(mut program: Vec<u8>) -> (Vec<u8>, Vec<String>) {
    let (start, names) = table(&program);
    let wanted: BTreeSet<&str> = APPLETS.split_whitespace().collect();
    let mut position = start;
    let mut left = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if wanted.contains(name.as_str()) {
            left.push(name.clone());
        } else {
            let remains = |name: &&String| wanted.contains(name.as_str());
            let before = names[..index].iter().rev().find(remains);
            let after = names[index + 1..].iter().find(remains);
            let between = |spoilt: &str| {
                before.is_none_or(|before| before.as_str() < spoilt)
                    && after.is_none_or(|after| spoilt < after.as_str())
            };
            let (stem, last) = name.split_at(name.len() - 1);
            let spoilt = (b'!'..last.as_bytes()[0])
                .rev()
                .chain(last.as_bytes()[0] + 1..=b'~')
                .map(|byte| format!("{stem}{}", char::from(byte)))
                .find(|spoilt| between(spoilt));
            // There is no place for another name of one letter; nobody misses `w`.
            if let Some(spoilt) = spoilt {
                program[position..position + name.len()].copy_from_slice(spoilt.as_bytes());
            }
        }
        position += name.len() + 1;
    }
    (program, left)
}

/// Where the table of applet names begins in the program, and the names: sorted, each ended by a NUL.
fn table(program: &[u8]) -> (usize, Vec<String>) {
    let first = b"\0[\0[[\0";
    let start = program
        .windows(first.len())
        .position(|bytes| bytes == first)
        .expect("this BusyBox keeps its applets in an unknown way: busybox-static of Debian is needed")
        + 1;
    let names = program[start..]
        .split(|byte| *byte == 0)
        .take_while(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned());
    (start, names.collect())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What the shell of a host made by `install` answers, in a changed root.
    fn shell(root: &Path, script: &str) -> (Option<i32>, String) {
        let output = Command::new("/usr/sbin/chroot")
            .arg(root)
            .args(["/bin/sh", "-c", script])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    fn host(timeout_wants_t: bool) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        install(root.path(), timeout_wants_t);
        root
    }

    #[test]
    fn tools_that_a_host_lacks_are_not_found() {
        let root = host(false);
        for tool in [
            "tr", "id", "cmp", "comm", "base64", "flock", "fsync", "install", "killall", "uname", "ps", "logger", "ip",
            "df", "nc",
        ] {
            assert_eq!(shell(root.path(), &format!("{tool} --help")).0, Some(127), "{tool}");
        }
    }

    #[test]
    fn tools_that_a_host_has_are_found() {
        let root = host(false);
        let links = fs::read_dir(root.path().join("bin")).unwrap();
        let names: Vec<String> = links
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(names.len() > 80, "{names:?}");
        for name in &names {
            // What it prints does not matter; 127 means that the shell or the program does not know it.
            let (status, _) = shell(root.path(), &format!("/bin/{name} --help </dev/null >/dev/null 2>&1"));
            assert_ne!(status, Some(127), "{name}");
        }
        let (_, text) = shell(
            root.path(),
            "echo a b | sed s/a/x/ | cut -d' ' -f1 | awk '{print $1 $1}'",
        );
        assert_eq!(text, "xx\n");
    }

    #[test]
    fn timeout_has_the_syntax_of_its_age() {
        let status = |root: &tempfile::TempDir, words: &str| shell(root.path(), &format!("{words}; echo $?")).1;
        let old = host(true);
        assert_eq!(status(&old, "timeout -s KILL -t 1 sleep 5"), "137\n");
        assert_eq!(status(&old, "timeout -t 5 true"), "0\n");
        let new = host(false);
        assert_eq!(status(&new, "timeout -s KILL 1 sleep 5"), "137\n");
        assert_ne!(status(&new, "timeout -t 5 true"), "0\n");
    }
}
