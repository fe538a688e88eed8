//! One stream of snapshot files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{BundleEntry, ManifestEntry};

use super::PullError;
use super::keep::{Arrived, Keeper, keeping};
use crate::failure::FileError;
use crate::host::Host;
use crate::sha256::hexadecimal;
use crate::store::JobDirectory;

const BUFFER_BYTES: usize = 256 * 1024;
/// A header is one short line of JSON.
const HEADER_LIMIT_BYTES: u64 = 4096;

/// Receives every snapshot from `first` on that is not `here`; `advance` hears of the bytes written.
pub(super) fn receive(
    host: &dyn Host,
    name: &Name,
    directory: &JobDirectory,
    first: &ManifestEntry,
    here: &BTreeSet<u32>,
    advance: &mut dyn FnMut(u64),
) -> Result<(), PullError> {
    keeping(|keeper| {
        let resumed = Part::open(directory, first)?;
        let bundle = host.bundle(name, first.sequence.checked_sub(1), resumed.length)?;
        let mut resumed = Some(resumed);
        let mut stream = BufReader::with_capacity(BUFFER_BYTES, bundle);
        let mut expected = first.sequence;
        while let Some(header) = read_header(&mut stream, expected)? {
            let entry = &header.entry;
            expected = entry.sequence;
            if here.contains(&entry.sequence) {
                skip(&mut stream, entry.bytes.saturating_sub(header.skipped), expected)?;
                continue;
            }
            let mut part = match resumed.take() {
                Some(part) if part.sequence == entry.sequence => part,
                _ => Part::create(directory, entry.sequence)?,
            };
            if header.skipped != part.length {
                return Err(PullError::Nonsense(format!(
                    "snapshot {} begins at byte {} where {} was asked for",
                    entry.sequence, header.skipped, part.length
                )));
            }
            part.fill(&mut stream, entry.bytes, advance)?;
            part.finish(directory, entry, keeper)?;
            expected = entry.sequence.saturating_add(1);
            if keeper.has_failed() {
                break;
            }
        }
        Ok(())
    })
}

fn read_header(stream: &mut impl BufRead, sequence: u32) -> Result<Option<BundleEntry>, PullError> {
    let mut line = Vec::new();
    stream
        .take(HEADER_LIMIT_BYTES)
        .read_until(b'\n', &mut line)
        .map_err(|source| PullError::BrokeOff { sequence, source })?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        let source = io::ErrorKind::UnexpectedEof.into();
        return Err(PullError::BrokeOff { sequence, source });
    }
    let entry = serde_json::from_slice(&line).map_err(|error| PullError::Nonsense(error.to_string()))?;
    Ok(Some(entry))
}

fn skip(stream: &mut impl Read, bytes: u64, sequence: u32) -> Result<(), PullError> {
    let skipped = io::copy(&mut stream.take(bytes), &mut io::sink());
    match skipped {
        Ok(amount) if amount == bytes => Ok(()),
        Ok(_) => Err(broke_off(sequence)),
        Err(source) => Err(PullError::BrokeOff { sequence, source }),
    }
}

fn broke_off(sequence: u32) -> PullError {
    PullError::BrokeOff {
        sequence,
        source: io::ErrorKind::UnexpectedEof.into(),
    }
}

/// What has arrived of one snapshot.
struct Part {
    sequence: u32,
    path: PathBuf,
    file: File,
    length: u64,
    hash: Sha256,
}

fn part_path(directory: &JobDirectory, sequence: u32) -> PathBuf {
    let mut path = directory.sample(sequence).into_os_string();
    path.push(".part");
    PathBuf::from(path)
}

impl Part {
    /// Begins a snapshot anew.
    fn create(directory: &JobDirectory, sequence: u32) -> Result<Self, FileError> {
        let path = part_path(directory, sequence);
        let file = File::create(&path).map_err(FileError::new("create", &path))?;
        Ok(Self {
            sequence,
            path,
            file,
            length: 0,
            hash: Sha256::new(),
        })
    }

    /// Opens what is there of `entry`. A part that is as long as the whole or longer is begun anew: a whole one would
    /// have been renamed, so its checksum was wrong or its bytes never reached the disk.
    fn open(directory: &JobDirectory, entry: &ManifestEntry) -> Result<Self, FileError> {
        let path = part_path(directory, entry.sequence);
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(FileError::new("open", &path))?;
        let (length, hash) = hash_of(&mut file).map_err(FileError::new("read", &path))?;
        if length >= entry.bytes {
            return Self::create(directory, entry.sequence);
        }
        Ok(Self {
            sequence: entry.sequence,
            path,
            file,
            length,
            hash,
        })
    }

    /// Appends from `stream` until the part has `bytes` bytes. Whatever arrives is kept, even if the stream then
    /// breaks.
    fn fill(&mut self, stream: &mut impl BufRead, bytes: u64, advance: &mut dyn FnMut(u64)) -> Result<(), PullError> {
        while self.length < bytes {
            let available = match stream.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(PullError::BrokeOff {
                        sequence: self.sequence,
                        source,
                    });
                }
            };
            let wanted = usize::try_from(bytes - self.length)
                .unwrap_or(usize::MAX)
                .min(available.len());
            let piece = available.get(..wanted).unwrap_or_default();
            if piece.is_empty() {
                return Err(broke_off(self.sequence));
            }
            self.file
                .write_all(piece)
                .map_err(FileError::new("write", &self.path))?;
            self.hash.update(piece);
            self.length += wanted as u64;
            stream.consume(wanted);
            advance(wanted as u64);
        }
        Ok(())
    }

    /// Hands the complete part over to be kept, when it is what the host promised.
    fn finish(self, directory: &JobDirectory, entry: &ManifestEntry, keeper: &Keeper<'_>) -> Result<(), PullError> {
        if hexadecimal(&self.hash.finalize()) != entry.sha256 {
            // Nothing of it can be trusted.
            self.file.set_len(0).map_err(FileError::new("truncate", &self.path))?;
            return Err(PullError::Corrupt {
                sequence: entry.sequence,
            });
        }
        keeper.keep(Arrived {
            file: self.file,
            part: self.path,
            sample: directory.sample(entry.sequence),
        });
        Ok(())
    }
}

/// Length and SHA-256 of everything in `file`.
pub(super) fn hash_of(file: &mut File) -> io::Result<(u64, Sha256)> {
    let mut hash = Sha256::new();
    let mut length = 0;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((length, hash)),
            Ok(amount) => {
                hash.update(buffer.get(..amount).unwrap_or_default());
                length += amount as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
