//! Histograms written the way vscsiStats prints them.

use std::fmt::{self, Display, Formatter};

use super::print::{DiskHistograms, Print};
use crate::histogram::{Bucket, Figure, Histogram, Summary};

impl Print {
    /// The print as `vscsiStats -p all -c` prints it: the overflow row repeats the last limit.
    pub fn csv(&self) -> impl Display + '_ {
        Written(|out: &mut Formatter<'_>| self.disks.iter().try_for_each(|disk| write_csv(disk, out)))
    }

    /// The print in the plain-text form, as vscsiStats prints it without `-c`.
    ///
    /// No capture of that form is known: its header and its comparators come from a script that reads it, the rest of
    /// its shape from memory.
    pub fn text(&self) -> impl Display + '_ {
        Written(|out: &mut Formatter<'_>| self.disks.iter().try_for_each(|disk| write_text(disk, out)))
    }
}

/// Something written by a function.
struct Written<F>(F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Written<F> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0(formatter)
    }
}

fn write_csv(disk: &DiskHistograms, out: &mut Formatter<'_>) -> fmt::Result {
    for (kind, histogram) in disk.iter() {
        write!(
            out,
            "Histogram: {},virtual machine worldGroupID,{},virtual disk handleID,{}",
            kind.title(),
            disk.world_group_id,
            disk.handle_id
        )?;
        match &disk.node {
            Some(node) => writeln!(out, " ({node})")?,
            None => writeln!(out)?,
        }
        for (name, value) in lines(histogram.summary()) {
            writeln!(out, "{name},{value}")?;
        }
        writeln!(out, "Frequency,Histogram Bucket Limit")?;
        for (Bucket { count, .. }, limit) in rows(histogram) {
            writeln!(out, "{count},{limit}")?;
        }
    }
    Ok(())
}

fn write_text(disk: &DiskHistograms, out: &mut Formatter<'_>) -> fmt::Result {
    for (kind, histogram) in disk.iter() {
        write!(
            out,
            "Histogram: {} for virtual machine worldGroupID : {}, virtual disk handleID : {}",
            kind.title(),
            disk.world_group_id,
            disk.handle_id
        )?;
        match &disk.node {
            Some(node) => writeln!(out, " ({node}) {{")?,
            None => writeln!(out, " {{")?,
        }
        for (name, value) in lines(histogram.summary()) {
            writeln!(out, " {name} : {value}")?;
        }
        writeln!(out, "   {{")?;
        for (Bucket { up_to, count, .. }, limit) in rows(histogram) {
            match up_to {
                Some(limit) => writeln!(out, "      {count:<16} (<= {limit:>19})")?,
                None => writeln!(out, "      {count:<16} (> {limit:>20})")?,
            }
        }
        writeln!(out, "   }}\n}}")?;
    }
    Ok(())
}

/// The lines of a summary that are known.
fn lines(summary: Summary) -> impl Iterator<Item = (&'static str, String)> {
    let figure = |figure: Option<Figure>| figure.map(|figure| figure.to_string());
    let Summary { min, max, mean, count } = summary;
    let lines = [
        ("min", figure(min)),
        ("max", figure(max)),
        ("mean", figure(mean)),
        ("count", count.map(|count| count.to_string())),
    ];
    lines.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// The buckets, each with the limit it is printed with: the overflow has that of the bucket before it.
fn rows(histogram: &Histogram) -> impl Iterator<Item = (Bucket, i64)> + '_ {
    histogram
        .buckets()
        .filter_map(|bucket| Some((bucket, bucket.up_to.or(bucket.above)?)))
}
