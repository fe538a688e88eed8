//! Which keys the configuration file knows.

use serde_json::Value;

use super::ConfigError;
use crate::suggest::nearest;

const TOP: &[&str] = &["data_directory", "profiles", "analysis", "ssh"];
const PROFILE: &[&str] = &["samples", "interval_seconds"];
const ANALYSIS: &[&str] = &[
    "default_filter_method",
    "default_threshold",
    "visualization_dpi",
    "visualization_format",
];
const SSH: &[&str] = &[
    "default_user",
    "default_key",
    "connection_timeout",
    "answer_timeout",
    "retry_attempts",
];

/// Refuses the first key that is not known where it stands.
pub(super) fn check(file: &Value) -> Result<(), ConfigError> {
    if file.get("daemon").is_some() {
        return Err(ConfigError::Daemon);
    }
    check_keys("", file, TOP)?;
    let section = |key: &str| file.get(key).unwrap_or(&Value::Null);
    check_keys("analysis.", section("analysis"), ANALYSIS)?;
    check_keys("ssh.", section("ssh"), SSH)?;
    for (name, profile) in section("profiles").as_object().into_iter().flatten() {
        check_keys(&format!("profiles.{name}."), profile, PROFILE)?;
    }
    Ok(())
}

fn check_keys(prefix: &str, section: &Value, known: &'static [&'static str]) -> Result<(), ConfigError> {
    let unknown = section
        .as_object()
        .and_then(|section| section.keys().find(|key| !known.contains(&key.as_str())));
    match unknown {
        None => Ok(()),
        Some(key) => Err(ConfigError::UnknownKey {
            key: format!("{prefix}{key}"),
            nearest: nearest(key, known.iter().copied()).map(|near| format!("{prefix}{near}")),
            known: known.join(", "),
        }),
    }
}
