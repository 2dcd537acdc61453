//! The `factory` program: what pods and the factory of a lab run. It also is the sandbox of each pod.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// How long an upload waits before it tries the sink again.
const RETRY: Duration = Duration::from_millis(100);
/// What is written or read at once.
const BLOCK: usize = 64 * 1024;

/// Traffic for a lab
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Do nothing, as the sandbox of a pod does
    Idle,
    /// Send all that can be sent, for ever; wait while nobody listens
    Upload {
        /// Where to
        sink: SocketAddr,
    },
    /// Take all that is sent
    Sink {
        /// Where to listen
        listen: SocketAddr,
    },
}

fn main() -> io::Result<()> {
    match Cli::parse().command.unwrap_or(Command::Idle) {
        Command::Idle => idle(),
        Command::Upload { sink } => upload(sink),
        Command::Sink { listen } => take_all(listen),
    }
}

fn idle() -> ! {
    loop {
        thread::park();
    }
}

fn upload(sink: SocketAddr) -> ! {
    let block = vec![0; BLOCK];
    loop {
        if let Ok(mut stream) = TcpStream::connect(sink) {
            while stream.write_all(&block).is_ok() {}
        }
        thread::sleep(RETRY);
    }
}

fn take_all(listen: SocketAddr) -> io::Result<()> {
    for stream in TcpListener::bind(listen)?.incoming() {
        let mut stream = stream?;
        thread::spawn(move || {
            let mut block = vec![0; BLOCK];
            while stream.read(&mut block).is_ok_and(|bytes| bytes > 0) {}
        });
    }
    Ok(())
}
