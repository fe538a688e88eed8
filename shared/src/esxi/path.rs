//! One spelling for a path that may name its volume by label or by UUID.

use super::Volume;

/// Why a path has no canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnresolvedPath {
    /// It does not lie below `/vmfs/volumes`.
    #[error("`{0}` is not a path below /vmfs/volumes")]
    Elsewhere(String),
    /// The host lists no such volume.
    #[error("no volume of the host is called `{0}`")]
    UnknownVolume(String),
    /// Several volumes have this label.
    #[error("{count} volumes of the host are called `{name}`")]
    AmbiguousVolume {
        /// The label.
        name: String,
        /// How many have it.
        count: usize,
    },
}

/// `/vmfs/volumes/<label or UUID>/rest` with the volume's UUID, by the host's list of file systems.
///
/// vscsiStats, esxcli and vim-cmd name the same .vmx by either, so their lists are joined by this spelling. A UUID wins
/// over a label that looks like it.
///
/// # Errors
/// [`UnresolvedPath`] when the volume is not known or not unique; the path may still be compared as it stands.
pub fn canonical_path(path: &str, volumes: &[Volume]) -> Result<String, UnresolvedPath> {
    let below = path
        .strip_prefix("/vmfs/volumes/")
        .ok_or_else(|| UnresolvedPath::Elsewhere(path.to_owned()))?;
    let (volume, rest) = below
        .split_once('/')
        .map_or((below, None), |(volume, rest)| (volume, Some(rest)));
    let uuid = uuid_of(volume, volumes)?;
    Ok(match rest {
        Some(rest) => format!("/vmfs/volumes/{uuid}/{rest}"),
        None => format!("/vmfs/volumes/{uuid}"),
    })
}

fn uuid_of<'volumes>(name: &str, volumes: &'volumes [Volume]) -> Result<&'volumes str, UnresolvedPath> {
    if let Some(volume) = volumes.iter().find(|volume| volume.uuid == name) {
        return Ok(&volume.uuid);
    }
    let mut labelled = volumes.iter().filter(|volume| volume.name.as_deref() == Some(name));
    match (labelled.next(), labelled.count()) {
        (Some(volume), 0) => Ok(&volume.uuid),
        (Some(_), more) => Err(UnresolvedPath::AmbiguousVolume {
            name: name.to_owned(),
            count: more + 1,
        }),
        (None, _) => Err(UnresolvedPath::UnknownVolume(name.to_owned())),
    }
}
