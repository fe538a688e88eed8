//! The oldest fio that runs a file as it is meant, from what the file uses.

use super::job_file::{Section, UnreadableJobFile};

/// Major and minor number of a fio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FioVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl std::fmt::Display for FioVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FioVersion {
    /// fio 3.`minor`.
    pub const fn three(minor: u32) -> Self {
        Self { major: 3, minor }
    }

    /// Reads what `fio --version` prints, such as `fio-3.33` or `fio-3.39-12-gabcd`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text
            .trim()
            .strip_prefix("fio-")?
            .split(|letter: char| !letter.is_ascii_digit());
        let mut number = || numbers.next()?.parse().ok();
        Some(Self {
            major: number()?,
            minor: number()?,
        })
    }
}

/// What a file needs of fio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FioNeed {
    /// The oldest version that runs the file as it is meant.
    pub version: FioVersion,
    /// What that version is needed for, as a sentence without a full stop; `None` where every file needs it.
    pub reason: Option<&'static str>,
}

impl std::fmt::Display for FioNeed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "fio {} or newer", self.version)?;
        self.reason.map_or(Ok(()), |reason| write!(formatter, " ({reason})"))
    }
}

impl FioNeed {
    /// What every file needs.
    pub const LEAST: Self = Self {
        version: FioVersion::three(0),
        reason: None,
    };

    /// What these sections need: the newest of what each uses.
    ///
    /// # Errors
    /// [`UnreadableJobFile`] when an option's value is not of its form.
    pub fn of(sections: &[Section]) -> Result<Self, UnreadableJobFile> {
        let mut need = Self::LEAST;
        for section in sections {
            for feature in FEATURES {
                if feature.version > need.version && (feature.is_used_by)(section)? {
                    need = Self {
                        version: feature.version,
                        reason: Some(feature.reason),
                    };
                }
            }
        }
        Ok(need)
    }
}

/// What a section may use, and the fio that it needs for it.
struct Feature {
    version: FioVersion,
    reason: &'static str,
    is_used_by: fn(&Section) -> Result<bool, UnreadableJobFile>,
}

/// Sources: the commits of fio that brought or mended each, and the first release that holds them.
const FEATURES: [Feature; 6] = [
    // 59466396.
    Feature {
        version: FioVersion::three(3),
        reason: "older versions do not know zones of absolute size",
        is_used_by: |section| Ok(!section.zones()?.is_empty()),
    },
    // 7b865a2f.
    Feature {
        version: FioVersion::three(9),
        reason: "older versions do not know zonemode=strided",
        is_used_by: |section| Ok(section.text("zonemode").is_some()),
    },
    // 35f561eb and fa9fd914.
    Feature {
        version: FioVersion::three(17),
        reason: "older versions stay in the first zone where no bytes are skipped between zones",
        is_used_by: |section| Ok(section.text("zonemode").is_some() && section.number("zoneskip")?.unwrap_or(0) == 0),
    },
    // df06a036.
    Feature {
        version: FioVersion::three(22),
        reason: "older versions do not end in time where a rate is less than a block a second",
        is_used_by: has_rate_below_a_block,
    },
    // 33f42c20.
    Feature {
        version: FioVersion::three(26),
        reason: "older versions count a cluster by the commands that have ended",
        is_used_by: |section| Ok(section.text("thinktime_blocks_type").is_some()),
    },
    // b85c01f7.
    Feature {
        version: FioVersion::three(36),
        reason: "older versions report latencies of a replay wrongly",
        is_used_by: |section| Ok(section.text("read_iolog").is_some()),
    },
];

fn has_rate_below_a_block(section: &Section) -> Result<bool, UnreadableJobFile> {
    for direction in section.access()?.0 {
        let smallest = section.sizes(direction)?.into_iter().map(|(bytes, _)| bytes).min();
        if section
            .number_for("rate", direction)?
            .zip(smallest)
            .is_some_and(|(rate, block)| rate < block)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fio::sections;

    fn needed_by(text: &str) -> String {
        FioNeed::of(&sections(text).unwrap()).unwrap().version.to_string()
    }

    #[test]
    fn versions_are_read_from_releases_and_from_builds_between_them() {
        let read = |text| FioVersion::parse(text).map(|version| (version.major, version.minor));
        assert_eq!(read("fio-3.33\n"), Some((3, 33)));
        assert_eq!(read("fio-3.39-12-g0123abc"), Some((3, 39)));
        assert_eq!(read("flexible"), None);
    }

    #[test]
    fn a_file_needs_the_newest_fio_that_one_of_its_sections_needs() {
        let plain = "[a]\nrw=randread\nbssplit=4k/50:8k/50\nrate=8k\n";
        let walk = "[b]\nrw=randrw\nbs=4k\nzonemode=strided\nzonesize=512\nzonerange=4k\n";
        for (text, version) in [
            (plain.to_owned(), "3.0"),
            (format!("{plain}random_distribution=zoned_abs:60/1g:40/9g\n"), "3.3"),
            (format!("{walk}zoneskip=4k\n"), "3.9"),
            (format!("{walk}zoneskip=0\n"), "3.17"),
            (walk.to_owned(), "3.17"),
            (format!("{walk}zoneskip=0\n{plain}rate=4095\n"), "3.22"),
            (format!("{walk}zoneskip=0\nrate=1m,4095\n"), "3.22"),
            (format!("{walk}zoneskip=0\nrate=1m,4096\n"), "3.17"),
            (format!("{walk}zoneskip=0\nthinktime=500\n"), "3.17"),
            (format!("{plain}thinktime=500\nthinktime_blocks_type=issue\n"), "3.26"),
            (format!("[c]\nread_iolog=c.iolog\n{walk}zoneskip=0\n"), "3.36"),
        ] {
            assert_eq!(needed_by(&text), version, "{text}");
        }
    }

    #[test]
    fn the_reason_stands_behind_the_version() {
        let need = FioNeed::of(&sections("[a]\nread_iolog=a.iolog\n").unwrap()).unwrap();
        let text = "fio 3.36 or newer (older versions report latencies of a replay wrongly)";
        assert_eq!(need.to_string(), text);
        assert_eq!(FioNeed::LEAST.to_string(), "fio 3.0 or newer");
    }
}
