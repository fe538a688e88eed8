//! The keys by which this workstation knows a host, as `ssh-keygen` finds them: nothing is connected.

use std::process::{Command, Stdio};

use super::resolve::value;

/// SHA-256 fingerprints of the keys that ssh, with these settings, accepts from the host: nearly always one. `None`
/// when none is known.
pub(super) fn fingerprints(settings: &str) -> Option<String> {
    let name = name_among_keys(settings)?;
    let mut found: Vec<String> = Vec::new();
    let files = ["userknownhostsfile", "globalknownhostsfile"].map(|key| value(settings, key).unwrap_or_default());
    for file in files.iter().flat_map(|files| files.split_whitespace()) {
        let output = Command::new("ssh-keygen")
            .args(["-l", "-F", &name, "-f", file])
            .stdin(Stdio::null())
            .output()
            .ok()?;
        for fingerprint in listed(&String::from_utf8_lossy(&output.stdout)) {
            if !found.contains(&fingerprint) {
                found.push(fingerprint);
            }
        }
    }
    (!found.is_empty()).then(|| found.join(" "))
}

/// What a host is called in the files of known hosts: with its port, unless that is the usual one.
fn name_among_keys(settings: &str) -> Option<String> {
    if let Some(alias) = value(settings, "hostkeyalias") {
        return Some(alias.to_owned());
    }
    let host = value(settings, "hostname")?;
    Some(match value(settings, "port") {
        None | Some("22") => host.to_owned(),
        Some(port) => format!("[{host}]:{port}"),
    })
}

/// The fingerprints in the output of `ssh-keygen -l -F`: for each key a comment, which also tells keys that are revoked
/// or only sign others, and a line `NAME TYPE SHA256:DIGEST`.
fn listed(output: &str) -> Vec<String> {
    let mut accepted = true;
    let mut found = Vec::new();
    for line in output.lines() {
        if line.starts_with('#') {
            accepted = !line.trim_end().ends_with(" REVOKED") && !line.trim_end().ends_with(" CA");
        } else if accepted {
            found.extend(
                line.split_whitespace()
                    .find(|word| word.starts_with("SHA256:"))
                    .map(str::to_owned),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_alias_or_by_its_resolved_name_and_unusual_port() {
        let name = |settings| name_among_keys(settings).unwrap();
        assert_eq!(name("hostname 10.0.0.5\nport 22\n"), "10.0.0.5");
        assert_eq!(name("hostname 10.0.0.5\nport 2222\n"), "[10.0.0.5]:2222");
        assert_eq!(name("hostname 10.0.0.5\nport 2222\nhostkeyalias esx1\n"), "esx1");
    }

    #[test]
    fn a_revoked_key_is_not_one_that_is_accepted() {
        let output =
            "# Host esx1 found: line 1 REVOKED\nesx1 RSA SHA256:old\n# Host esx1 found: line 2 \nesx1 RSA SHA256:new\n";
        assert_eq!(listed(output), ["SHA256:new"]);
    }

    /// The key and its fingerprint were made with `ssh-keygen` 9.2.
    #[cfg(unix)]
    #[test]
    fn the_fingerprint_of_a_known_host_is_found_and_that_of_another_is_not() {
        const KEY: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCC6mrWGNSbFyKeVgOruN8fzhaYswAUb9ARoMEohhqqaUQfxtFdIciUUud3Nk+4+JorDKihbABXsA9c4S31RfQ4=";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("[esx1]:2222 {KEY}\n")).unwrap();
        let settings = |host: &str| {
            format!(
                "hostname {host}\nport 2222\nuserknownhostsfile {} /nowhere/known_hosts2\n",
                file.path().display()
            )
        };
        assert_eq!(
            fingerprints(&settings("esx1")).as_deref(),
            Some("SHA256:nHa7stIF1RjsWNaMsEptLP0SFDDPQTfnEbTiNBs+2Ho")
        );
        assert_eq!(fingerprints(&settings("esx2")), None);
    }
}
