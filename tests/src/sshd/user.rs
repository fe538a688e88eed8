//! A login with a password.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// A user of this machine with a password of its own; removed when dropped.
#[derive(Debug)]
pub struct PasswordUser {
    /// Login name.
    pub name: String,
    /// Password.
    pub password: String,
}

impl PasswordUser {
    /// Makes a user with root's rights, as ESXi's root has.
    ///
    /// # Panics
    /// When it cannot be made: this needs root.
    pub fn create(name: &str, password: &str) -> Self {
        Self::with_id(0, name, password)
    }

    /// Makes a user with the rights of this ID.
    ///
    /// # Panics
    /// When it cannot be made: this needs root.
    pub fn with_id(id: u32, name: &str, password: &str) -> Self {
        let name = format!("{name}{}", std::process::id());
        let made = Command::new("useradd")
            .args(["-o", "-u", &id.to_string(), "-g", "0"])
            .args(["-M", "-N", "-d", "/", "-s", "/bin/sh", &name])
            .status();
        assert!(
            made.unwrap().success(),
            "these tests need root, to make a user with a password"
        );
        let user = Self {
            name,
            password: password.to_owned(),
        };
        let mut chpasswd = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
        writeln!(chpasswd.stdin.take().unwrap(), "{}:{}", user.name, user.password).unwrap();
        assert!(chpasswd.wait().unwrap().success());
        user
    }
}

impl Drop for PasswordUser {
    fn drop(&mut self) {
        // `-f`: the user shares the ID of root, who is always logged in.
        let _ = Command::new("userdel")
            .args(["-f", &self.name])
            .stderr(Stdio::null())
            .status();
    }
}
