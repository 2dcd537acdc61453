//! The `lab` program: brings a real cluster with a congested link up and down on this machine.

use std::error::Error;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, ExitCode};

use clap::{Args, Parser, Subcommand};
use flow_lab::{Image, Inside, Lab, Name, Need, built, init, node, supervisor};

mod progress;

/// A real Kubernetes cluster and a congested link on this machine
///
/// Everything runs in namespaces of its own: labs of different names do not collide, and a lab leaves nothing behind.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Which {
    /// The lab's name
    #[arg(long, default_value_t = Name::default())]
    name: Name,
}

#[derive(Subcommand)]
enum Command {
    /// Bring a lab up, building the cluster's programs if they are not there
    Up(Which),
    /// Take a lab down, whatever state it is in
    Down(Which),
    /// Tell whether a lab is up
    Status(Which),
    /// Print lines for your shell that point kubectl at a lab
    Env(Which),
    /// Build the cluster's programs only
    Build {
        /// Those that only the project's tests need as well
        #[arg(long)]
        for_tests: bool,
        /// Those that only the benchmark of scale needs as well
        #[arg(long)]
        for_bench: bool,
    },
    /// Run one of the programs where no lab is needed, as in `lab tool helm -- version`
    Tool {
        /// Its name
        program: String,
        /// Its arguments
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run a program inside a lab
    Exec {
        #[command(flatten)]
        which: Which,
        /// In the network of the factory, beyond the uplink
        #[arg(long)]
        factory: bool,
        /// The program and its arguments
        #[arg(last = true, required = true)]
        program: Vec<String>,
    },
    /// Make an image of a static program and import it; only inside a lab
    Image {
        /// The image's full name
        image: String,
        /// The program
        program: PathBuf,
        /// The user that it runs as
        #[arg(long, default_value = "1000")]
        user: String,
    },
    /// The process that stands for a lab outside
    #[command(hide = true)]
    Supervise(Which),
    /// The lab's process 1
    #[command(hide = true)]
    Init(Which),
    /// The lab's node
    #[command(hide = true)]
    Node(Which),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            progress::say(&format!("lab: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        Command::Up(which) => up(&which.name)?,
        Command::Down(which) => {
            let was_there = Lab::named(&which.name).down()?;
            progress::say(if was_there { "The lab is down." } else { "There was no lab to take down." });
        }
        Command::Status(which) => return status(&which.name),
        Command::Env(which) => progress::print(&Lab::named(&which.name).environment())?,
        Command::Build { for_tests, for_bench } => {
            let who = match (for_tests, for_bench) {
                (_, true) => Need::Bench,
                (true, false) => Need::Tests,
                (false, false) => Need::Lab,
            };
            Lab::build(who, &mut progress::Progress::default().reporter())?;
        }
        Command::Tool { program, arguments } => {
            let path = built(&program)
                .ok_or_else(|| format!("{program} is not there: try `lab build --for-tests`"))?;
            return Err(process::Command::new(path).args(arguments).exec().into());
        }
        Command::Exec { which, factory, program } => {
            let inside = if factory { Inside::Factory } else { Inside::Node };
            match Lab::named(&which.name).exec(inside, &program)? {}
        }
        Command::Image { image, program, user } => {
            Lab::current()?.import_image(&Image::of_program(&image, &program, &user))?;
        }
        Command::Supervise(which) => supervisor::run(&which.name)?,
        Command::Init(which) => init::run(&which.name.to_string())?,
        Command::Node(which) => node::run(&which.name)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn up(name: &Name) -> Result<(), Box<dyn Error>> {
    let lab = Lab::named(name);
    let is_new = lab.up(&std::env::current_exe()?, &mut progress::Progress::default().reporter())?;
    let program = std::env::args().next().unwrap_or_default();
    progress::say(if is_new { "The lab is up." } else { "The lab was up already." });
    progress::say(&format!("To use it: eval \"$({program} env --name {name})\" && kubectl get nodes"));
    progress::say(&format!("To take it down: {program} down --name {name}"));
    Ok(())
}

fn status(name: &Name) -> Result<ExitCode, Box<dyn Error>> {
    let status = Lab::named(name).status()?;
    progress::print(&format!("{status}\n"))?;
    Ok(if status == "up" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
