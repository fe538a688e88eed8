//! Reading the configuration file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use vscsi_shared::identifier::Name;
use vscsi_shared::job::limits;

use super::{AnalysisConfig, Config, ConfigError, ProfileConfig, SshConfig, expand_home, keys};
use crate::failure::FileError;

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigFile {
    data_directory: Option<PathBuf>,
    profiles: BTreeMap<String, ProfileFile>,
    analysis: AnalysisConfig,
    ssh: SshConfig,
}

#[derive(Deserialize)]
struct ProfileFile {
    samples: Option<u32>,
    interval_seconds: Option<u32>,
}

/// The configuration of `path` over the defaults.
///
/// # Errors
/// When the file cannot be read or used. A missing file is only an error when it `must_exist`.
pub(crate) fn load(path: &Path, must_exist: bool) -> Result<Config, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => Ok(Config::default()),
        Err(error) => Err(FileError::new("read", path)(error).into()),
    }
}

/// The configuration that the text of a file makes of the defaults.
fn parse(text: &str) -> Result<Config, ConfigError> {
    let not_yaml = |error: serde_saphyr::Error| ConfigError::NotYaml(error.to_string());
    if is_blank(text) {
        return Ok(Config::default());
    }
    let tree: Value = serde_saphyr::from_str(text).map_err(not_yaml)?;
    keys::check(&tree)?;
    let file: ConfigFile = serde_saphyr::from_str(text).map_err(not_yaml)?;
    let mut config = Config {
        analysis: file.analysis,
        ssh: file.ssh,
        ..Config::default()
    };
    if let Some(directory) = file.data_directory {
        config.data_directory = expand_home(&directory);
    }
    let method = config.analysis.default_filter_method;
    let threshold = config.analysis.default_threshold.or(method.default_threshold());
    let filter = method.with(threshold).ok_or(ConfigError::NoThreshold)?;
    filter.checked().map_err(ConfigError::Threshold)?;
    config.analysis.default_threshold = threshold;
    config.ssh.default_key = config.ssh.default_key.as_deref().map(expand_home);
    for (name, profile) in file.profiles {
        let name = Name::new(&name).map_err(ConfigError::ProfileName)?;
        let built_in = config.profiles.get(&name).copied();
        let samples = profile.samples.or(built_in.map(|known| known.samples));
        let interval_seconds = profile
            .interval_seconds
            .or(built_in.map(|known| known.interval_seconds));
        let (Some(samples), Some(interval_seconds)) = (samples, interval_seconds) else {
            return Err(ConfigError::Profile(name));
        };
        let in_range = limits::SAMPLES.check(samples);
        if let Err(limit) = in_range.and_then(|()| limits::INTERVAL_SECONDS.check(interval_seconds)) {
            return Err(ConfigError::ProfileLimit { name, limit });
        }
        config.profiles.insert(
            name,
            ProfileConfig {
                samples,
                interval_seconds,
            },
        );
    }
    Ok(config)
}

/// Nothing but comments and space: a file that configures nothing.
fn is_blank(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::FilterMethod;
    use crate::failure::Failure as _;

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(parse("# nothing yet\n\n").unwrap(), Config::default());
    }

    #[test]
    fn values_of_the_file_stand_over_the_defaults() {
        let config = parse(
            "analysis:\n  default_filter_method: statistical\n  default_threshold: 1\nssh:\n  retry_attempts: 5\n",
        )
        .unwrap();
        assert_eq!(config.analysis.default_filter_method, FilterMethod::Statistical);
        assert_eq!(config.analysis.default_threshold, Some(1.0));
        assert_eq!(config.ssh.retry_attempts, 5);
        assert_eq!(config.ssh.connection_timeout_seconds, 30);
    }

    #[test]
    fn a_profile_may_change_one_value_of_a_built_in_one() {
        let config = parse("profiles:\n  standard:\n    samples: 50\n").unwrap();
        let profile = config.profile("standard").unwrap();
        assert_eq!((profile.samples, profile.interval_seconds), (50, 60));
    }

    #[test]
    fn a_new_profile_needs_both_values() {
        let error = parse("profiles:\n  overnight:\n    samples: 200\n").unwrap_err();
        assert!(error.to_string().contains("overnight"), "{error}");
    }

    #[test]
    fn a_profile_that_no_job_may_have_is_refused_with_the_range() {
        for (text, range) in [
            ("samples: 0", "samples must be 1 to 100000, not 0"),
            ("samples: 100001", "samples must be 1 to 100000, not 100001"),
            ("interval_seconds: 0", "seconds must be 1 to 86400, not 0"),
            ("interval_seconds: 86401", "seconds must be 1 to 86400, not 86401"),
        ] {
            let error = parse(&format!("profiles:\n  quick:\n    {text}\n")).unwrap_err();
            assert!(error.to_string().contains(range), "{error}");
        }
    }

    #[test]
    fn a_mistyped_key_is_answered_with_the_nearest_known_one() {
        for (text, nearest) in [
            ("data_dirctory: x", "data_directory"),
            ("ssh:\n  retry_atempts: 5", "ssh.retry_attempts"),
            ("profiles:\n  deep:\n    sample: 5", "profiles.deep.samples"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.hint(), Some(format!("did you mean `{nearest}`?")), "{error}");
        }
    }

    #[test]
    fn a_daemon_section_is_refused_with_the_reason() {
        let error = parse("daemon:\n  socket_path: x\n").unwrap_err();
        assert!(error.to_string().contains("no workstation daemon"), "{error}");
    }

    #[test]
    fn a_threshold_that_the_default_filter_cannot_use_is_refused() {
        for text in ["-3", "0", "150"] {
            let error = parse(&format!("analysis:\n  default_threshold: {text}\n")).unwrap_err();
            assert!(matches!(error, ConfigError::Threshold(_)), "{text}: {error}");
        }
    }

    #[test]
    fn each_filter_method_has_a_default_of_its_own_or_demands_one() {
        let of = |method: &str| parse(&format!("analysis:\n  default_filter_method: {method}\n"));
        assert_eq!(of("percentile").unwrap().analysis.default_threshold, Some(75.0));
        assert_eq!(of("statistical").unwrap().analysis.default_threshold, Some(1.0));
        assert_eq!(of("cluster").unwrap().analysis.default_threshold, None);
        let error = of("absolute").unwrap_err();
        assert!(matches!(error, ConfigError::NoThreshold), "{error}");
        assert!(error.hint().unwrap().contains("default_threshold"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_in_words_of_the_file() {
        for (text, said) in [
            (
                "ssh:\n  retry_attempts: many\n",
                "`ssh.retry_attempts` of the configuration has to be a whole number from 0 to 100, not `many`",
            ),
            ("ssh:\n  retry_attempts: -1\n", "from 0 to 100, not `-1`"),
            (
                "ssh:\n  default_user: [a]\n",
                "`ssh.default_user` of the configuration has to be text, not a list",
            ),
            (
                "data_directory: 7\n",
                "`data_directory` of the configuration has to be text, not `7`",
            ),
            (
                "analysis: fast\n",
                "`analysis` of the configuration has to be a section with keys of its own, not `fast`",
            ),
            (
                "analysis:\n  default_threshold: high\n",
                "has to be a number, not `high`",
            ),
            (
                "analysis:\n  default_filter_method: busy\n",
                "has to be one of percentile, statistical, absolute, cluster, none, not `busy`",
            ),
            ("analysis:\n  visualization_format: bmp\n", "has to be one of png, "),
            (
                "profiles:\n  quick: 7\n",
                "`profiles.quick` of the configuration has to be a section",
            ),
            (
                "profiles:\n  quick:\n    samples: 1.5\n",
                "`profiles.quick.samples` of the configuration has to be a whole number",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_number_that_cannot_work_is_refused_with_the_range() {
        for (text, said) in [
            (
                "analysis:\n  visualization_dpi: 0\n",
                "a whole number from 36 to 1200, not `0`",
            ),
            (
                "ssh:\n  connection_timeout: 0\n",
                "a whole number from 1 to 3600, not `0`",
            ),
            (
                "ssh:\n  retry_attempts: 1000000\n",
                "a whole number from 0 to 100, not `1000000`",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn what_is_shown_is_a_file_that_means_the_same() {
        let config =
            parse("ssh:\n  default_user: admin\nprofiles:\n  n:\n    samples: 2\n    interval_seconds: 3\n").unwrap();
        assert_eq!(parse(&config.to_yaml().unwrap()).unwrap(), config);
    }

    #[test]
    fn a_file_named_on_the_command_line_must_exist() {
        let missing = Path::new("/nonexistent/config.yaml");
        assert!(load(missing, true).is_err());
        assert_eq!(load(missing, false).unwrap(), Config::default());
    }
}
