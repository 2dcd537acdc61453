//! `flow-manager probe`: probes targets from where it runs, and exports what it finds.

mod summary;
mod target;

use self::summary::Summary;
use self::target::Target;
use crate::clock::Clock;
use crate::serve::{Guard, Readiness, router, serve};
use flow_policy::{DurationText, InvalidDuration};
use flow_probe::metrics::Metrics;
use flow_probe::{Key, KeyError, Options, ProbeHandle, ProbeSpec, Prober, StartError};
use prometheus_client::registry::Registry;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const PRINT_INTERVAL: Duration = Duration::from_secs(1);

/// Probe targets and export what is found as Prometheus metrics
///
/// Run it next to the clients of a critical flow. UDP targets need `flow-manager reflect` at the other end;
/// TCP targets any server, to which a connection is opened and reset; ICMP targets a host that answers ping.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[arg(
        required = true,
        value_name = "TARGET",
        help = "What to probe: udp://HOST:PORT, tcp://HOST:PORT or icmp://HOST"
    )]
    targets: Vec<Target>,

    /// Mean time between two probes of a target, such as 20ms
    ///
    /// At least 1ms for UDP, 10ms for ICMP and 100ms for TCP. Without this: 20ms, 100ms and 500ms.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    interval: Option<Duration>,

    /// A probe not answered within this time is lost; up to 10s
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1s")]
    timeout: Duration,

    /// Where to serve /metrics, /livez and /readyz
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:9090")]
    listen: SocketAddr,

    #[command(flatten)]
    guard: Guard,

    /// A file with the key that the reflectors have; UDP probes are sealed with it, and answers without it ignored
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Print a line per target and second: probes answered and lost, median and interquartile range
    #[arg(long)]
    print: bool,
}

/// Why probing has ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The prober cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The key cannot be used.
    #[error("--key-file: {0}")]
    Key(#[from] KeyError),
    /// The metrics cannot be served.
    #[error("cannot serve metrics on {address}")]
    Serve {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody reads what is printed.
    #[error("cannot print")]
    Print(#[source] io::Error),
}

fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    DurationText::from(text).parse()
}

impl Args {
    /// Whoever gives the command may probe whatever this machine may.
    fn options(&self) -> Result<Options, KeyError> {
        let key = self.key_file.as_deref().map(Key::read).transpose()?;
        Ok(Options { key, ..Options::default() })
    }

    fn specs(&self) -> impl Iterator<Item = ProbeSpec> {
        self.targets.iter().map(|target| target.spec(self.interval, self.timeout))
    }
}

/// Probes until `shutdown`. No fault of a target ends it.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let prober = Prober::start_with(args.options()?)?;
    let clock = Clock::start();
    let running: Vec<Probe> = args.specs().map(|spec| Probe::start(&prober, &metrics, clock, spec)).collect();
    tokio::try_join!(
        serve_metrics(args.listen, registry, &args.guard, shutdown.clone()),
        print(args.print, &running, clock, &shutdown)
    )?;
    Ok(())
}

struct Probe {
    summary: Arc<Summary>,
    _handle: ProbeHandle,
}

impl Probe {
    fn start(prober: &Prober, metrics: &Metrics, clock: Clock, spec: ProbeSpec) -> Self {
        let summary = Arc::new(Summary::new(&spec, clock));
        let sink = Arc::new((metrics.target(&spec), Arc::clone(&summary)));
        Self { summary, _handle: prober.spawn(spec, sink) }
    }
}

async fn serve_metrics(
    address: SocketAddr,
    registry: Registry,
    guard: &Guard,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let router = router(registry, Readiness::default());
    serve(address, router, guard, shutdown).await.map_err(|source| Error::Serve { address, source })
}

async fn print(
    wanted: bool,
    probes: &[Probe],
    clock: Clock,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    if !wanted {
        return Ok(());
    }
    let mut seconds = interval(PRINT_INTERVAL);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seconds.tick().await;
    while shutdown.run_until_cancelled(seconds.tick()).await.is_some() {
        let mut out = io::stdout().lock();
        for probe in probes {
            writeln!(out, "{}", probe.summary.next_line(clock.now())).map_err(Error::Print)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::reflect;
    use clap::Parser;
    use std::net::{TcpListener, UdpSocket};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::{sleep, timeout};

    #[derive(Parser)]
    enum Cli {
        Probe(Args),
        Reflect(reflect::Args),
    }

    async fn get_metrics(address: SocketAddr) -> io::Result<String> {
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
        let mut text = String::new();
        connection.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[tokio::test]
    async fn what_is_found_is_served_until_shutdown() {
        let target = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let command =
            |line: String| Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
        let Cli::Reflect(reflect) = command(format!("flow-manager reflect --udp {target}")) else {
            unreachable!()
        };
        let Cli::Probe(probe) = command(format!("flow-manager probe udp://{target} --listen {listen}"))
        else {
            unreachable!()
        };
        let shutdown = CancellationToken::new();
        let reflecting = tokio::spawn(reflect::run(reflect, shutdown.clone()));
        let probing = tokio::spawn(run(probe, shutdown.clone()));

        let line = format!("network_probe_udp_success{{target=\"{target}\"}} 1");
        let answered = async {
            while !get_metrics(listen).await.is_ok_and(|text| text.lines().any(|found| found == line)) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), answered).await.unwrap();
        shutdown.cancel();
        reflecting.await.unwrap().unwrap();
        probing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn address_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap();
        let line = format!("flow-manager probe udp://127.0.0.1:9 --listen {listen}");
        let Cli::Probe(args) = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"))
        else {
            unreachable!()
        };
        let error = run(args, CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot serve metrics on {listen}"));
    }
}
