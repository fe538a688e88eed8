//! placeholder
use anyhow::Result;
use clap::Args;
/// Options of `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {}
/// placeholder
pub(crate) fn run(_args: &DemoArgs) -> Result<()> {
    crate::system_packages::ensure(crate::system_packages::FOR_BUILDING)?;
    crate::binaries::client()?;
    Ok(())
}
