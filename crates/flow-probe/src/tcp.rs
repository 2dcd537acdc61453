//! Probes by TCP connection.
//!
//! **What is measured.** The time from the connect call until this thread knows that the SYN-ACK came. Unlike
//! with datagrams there is no kernel's timestamp to be had, so waking up this thread is included.
//!
//! The connection is reset at once (`SO_LINGER` 0): closing it in an orderly way would leave this end in
//! TIME-WAIT for a minute each time and use up the ports.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::event::{Discard, Event, Sink};
use crate::problem::Problem;
use crate::resolve::Resolution;
use crate::schedule::Schedule;
use crate::silence::Silence;
use crate::target::Target;

/// The probing of one target by connections.
pub(crate) struct TcpProbe {
    target: Target,
    peer: Option<SocketAddr>,
    schedule: Schedule,
    silence: Silence,
    /// At most timeout / interval.
    under_way: JoinSet<bool>,
}

impl TcpProbe {
    pub(crate) fn new(target: Target) -> Self {
        let now = Instant::now();
        let schedule = Schedule::starting(now, target.spec.interval);
        let silence = Silence::starting(now);
        Self { target, peer: None, schedule, silence, under_way: JoinSet::new() }
    }

    /// Probes until dropped. Within a runtime only.
    pub(crate) async fn run(mut self) {
        self.follow_name();
        loop {
            tokio::select! {
                () = self.target.name.changed() => self.follow_name(),
                Some(outcome) = self.under_way.join_next() => self.heard(outcome.unwrap_or(false)),
                () = sleep_until(self.schedule.due().into()) => self.tick(Instant::now()),
            }
        }
    }

    fn follow_name(&mut self) {
        match self.target.name.current() {
            Resolution::Pending => {}
            Resolution::Address(address) => {
                self.peer = Some(SocketAddr::new(address, self.target.spec.port));
            }
            Resolution::Unresolved(problem) => {
                self.peer = None;
                self.target.failed(problem);
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        let timer_error = now.saturating_duration_since(self.schedule.due());
        self.schedule.advance(now);
        let Some(peer) = self.peer else { return };
        if self.silence.is_time_to_look_up(now) {
            self.target.name.look_up_again();
        }
        let attempt = Attempt {
            peer,
            endpoint: self.target.spec.endpoint(),
            timeout: self.target.spec.timeout,
            sink: self.target.sink.clone(),
        };
        self.under_way.spawn(attempt.run(timer_error));
    }

    fn heard(&mut self, answered: bool) {
        if answered {
            self.silence.broken(Instant::now());
        }
    }
}

/// One connection.
struct Attempt {
    peer: SocketAddr,
    endpoint: String,
    timeout: Duration,
    sink: Arc<dyn Sink>,
}

impl Attempt {
    /// Connects, says how that went, and returns whether the target answered.
    async fn run(self, timer_error: Duration) -> bool {
        let sent_at = Instant::now();
        self.sink.record(Event::Sent { sent_at, timer_error });
        let connected = timeout(self.timeout, connect(self.peer)).await;
        let rtt = sent_at.elapsed();
        match connected {
            Ok(Ok(())) if rtt < self.timeout => {
                self.sink.record(Event::Answered { sent_at, rtt, reordered: false });
                return true;
            }
            Ok(Err(error)) if error.kind() != io::ErrorKind::TimedOut => self.failed(sent_at, &error),
            Ok(_) | Err(_) => self.sink.record(Event::Lost { sent_at }),
        }
        false
    }

    fn failed(&self, sent_at: Instant, error: &io::Error) {
        let problem = Problem::from_io(self.endpoint.clone(), error);
        self.sink.record(if problem.is_remote() {
            Event::Lost { sent_at }
        } else {
            Event::Discarded { sent_at, reason: Discard::NotSent }
        });
        self.sink.record(Event::Failed { at: Instant::now(), problem });
    }
}

/// Connects and resets the connection.
async fn connect(peer: SocketAddr) -> io::Result<()> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_zero_linger()?;
    socket.connect(peer).await.map(drop)
}
