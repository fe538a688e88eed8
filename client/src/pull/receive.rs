//! One stream of snapshot files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use vscsi_shared::identifier::Name;
use vscsi_shared::wire::v1::{BundleEntry, ManifestEntry};

use super::PullError;
use super::contract::Contract;
use super::keep::{Arrived, Keeper, keeping};
use crate::failure::FileError;
use crate::host::{BundlePart, Host};
use crate::sha256::hexadecimal;
use crate::store::{JobDirectory, open_file};

const BUFFER_BYTES: usize = 256 * 1024;
/// A header is one short line of JSON.
const HEADER_LIMIT_BYTES: u64 = 4096;
/// What may lie in our buffers beyond the snapshots that were promised: the host may have taken others since.
const READ_AHEAD_BYTES: u64 = 1024 * 1024;

/// Hears of the bytes that were written, and may end it.
pub(super) type Advance<'a> = dyn FnMut(u64) -> Result<(), PullError> + 'a;

/// Receives every snapshot of the contract that is not `here`. What comes has to be what was promised, in that order,
/// and what comes after it is left alone.
pub(super) fn receive(
    host: &dyn Host,
    name: &Name,
    directory: &JobDirectory,
    contract: &Contract,
    here: &BTreeSet<u32>,
    advance: &mut Advance<'_>,
) -> Result<(), PullError> {
    let Some(first) = contract.missing(here).next() else {
        return Ok(());
    };
    let wanted = || {
        contract
            .entries()
            .iter()
            .filter(|entry| entry.sequence >= first.sequence)
    };
    keeping(directory, |keeper| {
        let mut resumed = Some(Part::open(directory, first)?);
        let part = BundlePart {
            after: first.sequence.checked_sub(1),
            skip: resumed.as_ref().map_or(0, |part| part.length),
            limit_bytes: wanted().map(|entry| entry.bytes + HEADER_LIMIT_BYTES).sum::<u64>() + READ_AHEAD_BYTES,
        };
        let mut stream = BufReader::with_capacity(BUFFER_BYTES, host.bundle(name, &part)?);
        for promise in wanted() {
            let sequence = promise.sequence;
            let header = read_header(&mut stream, sequence)?;
            if header.entry != *promise {
                return Err(PullError::NotPromised { sequence });
            }
            if here.contains(&sequence) {
                skip(&mut stream, promise.bytes.saturating_sub(header.skipped), sequence)?;
                continue;
            }
            let mut part = match resumed.take() {
                Some(part) => part,
                None => Part::create(directory, sequence)?,
            };
            if header.skipped != part.length {
                return Err(PullError::NotPromised { sequence });
            }
            part.fill(&mut stream, promise.bytes, advance)?;
            part.finish(directory, promise, keeper)?;
            if keeper.has_failed() {
                break;
            }
        }
        Ok(())
    })
}

fn read_header(stream: &mut impl BufRead, sequence: u32) -> Result<BundleEntry, PullError> {
    let mut line = Vec::new();
    stream
        .take(HEADER_LIMIT_BYTES)
        .read_until(b'\n', &mut line)
        .map_err(|source| PullError::BrokeOff { sequence, source })?;
    match line.last() {
        Some(b'\n') => serde_json::from_slice(&line).map_err(|_| PullError::NotPromised { sequence }),
        _ if line.len() as u64 == HEADER_LIMIT_BYTES => Err(PullError::NotPromised { sequence }),
        _ => Err(broke_off(sequence)),
    }
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
        let file = open_file(&path, File::options().create(true).truncate(true).write(true))
            .map_err(FileError::new("create", &path))?;
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
        let mut file = open_file(
            &path,
            File::options().create(true).truncate(false).read(true).write(true),
        )
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
    fn fill(&mut self, stream: &mut impl BufRead, bytes: u64, advance: &mut Advance<'_>) -> Result<(), PullError> {
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
            advance(wanted as u64)?;
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
            sequence: entry.sequence,
            sha256: entry.sha256.clone(),
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
