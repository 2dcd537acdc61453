//! `import`: the predecessor's configuration as policies.

use flow_manager::commands::import;
use std::process::ExitCode;

pub use flow_manager::commands::import::{Args, Error};

/// Prints the policies.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    import::run(args)?;
    Ok(ExitCode::SUCCESS)
}
