//! The `kubectl-flowpolicy` binary, which kubectl runs as `kubectl flowpolicy`.

use clap::Parser;
use kubectl_flowpolicy::cli::Cli;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // The one TLS provider; a second installation cannot happen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Box::pin(cli.run()).await
}
