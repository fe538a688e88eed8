//! The tables, and the steps that lead from one version of them to the next.

use rusqlite::Connection;

use super::CatalogError;

/// Each step brings the version before it to its own, which is its position. Steps that were released never change.
const STEPS: [&str; 2] = [
    "
    CREATE TABLE jobs (
        reference TEXT PRIMARY KEY,
        job_id TEXT NOT NULL,
        host TEXT NOT NULL,
        vm_name TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at TEXT NOT NULL,
        samples_collected INTEGER NOT NULL,
        samples_expected INTEGER NOT NULL,
        stamp TEXT NOT NULL
    ) STRICT;
    CREATE INDEX jobs_by_host ON jobs (host, job_id);
    CREATE TABLE samples (
        reference TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (reference, sequence)
    ) STRICT, WITHOUT ROWID;
",
    // Without its stamp every job is read again.
    "
    ALTER TABLE jobs ADD COLUMN host_is_claimed INTEGER NOT NULL DEFAULT 0;
    UPDATE jobs SET stamp = '';
",
];

/// Brings the tables up to date, in one transaction so that two programs do not do it twice.
pub(super) fn upgrade(connection: &mut Connection) -> Result<(), CatalogError> {
    connection.pragma_update(None, "foreign_keys", true)?;
    if version(connection)? == STEPS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found > STEPS.len() {
        return Err(CatalogError::TooNew {
            found,
            known: STEPS.len(),
        });
    }
    for step in STEPS.iter().skip(found) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", u32::try_from(STEPS.len()).unwrap_or(u32::MAX))?;
    transaction.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, CatalogError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version as usize)
}
