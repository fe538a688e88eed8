//! Validated names and host identifiers. A value of one of these types has passed its check, so no later code repeats it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest accepted job, schedule or host alias name, in bytes.
pub const MAX_NAME_LENGTH: usize = 64;

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid name `{name}`: use 1 to {MAX_NAME_LENGTH} letters, digits, `.`, `_` or `-`, beginning with a letter or digit"
)]
pub struct InvalidName {
    name: String,
}

/// A name that may become a path component and a URL segment: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
///
/// It therefore never holds a separator, never is `.` or `..`, and never begins with a dash that a command could
/// take for an option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Checks `text` and wraps it.
    ///
    /// # Errors
    /// [`InvalidName`] when it does not match the pattern.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let continues_well = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if starts_well && continues_well && text.len() <= MAX_NAME_LENGTH {
            Ok(Self(text.to_owned()))
        } else {
            // The refused text is shown, so it is bounded and cleaned of control characters first.
            let name = text.chars().take(80).flat_map(char::escape_debug).collect();
            Err(InvalidName { name })
        }
    }

    /// `job-1`, `job-2` and so on: a name that tells nothing.
    pub fn anonymous(number: usize) -> Self {
        Self(format!("job-{number}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// A host identifier is not a decimal number that fits 64 bits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: expected a decimal number")]
pub struct InvalidNumber {
    what: &'static str,
    text: String,
}

macro_rules! host_identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// Written to JSON as a string, because 64-bit values do not survive readers that hold numbers as doubles.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidNumber;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self).map_err(|_| InvalidNumber { what: $what, text: text.chars().take(40).collect() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(NumberOrText).map(Self)
            }
        }
    };
}

host_identifier!(
    /// The world group ID of a running VM: the ID of the leader of its world group, which is its VMX cartel ID.
    WorldGroupId,
    "world group ID"
);
host_identifier!(
    /// The handle ID of a virtual disk: 8192 and up on older hosts, a full 64-bit value on ESXi 8.0.
    HandleId,
    "handle ID"
);

struct NumberOrText;

impl serde::de::Visitor<'_> for NumberOrText {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a decimal number, or a text that holds one")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u64, E> {
        text.parse()
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_letters_digits_dot_underscore_and_dash() {
        for text in ["a", "0", "sql-peak", "job-20251106-083022", "A.b_c-D", &"x".repeat(64)] {
            assert_eq!(Name::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_name_that_could_leave_its_directory_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "-rf",
            ".hidden",
            "a b",
            "ä",
            "a\0",
            "a\n",
            &"x".repeat(65),
        ] {
            assert!(Name::new(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_refused_name_is_shown_without_its_control_characters() {
        let message = Name::new("a\u{1b}[31m").unwrap_err().to_string();
        assert!(message.contains("\\u{1b}"), "{message}");
    }

    #[test]
    fn a_64_bit_handle_survives_json() {
        let handle = HandleId(9_135_781_989_851_158);
        let json = serde_json::to_string(&handle).unwrap();
        assert_eq!(json, "\"9135781989851158\"");
        assert_eq!(serde_json::from_str::<HandleId>(&json).unwrap(), handle);
    }

    #[test]
    fn a_handle_written_as_a_number_is_read() {
        assert_eq!(serde_json::from_str::<HandleId>("8194").unwrap(), HandleId(8194));
    }
}
