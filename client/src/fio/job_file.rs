//! Our own reading of a fio job file: the options that decide which commands it issues.

use std::collections::BTreeMap;

use super::clusters::Pause;
use super::text::is_global;
use crate::stream::Direction;

/// Why a job file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableJobFile {
    /// An option stands before the first section.
    #[error("line {line}: an option stands before the first section")]
    OptionOutsideSection {
        /// Line number, from 1.
        line: usize,
    },
    /// An option's value is not of its form.
    #[error("section [{section}]: `{option}={value}` is not understood")]
    BadValue {
        /// Name of the section.
        section: String,
        /// Name of the option.
        option: String,
        /// The value as written.
        value: String,
    },
    /// The commands of a section move on, and leave its region before its run is over.
    #[error(
        "section [{section}]: its commands move on and leave its {region_bytes} bytes before its {seconds} s are over"
    )]
    LeavesRegion {
        /// Name of the section.
        section: String,
        /// Its region, bytes.
        region_bytes: u64,
        /// Length of its run.
        seconds: u64,
    },
}

/// One job of a file, with the options of the `[global]` sections before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The name in brackets.
    pub name: String,
    /// Options by name; an option without a value holds the empty text.
    pub options: BTreeMap<String, String>,
}

/// Reads the sections of a job file.
///
/// # Errors
/// [`UnreadableJobFile::OptionOutsideSection`].
pub fn sections(text: &str) -> Result<Vec<Section>, UnreadableJobFile> {
    let mut global: BTreeMap<String, String> = BTreeMap::new();
    let mut sections: Vec<Section> = Vec::new();
    let mut in_global = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = heading(line) {
            in_global = Some(is_global(name));
            if !is_global(name) {
                sections.push(Section {
                    name: name.to_owned(),
                    options: global.clone(),
                });
            }
            continue;
        }
        let (option, value) = line.split_once('=').unwrap_or((line, ""));
        let options = match in_global {
            None => return Err(UnreadableJobFile::OptionOutsideSection { line: number + 1 }),
            Some(true) => &mut global,
            Some(false) => match sections.last_mut() {
                Some(section) => &mut section.options,
                None => &mut global,
            },
        };
        options.insert(option.trim().to_owned(), value.trim().to_owned());
    }
    Ok(sections)
}

/// The name of the section that begins with this line.
fn heading(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.strip_suffix(']')
}

/// Whether a job begins with this line, rather than options for all jobs.
pub(crate) fn begins_job(line: &str) -> bool {
    heading(line).is_some_and(|name| !is_global(name))
}

impl Section {
    /// The option's text.
    pub fn text(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    /// A whole number, with fio's binary suffixes k, m, g and t.
    pub fn number(&self, option: &str) -> Result<Option<u64>, UnreadableJobFile> {
        let Some(value) = self.text(option) else {
            return Ok(None);
        };
        match parse_number(value) {
            Some(number) => Ok(Some(number)),
            None => Err(self.bad(option, value)),
        }
    }

    /// The directions of `rw` and whether places are random; fio's default is to read in sequence. What stands behind a
    /// colon (repeats, or a step) is left to those who know it.
    pub fn access(&self) -> Result<(Vec<Direction>, bool), UnreadableJobFile> {
        let rw = self.text("rw").unwrap_or("read");
        match rw.split_once(':').map_or(rw, |(word, _)| word) {
            "read" => Ok((vec![Direction::Read], false)),
            "randread" => Ok((vec![Direction::Read], true)),
            "write" => Ok((vec![Direction::Write], false)),
            "randwrite" => Ok((vec![Direction::Write], true)),
            "randrw" => Ok((Direction::ALL.to_vec(), true)),
            _ => Err(self.bad("rw", rw)),
        }
    }

    /// The option's text for one direction: fio takes `reads,writes`, or one value for both.
    pub fn text_for(&self, option: &str, direction: Direction) -> Option<&str> {
        let value = self.text(option)?;
        Some(match (value.split_once(','), direction) {
            (None, _) => value,
            (Some((reads, _)), Direction::Read) => reads,
            (Some((_, writes)), Direction::Write) => writes,
        })
    }

    /// [`Self::number`] of one direction.
    pub fn number_for(&self, option: &str, direction: Direction) -> Result<Option<u64>, UnreadableJobFile> {
        let value = self.text_for(option, direction);
        value
            .map(|value| parse_number(value).ok_or_else(|| self.bad(option, value)))
            .transpose()
    }

    /// Sizes and percentages of `bssplit`, or the one size of `bs`; fio's default is 4 KiB.
    pub fn sizes(&self, direction: Direction) -> Result<Vec<(u64, f64)>, UnreadableJobFile> {
        if let Some(split) = self.text_for("bssplit", direction) {
            return split
                .split(':')
                .map(|entry| {
                    let (size, percent) = entry.split_once('/')?;
                    Some((parse_number(size)?, percent.parse().ok()?))
                })
                .collect::<Option<Vec<(u64, f64)>>>()
                .ok_or_else(|| self.bad("bssplit", split));
        }
        Ok(vec![(self.number_for("bs", direction)?.unwrap_or(4096), 100.0)])
    }

    /// Mean size of a command, bytes.
    pub fn mean_bytes(&self, direction: Direction) -> Result<f64, UnreadableJobFile> {
        let sizes = self.sizes(direction)?;
        let weights: f64 = sizes.iter().map(|(_, weight)| weight).sum();
        Ok(sizes.iter().map(|(bytes, weight)| *bytes as f64 * weight).sum::<f64>() / weights.max(1.0))
    }

    /// Commands per second that the rate options allow one direction; `None` at full speed.
    pub fn commands_per_second(&self, direction: Direction) -> Result<Option<f64>, UnreadableJobFile> {
        if let Some(iops) = self.number_for("rate_iops", direction)? {
            let pause = Pause::of(self)?.filter(|pause| pause.is_apart);
            return Ok(Some(
                pause.map_or(iops as f64, |pause| pause.commands_per_second(iops as f64)),
            ));
        }
        let rate = self.number_for("rate", direction)?;
        let mean = self.mean_bytes(direction)?.max(1.0);
        Ok(rate.map(|rate| rate as f64 / mean))
    }

    /// Percentages and sizes of `random_distribution=zoned_abs:`, empty for uniform offsets.
    pub fn zones(&self) -> Result<Vec<(f64, u64)>, UnreadableJobFile> {
        let Some(distribution) = self.text("random_distribution") else {
            return Ok(Vec::new());
        };
        let zones = distribution.strip_prefix("zoned_abs:").map(|zones| {
            let entries = zones.split(':').map(|entry| {
                let (percent, size) = entry.split_once('/')?;
                Some((percent.parse().ok()?, parse_number(size)?))
            });
            entries.collect::<Option<Vec<(f64, u64)>>>()
        });
        zones
            .flatten()
            .ok_or_else(|| self.bad("random_distribution", distribution))
    }

    /// The error that this option's value is not of its form.
    pub fn bad(&self, option: &str, value: &str) -> UnreadableJobFile {
        UnreadableJobFile::BadValue {
            section: self.name.clone(),
            option: option.to_owned(),
            value: value.to_owned(),
        }
    }
}

pub(super) fn parse_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_inherits_the_global_options_before_it() {
        let found = sections("[global]\nbs=4k\n# bs=9k\n[a]\nrw=randread\n[global]\nbs=8k\n[b]\n").unwrap();
        assert_eq!(found[0].number("bs").unwrap(), Some(4096));
        assert_eq!(found[1].number("bs").unwrap(), Some(8192));
        assert_eq!(found[0].text("rw"), Some("randread"));
        assert_eq!(found[1].text("rw"), None);
    }

    #[test]
    fn a_name_that_only_begins_with_global_is_one_of_options_too_as_it_is_to_fio() {
        let found = sections("[global-reads]\nbs=4k\n[a]\nrw=randread\n").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].number("bs").unwrap(), Some(4096));
    }

    #[test]
    fn sizes_come_from_bssplit() {
        let found = sections("[a]\nbssplit=4k/25:65536/75\n").unwrap();
        assert_eq!(found[0].sizes(Direction::Read).unwrap(), [(4096, 25.0), (65536, 75.0)]);
    }

    #[test]
    fn a_list_holds_reads_before_writes_and_a_single_value_holds_for_both() {
        let found = sections("[a]\nrw=randrw\nbssplit=4k/100,8k/50:16k/50\nrate=4096,24k\nblockalign=4k\n").unwrap();
        let section = &found[0];
        assert_eq!(section.access().unwrap(), (Direction::ALL.to_vec(), true));
        assert_eq!(section.sizes(Direction::Read).unwrap(), [(4096, 100.0)]);
        assert_eq!(section.number_for("blockalign", Direction::Write).unwrap(), Some(4096));
        // 24 KiB/s of 12 KiB each.
        assert_eq!(section.commands_per_second(Direction::Write).unwrap(), Some(2.0));
    }

    #[test]
    fn a_value_that_is_no_number_is_named() {
        let found = sections("[a]\nsize=lots\n").unwrap();
        let error = found[0].number("size").unwrap_err().to_string();
        assert_eq!(error, "section [a]: `size=lots` is not understood");
    }

    #[test]
    fn an_option_before_any_section_is_refused() {
        assert_eq!(
            sections("# note\nbs=4k\n"),
            Err(UnreadableJobFile::OptionOutsideSection { line: 2 })
        );
    }
}
