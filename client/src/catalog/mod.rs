//! An index of the data directory in SQLite. The files are the truth: the index follows them, and can be made anew.
//!
//! Before it is read it is brought up to date: a job whose `job.json` and sample directory are unchanged since it was
//! indexed is not read again, so that a directory with thousands of jobs lists quickly. Several programs may do that at
//! once.

mod error;
mod schema;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};
use vscsi_shared::job::{JobDocument, Status};

pub(crate) use error::CatalogError;

use crate::failure::FileError;
use crate::store::{JobDirectory, Origin, Store, StoreError, open_file};

/// How long another program may hold the catalog before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The index.
#[derive(Debug)]
pub(crate) struct Catalog {
    connection: Connection,
}

/// A job as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexedJob {
    /// What the user calls it.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// The host it runs on.
    pub host: String,
    /// Only the job itself says that it runs there.
    pub host_is_claimed: bool,
    /// The VM.
    pub vm_name: String,
    /// RFC 3339.
    pub created_at: String,
    /// Usable samples so far.
    pub samples_collected: u32,
    /// Samples asked for.
    pub samples_expected: u32,
    /// Snapshots that are here.
    pub snapshots_here: u32,
}

impl Catalog {
    /// Opens the index of a data directory, making or upgrading it.
    ///
    /// # Errors
    /// When it cannot be used, or was made by a newer program.
    pub(crate) fn open(store: &Store) -> Result<Self, CatalogError> {
        // SQLite gives what it makes beside the file the rights of the file.
        let file = path(store);
        match open_file(&file, File::options().create(true).truncate(false).write(true)) {
            // One that cannot be written may be read all the same, and SQLite says what a directory is to it.
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::IsADirectory
                ) =>
            {
                return Err(FileError::new("open", &file)(error).into());
            }
            _ => {}
        }
        let mut connection = Connection::open(file)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Readers then do not wait for a writer. The answer to this pragma is a row, which is of no interest.
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        schema::upgrade(&mut connection)?;
        Ok(Self { connection })
    }

    /// An index that is kept nowhere, for a data directory that cannot be written.
    ///
    /// # Errors
    /// When SQLite has no memory for it.
    pub(crate) fn in_memory() -> Result<Self, CatalogError> {
        let mut connection = Connection::open_in_memory()?;
        schema::upgrade(&mut connection)?;
        Ok(Self { connection })
    }

    /// Removes the index of a data directory.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn remove(store: &Store) -> Result<(), CatalogError> {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path(store).into_os_string();
            file.push(suffix);
            let file = PathBuf::from(file);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(FileError::new("remove", &file)(error).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings the index up to date with the files, and returns the jobs that cannot be read.
    ///
    /// # Errors
    /// When the data directory or the index cannot be used.
    pub(crate) fn refresh(&mut self, store: &Store) -> Result<Vec<StoreError>, CatalogError> {
        let mut known = self.stamps()?;
        let mut unreadable = Vec::new();
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for directory in store.directories()? {
            let reference = directory.reference().to_string();
            let stamp = stamp(&directory);
            if known.remove(&reference).as_ref() == Some(&stamp) {
                continue;
            }
            match directory.read_job() {
                Ok(document) => index(&transaction, &directory, &document, &stamp)?,
                Err(error) => unreadable.push(error),
            }
        }
        unreadable.extend(store.without_job_file()?);
        for gone in known.keys() {
            transaction.execute("DELETE FROM jobs WHERE reference = ?1", [gone])?;
        }
        transaction.commit()?;
        Ok(unreadable)
    }

    /// Every indexed job, the newest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(crate) fn jobs(&self) -> Result<Vec<IndexedJob>, CatalogError> {
        let mut statement = self.connection.prepare(
            "SELECT reference, status, host, vm_name, created_at, samples_collected, samples_expected,
                    host_is_claimed,
                    (SELECT count(*) FROM samples WHERE samples.reference = jobs.reference)
             FROM jobs ORDER BY created_at DESC, reference",
        )?;
        let rows = statement.query_map([], |row| {
            let status: String = row.get(1)?;
            Ok(IndexedJob {
                reference: row.get(0)?,
                // Only words of ours are ever written there.
                status: Status::ALL
                    .into_iter()
                    .find(|known| known.as_str() == status)
                    .unwrap_or(Status::Pending),
                host: row.get(2)?,
                vm_name: row.get(3)?,
                created_at: row.get(4)?,
                samples_collected: row.get(5)?,
                samples_expected: row.get(6)?,
                host_is_claimed: row.get(7)?,
                snapshots_here: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Jobs and snapshots in the index.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub(crate) fn totals(&self) -> Result<(u64, u64), CatalogError> {
        let count = |table: &str| {
            let query = format!("SELECT count(*) FROM {table}");
            self.connection
                .query_row(&query, [], |row| row.get::<_, u32>(0))
                .map(u64::from)
        };
        Ok((count("jobs")?, count("samples")?))
    }

    /// Whether the file is sound.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn check(&self) -> Result<(), CatalogError> {
        let answer: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if answer == "ok" {
            Ok(())
        } else {
            Err(CatalogError::Damaged(answer))
        }
    }

    fn stamps(&self) -> Result<BTreeMap<String, String>, CatalogError> {
        let mut statement = self.connection.prepare("SELECT reference, stamp FROM jobs")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn path(store: &Store) -> PathBuf {
    store.root().join("catalog.db")
}

fn index(
    connection: &Connection,
    directory: &JobDirectory,
    document: &JobDocument,
    stamp: &str,
) -> Result<(), CatalogError> {
    let job = &document.job;
    let origin = Origin::of(document);
    let reference = directory.reference().to_string();
    connection.execute(
        "INSERT OR REPLACE INTO jobs (reference, job_id, host, vm_name, status, created_at, samples_collected,
                                      samples_expected, stamp, host_is_claimed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            reference,
            job.job_id.as_str(),
            origin.name(),
            job.target.vm_name,
            job.status.as_str(),
            job.created_at.to_string(),
            job.collection.samples_collected,
            job.collection.samples_expected,
            stamp,
            matches!(origin, Origin::Claimed(_)),
        ],
    )?;
    connection.execute("DELETE FROM samples WHERE reference = ?1", [&reference])?;
    let mut insert = connection.prepare("INSERT INTO samples (reference, sequence) VALUES (?1, ?2)")?;
    for sequence in directory.sequences()? {
        insert.execute(params![reference, sequence])?;
    }
    Ok(())
}

/// What changes when the job does: size and time of `job.json`, and the time of the sample directory.
fn stamp(directory: &JobDirectory) -> String {
    let nanoseconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos())
    };
    let of = |path: PathBuf| match fs::metadata(path) {
        Ok(metadata) => format!("{}:{}", metadata.len(), metadata.modified().map_or(0, nanoseconds)),
        Err(_) => "none".to_owned(),
    };
    format!("{} {}", of(directory.job_file()), of(directory.samples()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{job, keep};

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        (directory, store)
    }

    #[test]
    fn the_index_follows_the_files() {
        let (_directory, store) = store();
        let mut catalog = Catalog::open(&store).unwrap();
        let directory = keep(&store, &job("sql", "esx1"));
        catalog.refresh(&store).unwrap();
        assert_eq!(catalog.jobs().unwrap()[0].snapshots_here, 0);

        fs::write(directory.sample(0), "x").unwrap();
        let mut ended = job("sql", "esx1");
        ended.status = Status::Completed;
        keep(&store, &ended);
        catalog.refresh(&store).unwrap();
        let listed = catalog.jobs().unwrap();
        assert_eq!((listed[0].status, listed[0].snapshots_here), (Status::Completed, 1));

        store.remove(&directory).unwrap();
        catalog.refresh(&store).unwrap();
        assert_eq!(catalog.totals().unwrap(), (0, 0));
    }

    #[test]
    fn an_index_made_anew_holds_the_same() {
        let (_directory, store) = store();
        for host in ["esx1", "esx2"] {
            fs::write(keep(&store, &job("sql", host)).sample(0), "x").unwrap();
        }
        let mut catalog = Catalog::open(&store).unwrap();
        catalog.refresh(&store).unwrap();
        let before = catalog.jobs().unwrap();
        drop(catalog);
        Catalog::remove(&store).unwrap();
        let mut catalog = Catalog::open(&store).unwrap();
        catalog.refresh(&store).unwrap();
        assert_eq!((catalog.jobs().unwrap(), catalog.totals().unwrap()), (before, (2, 2)));
    }

    #[test]
    fn two_programs_refresh_at_the_same_time() {
        let (_directory, store) = store();
        for number in 0..20 {
            keep(&store, &job(&format!("job-{number}"), "esx1"));
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| Catalog::open(&store).unwrap().refresh(&store).unwrap());
            }
        });
        assert_eq!(Catalog::open(&store).unwrap().totals().unwrap().0, 20);
    }

    #[test]
    fn an_index_of_a_newer_program_is_refused_with_what_to_do() {
        use crate::failure::Failure as _;
        let (_directory, store) = store();
        Catalog::open(&store)
            .unwrap()
            .connection
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
        let error = Catalog::open(&store).unwrap_err();
        assert!(error.hint().unwrap().contains("reindex"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_catalog_is_told_with_what_to_do() {
        use crate::failure::Failure as _;
        let (_directory, store) = store();
        fs::write(
            path(&store),
            "this is not SQLite at all, but long enough to be looked at",
        )
        .unwrap();
        assert!(Catalog::open(&store).unwrap_err().hint().unwrap().contains("reindex"));
    }
}
