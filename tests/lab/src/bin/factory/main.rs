//! The `factory` program: what pods and the factory of a lab run. It also is the sandbox of each pod.

mod pace;
mod relay;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// How long an upload waits before it tries the sink again.
const RETRY: Duration = Duration::from_millis(100);
/// What is written or read at once.
const BLOCK: usize = 64 * 1024;
/// The payload of a datagram, such that a packet fits any Ethernet.
const DATAGRAM: usize = 1400;

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
        /// Not all, but so many Mbit/s of payload
        #[arg(long)]
        mbps: Option<u32>,
    },
    /// Send datagrams at a steady rate, for ever, whether anybody takes them or not
    Stream {
        /// Where to
        sink: SocketAddr,
        /// Mbit/s of payload
        #[arg(long)]
        mbps: u32,
    },
    /// Pass datagrams on, and the answers back, each after a random delay: a fault on the way
    Relay {
        /// Where to listen
        listen: SocketAddr,
        /// Where to pass them on to
        to: SocketAddr,
        /// The longest delay, in milliseconds
        #[arg(long)]
        delay_ms: u32,
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
        Command::Upload { sink, mbps: None } => upload(sink),
        Command::Upload { sink, mbps: Some(mbps) } => upload_slowly(sink, mbps),
        Command::Stream { sink, mbps } => stream(sink, mbps),
        Command::Relay { listen, to, delay_ms } => relay::run(listen, to, delay_ms),
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

fn upload_slowly(sink: SocketAddr, mbps: u32) -> ! {
    loop {
        if let Ok(mut socket) = TcpStream::connect(sink) {
            pace::each_block(mbps, |block| socket.write_all(block));
        }
        thread::sleep(RETRY);
    }
}

fn stream(sink: SocketAddr, mbps: u32) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    pace::each_block(mbps, |block| {
        // What nobody takes, or finds no room on the way, is lost: this sender does not care.
        block.chunks(DATAGRAM).for_each(|datagram| drop(socket.send_to(datagram, sink)));
        Ok(())
    });
    Ok(())
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
