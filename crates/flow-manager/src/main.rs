//! The `flow-manager` binary.

use clap::{Parser, Subcommand};
use flow_manager::commands::{crd, import, probe, reflect, restore, run, selftest, shape};
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Keeps critical network flows within their objectives by regulating everyone else's bandwidth.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    /// What to log: a level, or module=level pairs.
    #[arg(long, global = true, env = "FLOW_MANAGER_LOG", default_value = "info")]
    log: String,
    /// How to log.
    #[arg(long, global = true, env = "FLOW_MANAGER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Run the controller: observe, decide, and limit best-effort pods.
    Run(Box<run::Args>),
    /// Run the node agent that makes the bandwidth annotation of running pods take effect.
    Shape(shape::Args),
    /// Probe targets and export what is measured.
    Probe(probe::Args),
    /// Answer probes.
    Reflect(reflect::Args),
    /// Give every limit back, before flow-manager is uninstalled.
    Restore(restore::Args),
    /// See whether flow-manager works where it is installed.
    Selftest(selftest::Args),
    /// Print policies that do what a configuration of flow-manager's predecessor did.
    Import(import::Args),
    /// Print the definition of the `FlowPolicy` resource as YAML.
    Crd(crd::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging(&cli);
    // kube and reqwest share one TLS provider; a second installation cannot happen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Box::pin(dispatch(cli.command)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    let shutdown = shutdown_on_signal()?;
    match command {
        Command::Run(args) => run::run(*args, shutdown).await?,
        Command::Shape(args) => shape::run(args, shutdown).await?,
        Command::Probe(args) => probe::run(args, shutdown).await?,
        Command::Reflect(args) => reflect::run(args, shutdown).await?,
        Command::Restore(args) => restore::run(args, shutdown).await?,
        Command::Selftest(args) => selftest::run(args, shutdown).await?,
        Command::Import(args) => import::run(&args)?,
        Command::Crd(args) => crd::run(&args)?,
    }
    Ok(())
}

fn start_logging(cli: &Cli) {
    let filter = EnvFilter::try_new(&cli.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match cli.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// A token that is cancelled by SIGTERM or SIGINT.
fn shutdown_on_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shutdown = CancellationToken::new();
    let cancelled = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        cancelled.cancel();
    });
    Ok(shutdown)
}
