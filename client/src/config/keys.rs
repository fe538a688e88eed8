//! Which keys the configuration file knows, and what each can have.

use clap::ValueEnum;
use serde_json::Value;

use super::ConfigError;
use crate::analysis::FilterMethod;
use crate::chart::ChartFormat;
use crate::suggest::nearest;

/// What the value of a key is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A section with keys of its own.
    Section(&'static [(&'static str, Kind)]),
    /// A section whose keys are names, each with a section of this form.
    Named(&'static [(&'static str, Kind)]),
    Text,
    Number,
    /// A whole number in this range.
    Whole(u64, u64),
    /// The name of a filter method.
    Method,
    /// The name of a format of charts.
    Format,
}

use Kind::{Format, Method, Named, Number, Section, Text, Whole};

/// The numbers of a profile are held against the limits of a job, which the agent has too.
const PROFILE: &[(&str, Kind)] = &[
    ("samples", Whole(0, u32::MAX as u64)),
    ("interval_seconds", Whole(0, u32::MAX as u64)),
];

const TOP: &[(&str, Kind)] = &[
    ("data_directory", Text),
    ("profiles", Named(PROFILE)),
    (
        "analysis",
        Section(&[
            ("default_filter_method", Method),
            ("default_threshold", Number),
            ("visualization_dpi", Whole(36, 1200)),
            ("visualization_format", Format),
        ]),
    ),
    (
        "ssh",
        Section(&[
            ("default_user", Text),
            ("default_key", Text),
            ("connection_timeout", Whole(1, 3600)),
            ("answer_timeout", Whole(1, 3600)),
            ("retry_attempts", Whole(0, 100)),
        ]),
    ),
];

/// Refuses the first key that is not known where it stands, and the first value that its key cannot have.
pub(super) fn check(file: &Value) -> Result<(), ConfigError> {
    if file.get("daemon").is_some() {
        return Err(ConfigError::Daemon);
    }
    check_section("", file, TOP)
}

fn check_section(prefix: &str, section: &Value, known: &'static [(&'static str, Kind)]) -> Result<(), ConfigError> {
    let keys = || known.iter().map(|(key, _)| *key);
    for (key, value) in section.as_object().into_iter().flatten() {
        let Some((_, kind)) = known.iter().find(|(known, _)| known == key) else {
            return Err(ConfigError::UnknownKey {
                key: format!("{prefix}{key}"),
                nearest: nearest(key, keys()).map(|near| format!("{prefix}{near}")),
                known: keys().collect::<Vec<_>>().join(", "),
            });
        };
        check_value(&format!("{prefix}{key}"), value, *kind)?;
    }
    Ok(())
}

/// Nothing behind a key leaves the default in force, where the default may be nothing.
fn check_value(key: &str, value: &Value, kind: Kind) -> Result<(), ConfigError> {
    let fits = match kind {
        Text | Number if value.is_null() => true,
        Section(known) if value.is_object() => return check_section(&format!("{key}."), value, known),
        Named(known) if value.is_object() => {
            for (name, section) in value.as_object().into_iter().flatten() {
                check_value(&format!("{key}.{name}"), section, Section(known))?;
            }
            true
        }
        Section(_) | Named(_) => false,
        Text => value.is_string(),
        Number => value.is_number(),
        Whole(least, most) => value.as_u64().is_some_and(|number| (least..=most).contains(&number)),
        Method => is_one_of(value, &names::<FilterMethod>()),
        Format => is_one_of(value, &names::<ChartFormat>()),
    };
    if fits {
        return Ok(());
    }
    Err(ConfigError::Value {
        key: key.to_owned(),
        expected: match kind {
            Section(_) | Named(_) => "a section with keys of its own".to_owned(),
            Text => "text".to_owned(),
            Number => "a number".to_owned(),
            Whole(least, most) => format!("a whole number from {least} to {most}"),
            Method => format!("one of {}", names::<FilterMethod>().join(", ")),
            Format => format!("one of {}", names::<ChartFormat>().join(", ")),
        },
        found: match value {
            Value::Object(_) => "a section".to_owned(),
            Value::Array(_) => "a list".to_owned(),
            Value::Null => "nothing".to_owned(),
            Value::String(text) => format!("`{}`", text.chars().take(80).collect::<String>()),
            other => format!("`{other}`"),
        },
    })
}

fn is_one_of(value: &Value, names: &[String]) -> bool {
    value.as_str().is_some_and(|text| names.iter().any(|name| name == text))
}

fn names<T: ValueEnum>() -> Vec<String> {
    let values = T::value_variants().iter();
    values
        .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
        .collect()
}
