//! `chart`: pictures of a job.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde::Serialize;

use crate::chart::{self, ChartFormat, ChartInput, ChartKind, Style};
use crate::cli::job::JobArg;
use crate::cli::selection::{SelectionArgs, analyze};
use crate::cli::{CliError, Env, Outcome};
use crate::store::Store;

/// Draw a job's charts: surfaces over time with heat maps, timelines, distributions
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vscsi-helper chart sql-peak
  vscsi-helper chart sql-peak --kind latency-3d,latency-3d-read --format svg
  vscsi-helper chart sql-peak --filter cluster --size 13.33x7.5 --dpi 200 -o ~/report

A surface hides its valleys, so each has its heat map beside it. Every file says
inside and below the picture which samples it was drawn from.")]
pub struct ChartArgs {
    #[command(flatten)]
    job: JobArg,
    /// Draw these charts only; may be repeated or separated by commas [default: all that have commands]
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kind_parser())]
    kinds: Vec<ChartKind>,
    /// Format of the files [default: as configured, png]
    #[arg(long, value_name = "FORMAT")]
    format: Option<ChartFormat>,
    /// Resolution of PNG files, dots per inch [default: as configured, 300]
    #[arg(long)]
    dpi: Option<u32>,
    /// Width and height in inches [default: 10x5.625, a wide-screen slide]
    #[arg(long, value_name = "WxH")]
    size: Option<PageSize>,
    /// Directory for the files [default: the job's `visualizations`]
    #[arg(short, long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// Sides of a page, inches.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PageSize {
    width_inches: f64,
    height_inches: f64,
}

impl FromStr for PageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text
            .split_once(['x', 'X'])
            .and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)));
        let (width_inches, height_inches) =
            parsed.ok_or_else(|| "write width and height in inches, such as 10x5.625".to_owned())?;
        Ok(Self {
            width_inches,
            height_inches,
        })
    }
}

fn kind_parser() -> impl clap::builder::TypedValueParser<Value = ChartKind> {
    PossibleValuesParser::new(ChartKind::all().map(ChartKind::name)).try_map(|name| name.parse::<ChartKind>())
}

/// What `--json` prints.
#[derive(Serialize)]
struct Drawn<'a> {
    job: String,
    charts: Vec<DrawnChart<'a>>,
}

#[derive(Serialize)]
struct DrawnChart<'a> {
    kind: &'static str,
    path: &'a std::path::Path,
}

pub(super) fn run(args: &ChartArgs, env: &Env) -> Result<Outcome, CliError> {
    let options = args.selection.options(env)?;
    let store = Store::open(&env.data_dir)?;
    let (directory, analysis) = analyze(&args.job.reference, &options, &store, env)?;
    let kinds: Vec<ChartKind> = if args.kinds.is_empty() {
        ChartKind::of(&analysis.series)
    } else {
        args.kinds.clone()
    };
    let own = directory.visualizations();
    if args.output.is_none() {
        directory.make(&own)?;
    }
    let output = args.output.as_ref().unwrap_or(&own);
    let format = args.format.unwrap_or(env.config.analysis.visualization_format);
    let paths = chart::write_all(output, &ChartInput::from(&analysis), &kinds, format, &args.style(env))?;
    if env.json {
        let charts = kinds.iter().zip(&paths).map(|(kind, path)| DrawnChart {
            kind: kind.name(),
            path,
        });
        env.print_json(&Drawn {
            job: directory.reference().to_string(),
            charts: charts.collect(),
        })?;
    } else {
        for path in &paths {
            env.print(path.display())?;
        }
    }
    Ok(Outcome::of(&analysis))
}

impl ChartArgs {
    fn style(&self, env: &Env) -> Style {
        let default = Style {
            dpi: self.dpi.unwrap_or(env.config.analysis.visualization_dpi),
            ..Style::default()
        };
        self.size.map_or(default, |size| Style {
            width_inches: size.width_inches,
            height_inches: size.height_inches,
            ..default
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_size_is_width_times_height_in_inches() {
        let size = "13.33x7.5".parse::<PageSize>().unwrap();
        assert_eq!((size.width_inches, size.height_inches), (13.33, 7.5));
    }

    #[test]
    fn a_page_size_without_height_is_answered_with_an_example() {
        assert!("10".parse::<PageSize>().unwrap_err().contains("10x5.625"));
    }
}
