//! `kubectl flowpolicy dashboard`: the operator's page in the browser.

mod browser;
mod carrier;

use crate::connection::Connection;
use crate::error::Error;
use crate::installation::Installation;
use crate::output::print;
use crate::page::{Problem, find};
use crate::terminal;
pub use carrier::Carrier;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

/// Show the operator's page in the browser
///
/// Forwards a port of this machine, open to this machine alone, to the controller that leads; when another one leads,
/// to that. Goes on until Ctrl-C. The page has to be switched on in the chart: page.enabled.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The port of this machine; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Start no browser, only tell the address
    #[arg(long)]
    no_browser: bool,

    #[command(flatten)]
    installation: Installation,
}

/// Shows the page until the command is ended.
pub async fn run(args: &Args, connection: &Connection) -> Result<ExitCode, Error> {
    let leader = find(connection, &args.installation).await?;
    // Whoever may not do it is told before a browser shows an empty page.
    drop(leader.forward(connection).await?);
    let taken = |error| Problem::Listen { port: args.port, error };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(taken)?;
    let address = format!("http://{}/", listener.local_addr().map_err(taken)?);
    print(&format!("{address} shows the page of {}, until Ctrl-C\n", leader.pod))?;
    if !args.no_browser && browser::has_display(|name| std::env::var_os(name)) {
        browser::open(&address);
    }
    let carrier = Carrier::new(connection, &args.installation, leader);
    tokio::select! {
        () = carrier.carry(&listener, &terminal::say) => {}
        _ = ctrl_c() => {}
    }
    Ok(ExitCode::SUCCESS)
}
