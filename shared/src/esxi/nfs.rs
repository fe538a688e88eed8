//! `esxcli storage nfs list`: NFS datastores.

use super::diagnostic::Findings;
use super::record::Record;
use super::text::decode;
use super::{Reading, table};

/// An NFS datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NfsMount {
    /// Label of the datastore.
    pub volume_name: String,
    /// Server.
    pub host: String,
    /// Exported path.
    pub share: String,
    /// The server answers.
    pub accessible: Option<bool>,
    /// It is mounted.
    pub mounted: Option<bool>,
    /// It is mounted for reading only.
    pub read_only: Option<bool>,
}

/// Reads `esxcli storage nfs list`.
pub fn parse_nfs_mounts(output: &[u8]) -> Reading<Vec<NfsMount>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = table::read(&text, None, &mut findings);
    let mounts = records
        .iter()
        .filter_map(|record| mount(record, &mut findings))
        .collect();
    findings.with(mounts)
}

fn mount(record: &Record<'_>, findings: &mut Findings) -> Option<NfsMount> {
    Some(NfsMount {
        volume_name: record.required("Volume Name", findings)?.to_owned(),
        host: record.required("Host", findings)?.to_owned(),
        share: record.required("Share", findings)?.to_owned(),
        accessible: record.parsed("Accessible", findings),
        mounted: record.parsed("Mounted", findings),
        read_only: record.parsed("Read-Only", findings),
    })
}
