//! Reading captures, a piece at a time.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use vscsi_shared::vscsistats::{Diagnostic, DiagnosticKind, Parsed, Parser, Print};

use super::{ImportError, made_up};
use crate::failure::FileError;

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
        !matches!(
            self.diagnostic.kind,
            DiagnosticKind::UnknownLimits(_) | DiagnosticKind::NotUtf8(_)
        )
    }
}

/// When a file was last changed: the only date an import has, and not a time of measurement.
pub(super) fn changed_at(path: &Path) -> Option<Timestamp> {
    let time = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    Timestamp::try_from(time).ok()
}

/// Gives each print of a file to `take`, in order, and returns what could not be used. The file is read piece by
/// piece, so it may be larger than memory.
///
/// # Errors
/// [`ImportError`] when the file cannot be read or holds no complete histogram, and whatever `take` fails with.
pub(super) fn read_file(
    path: &Path,
    mut take: impl FnMut(Print) -> Result<(), ImportError>,
) -> Result<Vec<Diagnostic>, ImportError> {
    let failed = || FileError::new("read", path);
    let mut file = File::open(path).map_err(failed())?;
    let mut input: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        // Reading a directory fails with an error that says less than this one.
        if file.metadata().map_err(failed())?.is_dir() {
            return Err(failed()(std::io::Error::from(ErrorKind::IsADirectory)).into());
        }
        let mut start = Vec::new();
        file.by_ref()
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut start)
            .map_err(failed())?;
        if made_up::is_made_up(&start) {
            let (print, diagnostics) = made_up::read(start.chain(file), path)?;
            take(print)?;
            return Ok(diagnostics);
        }
        Box::new(std::io::Cursor::new(start).chain(file))
    };
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
            take(print)?;
        }
    }
    let Parsed { prints, diagnostics } = parser.finish();
    for print in prints {
        found = true;
        take(print)?;
    }
    if found {
        Ok(diagnostics)
    } else {
        Err(nothing_found(path, &diagnostics))
    }
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
