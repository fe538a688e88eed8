//! `verify DIR`: the jobs of a set on one target, with a row each.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{VerifyArgs, fio_files, remove_what_is_left, store};
use crate::cli::columns::table;
use crate::cli::{CliError, Env, Outcome};
use crate::compare::{Judgement, Verdict};
use crate::failure::UsageError;
use crate::fio::TargetFile;
use crate::number::{duration_ms, rate};
use crate::verify::{
    AskedAndGot, Behind, FioProgram, MeasuredAndGot, Order, Place, Request, Run, SetRow, VerifyError, needed_by,
    verify_all,
};

/// What the set came to.
#[derive(Debug, Serialize)]
struct SetJson<'set> {
    judgement: Judgement,
    jobs: &'set [SetRow],
}

/// Runs the jobs in the folder and tells what each came to.
pub(super) fn run(folder: &Path, args: &VerifyArgs, env: &Env) -> Result<Outcome, CliError> {
    let files = fio_files(folder)?;
    check(folder, &files, args, env)?;
    let targets = files.iter().map(|file| TargetFile::read(&TargetFile::path_for(file)));
    let targets = targets.collect::<Result<Vec<_>, _>>()?;
    let needs = files.iter().map(|file| needed_by(file));
    let needs = needs.collect::<Result<Vec<_>, VerifyError>>()?;
    let Some(need) = needs.into_iter().max_by_key(|need| need.version) else {
        return Ok(Outcome::Done);
    };
    let fio = FioProgram::find(args.fio.as_deref(), need)?;
    let place = Place::Directory(args.directory.clone());
    remove_what_is_left(&place, env)?;
    let requests: Vec<Request> = files
        .iter()
        .zip(&targets)
        .map(|(job_file, target)| Request {
            job_file,
            target,
            fio: &fio,
            place: &place,
            duration: args.duration,
            time_scale: args.time_scale,
            limits: &args.limits,
            preparation: args.preparation(),
        })
        .collect();
    let order = if args.in_turn { Order::InTurn } else { Order::Together };
    let bar = env.bar(100, "fio is running {bar:40} {percent}% {elapsed}");
    let runs = verify_all(&requests, order, &|percent| bar.set_position(percent));
    bar.finish_and_clear();
    // The scratch files are removed at the end of this, after everything was said.
    tell(&files, &runs?, order, env)
}

fn check(folder: &Path, files: &[PathBuf], args: &VerifyArgs, env: &Env) -> Result<(), UsageError> {
    let shown = env.shown(folder);
    if files.is_empty() {
        return Err(UsageError::new(
            format!("there is no fio file in `{shown}`"),
            format!("make the set with `vscsi-helper suite JOB… -o {shown}`, or name a job"),
        ));
    }
    if args.device.is_some() {
        return Err(UsageError::new(
            format!("`{shown}` holds {} jobs, and one device takes one", files.len()),
            "put a file system on the device and name a directory on it with `--directory`",
        ));
    }
    if args.against.is_some() {
        return Err(UsageError::new(
            format!("`{shown}` holds {} jobs, and a capture is of one", files.len()),
            "name the fio file that the capture is of",
        ));
    }
    Ok(())
}

fn tell(files: &[PathBuf], runs: &[Run], order: Order, env: &Env) -> Result<Outcome, CliError> {
    let mut rows = Vec::new();
    for (file, run) in files.iter().zip(runs) {
        store(file, &run.verification)?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        rows.extend(SetRow::of(&name, &run.verification));
    }
    let judgement = Judgement::of(runs.iter().map(|run| run.verification.judgement));
    if env.json {
        env.print_json(&SetJson { judgement, jobs: &rows })?;
    } else {
        env.print(text(&rows, order))?;
        env.print("\nThe result of each job stands beside its file as NAME.verify.json.")?;
    }
    Ok(Outcome::judged(judgement, false))
}

/// A row for each job, and below it what it missed.
fn text(rows: &[SetRow], order: Order) -> String {
    let how = match order {
        Order::Together => "together",
        Order::InTurn => "one after the other",
    };
    let headings = [
        "JOB",
        "IOPS",
        "GOT",
        "MB/s",
        "GOT",
        "READ P99",
        "GOT",
        "WRITE P99",
        "GOT",
        "LIMITS",
        "VERDICT",
    ];
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let all = rows.iter().fold([0.0; 4], |[iops, iops_got, mbps, mbps_got], row| {
        [
            iops + row.rates.iops.asked,
            iops_got + row.rates.iops.got,
            mbps + row.rates.mbps.asked,
            mbps_got + row.rates.mbps.got,
        ]
    });
    let [iops, iops_got, mbps, mbps_got] = all.map(rate);
    let together = match order {
        Order::Together => {
            format!("\n\nAll together: {iops_got} of {iops} IOPS, {mbps_got} of {mbps} MB/s.")
        }
        Order::InTurn => String::new(),
    };
    format!("The jobs ran {how}.\n\n{}{together}", table(&headings, &cells))
}

fn cells(row: &SetRow) -> Vec<String> {
    let name = match &row.phase {
        Some(phase) => format!("{}/{phase}", row.job),
        None => row.job.clone(),
    };
    let AskedAndGot {
        asked: iops,
        got: iops_got,
    } = row.rates.iops;
    let AskedAndGot {
        asked: mbps,
        got: mbps_got,
    } = row.rates.mbps;
    let mut cells = vec![name, rate(iops), rate(iops_got), rate(mbps), rate(mbps_got)];
    cells.extend(latencies(row.read_p99_ms));
    cells.extend(latencies(row.write_p99_ms));
    let limits = row.limits.iter().map(|limit| limit.verdict);
    cells.push(if row.limits.is_empty() {
        "-".to_owned()
    } else {
        word(Judgement::of(limits)).to_owned()
    });
    cells.push(word(row.judgement).to_owned());
    if !row.missed.is_empty() {
        cells.push(format!("missed {}", row.missed.join(", ")));
    }
    let limits = row.limits.iter().filter(|limit| limit.verdict != Verdict::Kept);
    cells.extend(limits.map(|limit| format!("limit {limit}")));
    cells.extend(row.behind.iter().map(Behind::to_string));
    cells.extend(row.advice.iter().cloned());
    cells
}

fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Kept => "kept",
        Judgement::Undecided => "undecided",
        Judgement::Missed => "missed",
    }
}

fn latencies(latency: MeasuredAndGot) -> [String; 2] {
    [latency.measured, latency.got].map(|number| {
        number.map_or_else(
            || "-".to_owned(),
            |number| number.range.shown(number.last_limit, duration_ms),
        )
    })
}
