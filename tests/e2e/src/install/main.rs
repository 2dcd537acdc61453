//! `lab-install`: flow-manager in the cluster of a lab, and what is beyond its link.
//!
//! Run it inside a lab: `make lab-install`.

use flow_e2e::factory::Factory;
use flow_e2e::{Result, operator};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match install().await {
        Ok(()) => {
            say(
                "flow-manager is installed. Beyond the link, a reflector answers probes, and a sink takes uploads.",
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("flow-manager could not be installed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Does nothing where all is there.
async fn install() -> Result<()> {
    operator::install().await?;
    // Where they run already, these find their ports taken and end.
    let mut factory = Factory::start()?;
    factory.open_sink()?;
    factory.leave_running();
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what a person waits for")]
fn say(text: &str) {
    println!("{text}");
}
