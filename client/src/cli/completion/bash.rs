//! bash, which ends a word at `:`, `@` and `=`, as they stand in names of disks and jobs: it gives the line as a whole and
//! the part of its last word that it would replace, and gets what belongs there.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::engine;
use clap_complete::env::EnvCompleter;

#[derive(Debug)]
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        variable: &str,
        _name: &str,
        program: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        // No file names are put in place of what comes back, so `set -f`; and bash 3 has no `mapfile`.
        write!(
            out,
            r#"_vscsi_helper() {{
    local IFS=$'\n' restore
    restore=$(shopt -po noglob)
    set -f
    COMPREPLY=($({variable}=bash {completer} -- "${{COMP_LINE:0:COMP_POINT}}" "$2" 2>/dev/null))
    eval "$restore"
    if [[ ${{#COMPREPLY[@]}} -eq 1 && ${{COMPREPLY[0]}} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}}
complete -o bashdefault -o default -F _vscsi_helper {program}
"#
        )
    }

    fn write_complete(
        &self,
        command: &mut Command,
        given: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let words = words(&given);
        let index = words.len().saturating_sub(1);
        let whole = words
            .last()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        let replaced = given.get(1).map(|word| word.to_string_lossy()).unwrap_or_default();
        let stays = whole.strip_suffix(&*replaced).unwrap_or_default();
        let candidates = engine::complete(command, words, index, directory)?;
        let values: Vec<String> = candidates
            .iter()
            .map(|candidate| candidate.get_value().to_string_lossy().into_owned())
            .collect();
        // Options are offered where one is begun, as bash users know it, or where nothing else fits.
        let has_names = whole.is_empty() && values.iter().any(|value| !value.starts_with('-'));
        for value in values {
            match value.strip_prefix(stays) {
                Some(rest) if !(has_names && rest.starts_with('-')) => writeln!(out, "{rest}")?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The words of the line that bash gives, the one that is being written last: an empty one behind a blank.
pub(super) fn words(given: &[OsString]) -> Vec<OsString> {
    let line = given.first().map(|line| line.to_string_lossy()).unwrap_or_default();
    // A quotation that is not ended yet is ended.
    let split = ["", "'", "\""]
        .iter()
        .find_map(|end| shlex::split(&format!("{line}{end}")));
    let mut words: Vec<OsString> = split.unwrap_or_default().into_iter().map(OsString::from).collect();
    if line.ends_with(char::is_whitespace) || words.is_empty() {
        words.push(OsStr::new("").to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_one_that_is_being_written() {
        let of = |line: &str| words(&[line.into()]);
        assert_eq!(of("vscsi-helper status sql@e"), ["vscsi-helper", "status", "sql@e"]);
        assert_eq!(of("vscsi-helper status "), ["vscsi-helper", "status", ""]);
        assert_eq!(of("x --vm 'SQL Ser"), ["x", "--vm", "SQL Ser"]);
        assert_eq!(of(""), [""]);
    }
}
