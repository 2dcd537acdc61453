//! `kubectl flowpolicy restore`: gives limits back, whether the operator runs or not.

mod problem;

pub use problem::Problem;

use crate::connection::{Connection, Within};
use crate::error::Error;
use crate::installation::{Installation, Lead};
use crate::output::print;
use crate::terminal;
use flow_manager::restore::{GivenBack, HOLD, give_back, give_everything_back};
use std::process::ExitCode;

/// Give limits back, whether the operator runs or not
///
/// Pods and pod templates get back what they had before flow-manager. Without --all, those of one namespace, and only
/// while no controller leads: it would limit them again. With --all, those of the cluster: controllers that run stop
/// writing for two minutes, and no policy is kept from being deleted any more. Either may be repeated.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The whole cluster, before flow-manager is uninstalled
    #[arg(long, conflicts_with = "namespace")]
    all: bool,

    #[command(flatten)]
    installation: Installation,
}

/// Gives limits back.
pub async fn run(args: Args, connection: &Connection) -> Result<ExitCode, Error> {
    let given_back = if args.all {
        everything(&args.installation, connection).await?
    } else {
        here(&args, connection).await?
    };
    for problem in &given_back.templates.forbidden {
        terminal::say(&format!("warning: pod templates that policies have changed, if any, stay: {problem}"));
    }
    print(&told(&given_back))?;
    Ok(ExitCode::SUCCESS)
}

async fn everything(installation: &Installation, connection: &Connection) -> Result<GivenBack, Error> {
    let Installation { system_namespace, release } = installation.clone();
    let hold = HOLD.as_secs();
    terminal::say(&format!("controllers stop writing for {hold} s; waiting until they have, 15 s at most"));
    let client = connection.client().await?;
    let given_back = give_everything_back(client, system_namespace, release).await;
    Ok(given_back.map_err(|error| Problem::of(error, connection, installation, &Within::Everywhere))?)
}

async fn here(args: &Args, connection: &Connection) -> Result<GivenBack, Error> {
    let namespace = connection.namespace().await?;
    if let Lead::By(leader) = Lead::find(connection, &args.installation).await? {
        return Err(Problem::Led { leader, namespace }.into());
    }
    let given_back = give_back(connection.client().await?, Some(&namespace)).await;
    let within = Within::Namespace(namespace);
    Ok(given_back.map_err(|error| Problem::of(error, connection, &args.installation, &within))?)
}

fn told(given_back: &GivenBack) -> String {
    let GivenBack { pods, templates, policies } = given_back;
    let number = templates.number;
    let text = format!("given back: {}, {}", count(*pods, "pod"), count(number, "pod template"));
    match policies {
        0 => text + "\n",
        1 => text + "; 1 policy may be deleted\n",
        policies => text + &format!("; {policies} policies may be deleted\n"),
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
