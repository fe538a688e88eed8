//! Streams of commands: some with one habit in the extreme, and courses, which take a stated time and change in it.

mod backup;
mod database;
mod desktop;
mod extreme;
mod files;
mod paces;
mod writer;

use vscsi_helper::stream::Command;

pub(crate) use extreme::all;

/// A named stream of commands.
pub(crate) struct Stream {
    pub(crate) name: &'static str,
    pub(crate) commands: Vec<Command>,
}

/// What a VM does in the course of some time.
pub(crate) struct Course {
    pub(crate) name: &'static str,
    /// Length of a sample, seconds.
    pub(crate) sample_seconds: f64,
    /// Number of samples that were taken.
    pub(crate) samples: u32,
    write: fn(f64) -> Vec<Vec<Command>>,
}

impl Course {
    /// Its length, seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.sample_seconds * f64::from(self.samples)
    }

    /// The commands of each of its disks, in order of issue.
    pub(crate) fn disks(&self) -> Vec<Vec<Command>> {
        (self.write)(self.seconds())
    }
}

/// All of them.
pub(crate) fn courses() -> Vec<Course> {
    let course = |name, samples, sample_seconds, write| Course {
        name,
        sample_seconds,
        samples,
        write,
    };
    vec![
        course("boot storm", 20, 30.0, |seconds| vec![desktop::boot_storm(seconds)]),
        course("database with log", 20, 60.0, |seconds| {
            vec![database::with_log(seconds)]
        }),
        course("checkpoint", 30, 20.0, |seconds| vec![database::checkpoint(seconds)]),
        course("backup and reverse reader", 20, 30.0, |seconds| {
            vec![backup::full(seconds)]
        }),
        course("consolidation", 20, 30.0, |seconds| {
            vec![backup::consolidation(seconds)]
        }),
        course("five disks", 10, 30.0, desktop::five_disks),
        course("trickle", 20, 60.0, |seconds| vec![paces::trickle(seconds)]),
        course("50 000 IOPS", 4, 1.0, |seconds| vec![paces::fast(seconds)]),
        course("day and night", 60, 20.0, |seconds| vec![paces::day_and_night(seconds)]),
        course("odd sizes", 20, 30.0, |seconds| vec![files::odd_sizes(seconds)]),
        course("rewrites", 20, 30.0, |seconds| vec![files::rewrites(seconds)]),
        course("reads only", 20, 30.0, |seconds| vec![files::reads_only(seconds)]),
        course("file passes", 14, 30.0, |seconds| vec![files::passes(seconds)]),
    ]
}
