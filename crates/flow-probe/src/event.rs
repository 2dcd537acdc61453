//! What a probe has to say, and to whom.

use std::time::{Duration, Instant};

use crate::Problem;

/// What happened to one probe, or to probing as a whole.
///
/// For each probe there is one `Sent`, and later exactly one of `Answered`, `Lost` and `Discarded`, unless
/// probing is stopped before. The others come on top of that. `sent_at` is the time of sending, which tells
/// the probes apart.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A probe is on its way.
    Sent {
        /// When.
        sent_at: Instant,
        /// How much later than due. It does not falsify the round-trip time, which counts from `sent_at`;
        /// but a prober that is always late samples the path less often than asked.
        timer_error: Duration,
    },
    /// An answer came in time.
    Answered {
        /// When the probe was sent.
        sent_at: Instant,
        /// Round-trip time, without the time the reflector took.
        rtt: Duration,
        /// A probe sent later had been answered before.
        reordered: bool,
    },
    /// No answer came within the timeout.
    Lost {
        /// When the probe was sent.
        sent_at: Instant,
    },
    /// An answer to a probe already given up as lost. Does not undo its `Lost`.
    Late {
        /// When the probe was sent.
        sent_at: Instant,
        /// Round-trip time: longer than the timeout.
        rtt: Duration,
    },
    /// One more answer to a probe that had one already.
    Duplicate {
        /// When the probe was sent.
        sent_at: Instant,
    },
    /// The outcome of this probe says nothing about the path.
    Discarded {
        /// When the probe was sent.
        sent_at: Instant,
        /// Why.
        reason: Discard,
    },
    /// A datagram that answers no probe remembered: forged, damaged, meant for another, or seconds late.
    Stray,
    /// Probes cannot be sent, or the path says why they are not answered. Not tied to one probe.
    Failed {
        /// When this was noticed.
        at: Instant,
        /// What is wrong.
        problem: Problem,
    },
}

/// Why the outcome of a probe says nothing about the path.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Discard {
    /// The send call took so long that the time of sending is not known well enough: by 10 % of the
    /// round-trip time.
    SlowSend,
    /// The system's clock was set while the probe was under way.
    ClockStep,
    /// The name of the target got another address while the probe was under way.
    AddressChanged,
    /// A fault on this node kept the probe from being sent.
    NotSent,
}

impl Discard {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::SlowSend, Self::ClockStep, Self::AddressChanged, Self::NotSent];

    /// A short name, for a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlowSend => "slow_send",
            Self::ClockStep => "clock_step",
            Self::AddressChanged => "address_changed",
            Self::NotSent => "not_sent",
        }
    }
}

/// Takes the events of one probe.
///
/// `record` is called on the thread that sends and receives all probes, so it must be quick and never block.
pub trait Sink: Send + Sync + 'static {
    /// Takes one event.
    fn record(&self, event: Event);
}

/// Both are told.
impl<A: Sink, B: Sink> Sink for (A, B) {
    fn record(&self, event: Event) {
        self.0.record(event.clone());
        self.1.record(event);
    }
}

impl<S: Sink + ?Sized> Sink for std::sync::Arc<S> {
    fn record(&self, event: Event) {
        (**self).record(event);
    }
}
