//! Reading captures, a piece at a time.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Cursor, ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use vscsi_shared::vscsistats::{
    CommandTable, Diagnostic, DiagnosticKind, Parsed, Parser, Print, TraceParser, TracedCommand, is_command_table,
    is_trace, parse_command_table,
};

use super::description::Description;
use super::fio::{self, FioLog};
use super::{ImportError, xml};
use crate::failure::FileError;
use crate::stream::fio_log;

/// How much of a file is in memory at once.
const PIECE_BYTES: usize = 1024 * 1024;

/// Something in a file that was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub path: PathBuf,
    /// What, and where in it.
    pub diagnostic: Diagnostic,
}

impl Warning {
    /// A histogram may have been lost. A file that was cut inside a title ends in an unexpected line.
    pub(super) fn is_loss(&self) -> bool {
        self.diagnostic.kind.is_loss()
    }
}

/// When a file was last changed: the only date an import has, and not a time of measurement.
pub(super) fn changed_at(path: &Path) -> Option<Timestamp> {
    let time = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    Timestamp::try_from(time).ok()
}

/// What an import reads.
#[derive(Debug)]
pub(super) enum Found {
    /// A print, with what its file says of it.
    Print(Print, Description),
    /// The commands of a trace, in the order of the file.
    Trace(Vec<TracedCommand>),
    /// A log of a fio run.
    Fio(FioLog),
}

/// Gives each print of a file to `take`, in order, or its trace, and returns what could not be used. Output of vscsiStats
/// is read piece by piece, so it may be larger than memory; tables, traces and logs of commands and XML are read as a whole.
///
/// # Errors
/// [`ImportError`] when the file cannot be read or holds no complete histogram, and whatever `take` fails with.
pub(super) fn read_file(
    path: &Path,
    mut take: impl FnMut(Found) -> Result<(), ImportError>,
) -> Result<Vec<Diagnostic>, ImportError> {
    let failed = || FileError::new("read", path);
    let file = File::open(path).map_err(failed())?;
    // Reading a directory fails with an error that says less than this one.
    if file.metadata().map_err(failed())?.is_dir() {
        return Err(failed()(std::io::Error::from(ErrorKind::IsADirectory)).into());
    }
    let mut input: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut start = Vec::new();
    input
        .by_ref()
        .take(PIECE_BYTES as u64)
        .read_to_end(&mut start)
        .map_err(failed())?;
    if is_command_table(&start) {
        input.read_to_end(&mut start).map_err(failed())?;
        return take_table(path, parse_command_table(&start), take);
    }
    if xml::is_xml(&start) {
        input.read_to_end(&mut start).map_err(failed())?;
        return take_xml(path, &String::from_utf8_lossy(&start), take);
    }
    let found_trace = is_trace(&start);
    let fio_log = fio_log::kind_of(&start);
    let mut input = Cursor::new(start).chain(input);
    if let Some(kind) = fio_log {
        let input = BufReader::with_capacity(PIECE_BYTES, input);
        take(Found::Fio(fio::read(path, kind, input)?))?;
        return Ok(Vec::new());
    }
    if found_trace {
        return take_trace(path, input, take);
    }
    let mut parser = Parser::new();
    let mut found = false;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match input.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => parser.push(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed()(error).into()),
        }
        for print in parser.take_prints() {
            found = true;
            take(Found::Print(print, Description::default()))?;
        }
    }
    let Parsed { prints, diagnostics } = parser.finish();
    for print in prints {
        found = true;
        take(Found::Print(print, Description::default()))?;
    }
    if found {
        Ok(diagnostics)
    } else {
        Err(nothing_found(path, &diagnostics))
    }
}

/// Gives the prints of the vSphere API to `take`.
fn take_xml(
    path: &Path,
    text: &str,
    mut take: impl FnMut(Found) -> Result<(), ImportError>,
) -> Result<Vec<Diagnostic>, ImportError> {
    let answers = xml::read(text).map_err(|error| ImportError::NothingFound {
        path: path.to_owned(),
        detail: format!(": it is no whole XML: {error}"),
    })?;
    if answers.prints.is_empty() {
        return Err(nothing_found(path, &answers.diagnostics));
    }
    for (print, description) in answers.prints {
        take(Found::Print(print, description))?;
    }
    Ok(answers.diagnostics)
}

/// Gives the prints of a table to `take`, those without any command left out.
fn take_table(
    path: &Path,
    table: CommandTable,
    mut take: impl FnMut(Found) -> Result<(), ImportError>,
) -> Result<Vec<Diagnostic>, ImportError> {
    let description = Description {
        vm_name: table.vm_name,
        lun: table.lun,
    };
    let counts_commands = |print: &Print| print.disks.iter().any(|disk| disk.iter().next().is_some());
    let prints: Vec<Print> = table.prints.into_iter().filter(counts_commands).collect();
    if prints.is_empty() {
        return Err(nothing_found(path, &table.diagnostics));
    }
    for print in prints {
        take(Found::Print(print, description.clone()))?;
    }
    Ok(table.diagnostics)
}

/// Gives the commands of a trace to `take`.
fn take_trace(
    path: &Path,
    input: impl Read,
    mut take: impl FnMut(Found) -> Result<(), ImportError>,
) -> Result<Vec<Diagnostic>, ImportError> {
    let mut input = BufReader::with_capacity(PIECE_BYTES, input);
    let mut parser = TraceParser::default();
    let mut commands = Vec::new();
    let mut line = Vec::new();
    while input
        .read_until(b'\n', &mut line)
        .map_err(FileError::new("read", path))?
        > 0
    {
        commands.extend(parser.read(&line));
        line.clear();
    }
    let diagnostics = parser.finish();
    if commands.is_empty() {
        return Err(ImportError::EmptyTrace { path: path.to_owned() });
    }
    take(Found::Trace(commands))?;
    Ok(diagnostics)
}

/// The error for a file without a histogram; the first finding of the parser tells what is there instead.
fn nothing_found(path: &Path, diagnostics: &[Diagnostic]) -> ImportError {
    let telling = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.kind != DiagnosticKind::NothingFound);
    let detail = match telling {
        Some(diagnostic) => format!(": {diagnostic}"),
        None if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) => ": it is empty".to_owned(),
        None => String::new(),
    };
    ImportError::NothingFound {
        path: path.to_owned(),
        detail,
    }
}
