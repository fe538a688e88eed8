//! Configuration: built-in defaults, then `~/.vscsiStats-helper/config.yaml` or the file of `--config`, then flags.
//!
//! The file is strict: an unknown key is an error that names the nearest known one.

mod error;
mod keys;
mod load;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vscsi_shared::identifier::Name;
use vscsi_shared::job::Profile;

pub(crate) use error::ConfigError;
pub(crate) use load::load;

use crate::analysis::FilterMethod;
use crate::chart::ChartFormat;
use crate::failure::UsageError;
use crate::suggest::nearest;

/// Everything that can be configured. Its YAML form is the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Where jobs and the catalog are kept.
    pub data_directory: PathBuf,
    /// Profiles by name: `quick`, `standard` and `deep`, and the user's own.
    pub profiles: BTreeMap<Name, ProfileConfig>,
    /// Defaults of `analyze`.
    pub analysis: AnalysisConfig,
    /// How hosts are reached.
    pub ssh: SshConfig,
}

/// How often and how long a profile collects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProfileConfig {
    /// Number of samples.
    pub samples: u32,
    /// Time between two snapshots, seconds.
    pub interval_seconds: u32,
}

/// Defaults of `analyze`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalysisConfig {
    /// Which samples make the profile.
    pub default_filter_method: FilterMethod,
    /// Threshold of that filter, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_threshold: Option<f64>,
    /// Resolution of PNG charts, dots per inch.
    pub visualization_dpi: u32,
    /// Format of charts.
    pub visualization_format: ChartFormat,
}

/// How hosts are reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SshConfig {
    /// Login name; without one, the user of `ssh_config` for that host, and else `root`.
    pub default_user: Option<String>,
    /// Private key; without one, whatever ssh itself tries.
    pub default_key: Option<PathBuf>,
    /// How long a connection may take to come about, seconds.
    #[serde(rename = "connection_timeout")]
    pub connection_timeout_seconds: u32,
    /// Within how long an answer has to begin, to end, or to bring 2 KiB for each second of it, seconds.
    #[serde(rename = "answer_timeout")]
    pub answer_timeout_seconds: u32,
    /// How often a lost or refused connection is tried again.
    pub retry_attempts: u32,
}

impl SshConfig {
    /// Within how long an answer has to begin, to end, or to bring its least amount.
    pub fn answer_timeout(&self) -> Duration {
        Duration::from_secs(self.answer_timeout_seconds.max(1).into())
    }

    /// The waits before each retry: 5 s, 10 s, 20 s, and so on, at most a minute each.
    pub fn retry_delays(&self) -> Vec<Duration> {
        (0..self.retry_attempts)
            .map(|attempt| Duration::from_secs(5_u64.saturating_mul(1 << attempt.min(10)).min(60)))
            .collect()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_directory: home().join("data"),
            profiles: built_in_profiles(),
            analysis: AnalysisConfig::default(),
            ssh: SshConfig::default(),
        }
    }
}

impl Default for AnalysisConfig {
    fn default() -> Self {
        Self {
            default_filter_method: FilterMethod::Percentile,
            default_threshold: FilterMethod::Percentile.default_threshold(),
            visualization_dpi: 300,
            visualization_format: ChartFormat::Png,
        }
    }
}

impl Default for SshConfig {
    fn default() -> Self {
        Self {
            default_user: None,
            default_key: None,
            connection_timeout_seconds: 30,
            // The agent runs esxcli for an inventory, which a busy host does slowly.
            answer_timeout_seconds: 120,
            retry_attempts: 3,
        }
    }
}

fn built_in_profiles() -> BTreeMap<Name, ProfileConfig> {
    [("quick", 10, 30), ("standard", 30, 60), ("deep", 100, 120)]
        .into_iter()
        .filter_map(|(name, samples, interval_seconds)| {
            let profile = ProfileConfig {
                samples,
                interval_seconds,
            };
            Some((Name::new(name).ok()?, profile))
        })
        .collect()
}

/// The directory of everything that belongs to this user: `~/.vscsiStats-helper`.
///
/// Without a home directory it is a directory of that name here.
pub(crate) fn home() -> PathBuf {
    etcetera::home_dir().unwrap_or_default().join(".vscsiStats-helper")
}

/// The configuration file that is read when `--config` names no other.
pub(crate) fn default_path() -> PathBuf {
    home().join("config.yaml")
}

impl Config {
    /// The profile called `name`.
    ///
    /// # Errors
    /// When there is none; the hint names those there are, or the one probably meant.
    pub fn profile(&self, name: &str) -> Result<Profile, UsageError> {
        let Some((name, profile)) = self.profiles.iter().find(|(known, _)| known.as_str() == name) else {
            let known: Vec<&str> = self.profiles.keys().map(Name::as_str).collect();
            let hint = match nearest(name, known.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("profiles are: {}", known.join(", ")),
            };
            return Err(UsageError::new(format!("there is no profile `{name}`"), hint));
        };
        Ok(Profile {
            name: name.to_string(),
            samples: profile.samples,
            interval_seconds: profile.interval_seconds,
        })
    }

    /// The configuration file that means the same.
    ///
    /// # Errors
    /// When it cannot be written as YAML, such as a path that is no Unicode.
    pub fn to_yaml(&self) -> Result<String, ConfigError> {
        serde_saphyr::to_string(self).map_err(|error| ConfigError::NotYaml(error.to_string()))
    }
}

/// `path` with a leading `~` replaced by the home directory.
pub(crate) fn expand_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(below), Ok(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_are_those_of_the_documentation() {
        let config = Config::default();
        let shape = |name: &str| {
            let profile = config.profile(name).unwrap();
            (profile.samples, profile.interval_seconds)
        };
        assert_eq!(
            [shape("quick"), shape("standard"), shape("deep")],
            [(10, 30), (30, 60), (100, 120)]
        );
    }

    #[test]
    fn a_mistyped_profile_is_answered_with_the_one_probably_meant() {
        let error = Config::default().profile("standart").unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `standard`?"));
    }

    #[test]
    fn retries_wait_5_10_and_20_seconds_by_default() {
        let seconds: Vec<u64> = SshConfig::default()
            .retry_delays()
            .iter()
            .map(Duration::as_secs)
            .collect();
        assert_eq!(seconds, [5, 10, 20]);
    }

    #[test]
    fn no_retry_waits_longer_than_a_minute() {
        let ssh = SshConfig {
            retry_attempts: 40,
            ..SshConfig::default()
        };
        assert_eq!(ssh.retry_delays().iter().max(), Some(&Duration::from_mins(1)));
    }
}
