//! What a scenario file may say. Times are like `20ms`, `5s` or `2m`, rates like `100M` (bits per second).

use crate::contender::Control;
use crate::units::{Rate, Span};
use flow_control::{JitterMethod, Moment, NoDataAction, Role};
use serde::Deserialize;
use std::time::Duration;

/// A bottleneck.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct LinkSpec {
    pub(crate) capacity: Capacity,
    /// What fits into the buffer at the highest capacity.
    #[serde(default = "hundred_ms")]
    pub(crate) buffer: Span,
    /// The round-trip time when nothing queues.
    #[serde(default = "two_ms")]
    pub(crate) base: Span,
    /// What the critical flow sends over it.
    #[serde(default = "two_mbps")]
    pub(crate) critical: Rate,
}

/// How a link's capacity goes with time.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Capacity {
    Constant(Rate),
    /// From each time on, another one; the first from the beginning.
    Steps(Vec<CapacityStep>),
    /// A random walk between two bounds.
    Walk(Walk),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CapacityStep {
    pub(crate) at: Span,
    pub(crate) is: Rate,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Walk {
    pub(crate) low: Rate,
    pub(crate) high: Rate,
    pub(crate) every: Span,
    /// The most that it moves by each time.
    pub(crate) stride: Rate,
}

/// One policy, and the pods that it limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PolicySpec {
    #[serde(default)]
    pub(crate) objectives: Vec<ObjectiveSpec>,
    pub(crate) targets: Vec<TargetSpec>,
    #[serde(default)]
    pub(crate) traffic: TrafficSpec,
    #[serde(default)]
    pub(crate) backend: BackendSpec,
    #[serde(default = "fifth")]
    pub(crate) interval: Span,
    /// What is done where objectives have been unknown for five seconds.
    #[serde(default)]
    pub(crate) no_data: NoDataSpec,
    /// How a [`Candidate`](crate::Candidate) decides; a file leaves that to the contender.
    #[serde(skip)]
    pub(crate) control: Option<Control>,
}

/// See [`PolicySpec::no_data`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum NoDataSpec {
    #[default]
    Hold,
    Minimum,
}

impl From<NoDataSpec> for NoDataAction {
    fn from(spec: NoDataSpec) -> Self {
        match spec {
            NoDataSpec::Hold => Self::Hold,
            NoDataSpec::Minimum => Self::Minimum,
        }
    }
}

/// Who tells what the pods send.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TrafficSpec {
    /// The shaper, four times a second.
    #[default]
    Shaper,
    /// The same once it holds its first limit: of pods without one it knows nothing.
    ShaperOnceLimited,
    /// A Prometheus, this often, of the mean since the query before.
    Query(Span),
    /// Nobody.
    None,
}

/// How limits take effect.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendSpec {
    /// From the write to the limit in force.
    pub(crate) delay: Span,
    /// Whether it tells when that is.
    pub(crate) tells: bool,
}

impl Default for BackendSpec {
    fn default() -> Self {
        Self { delay: Span(Duration::from_millis(50)), tells: true }
    }
}

/// A workload that may be limited.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetSpec {
    #[serde(default = "ten_mbps")]
    pub(crate) min: Rate,
    #[serde(default = "hundred_mbps")]
    pub(crate) max: Rate,
    /// Where it begins; without, at its maximum.
    #[serde(skip)]
    pub(crate) initial: Option<Rate>,
    #[serde(default)]
    pub(crate) scope: Scope,
    pub(crate) pods: Vec<PodSpec>,
}

/// Whom a limit is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Scope {
    #[default]
    Pod,
    Target,
}

/// Equal pods.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PodSpec {
    pub(crate) sends: Sends,
    #[serde(default = "one")]
    pub(crate) count: usize,
    /// What it has to send at most.
    pub(crate) demand: Option<Rate>,
    /// What its round-trip time has on top of the link's.
    #[serde(default)]
    pub(crate) rtt: Span,
    #[serde(default)]
    pub(crate) busy: Busy,
    /// Whether it is there only while it is busy, as one that a workload is scaled by.
    #[serde(default)]
    pub(crate) joins: bool,
    /// Which link it sends over.
    #[serde(default)]
    pub(crate) link: usize,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Sends {
    /// As much as there is room for.
    Tcp,
    /// Always at this rate.
    Udp(Rate),
}

/// When a pod sends.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Busy {
    #[serde(default)]
    pub(crate) from: Span,
    /// For so long; without, for ever.
    pub(crate) lasts: Option<Span>,
    /// Then not for so long, and so on; without, never again.
    pub(crate) idle: Option<Span>,
    /// How much later each further pod begins.
    #[serde(default)]
    pub(crate) apart: Span,
}

impl Busy {
    /// Whether the pod of this number sends at `now`.
    pub(crate) fn holds(&self, number: u32, now: Moment) -> bool {
        let begins = Moment::after_epoch(self.from.0 + self.apart.0 * number);
        if now < begins {
            return false;
        }
        let since = now.since(begins);
        match (self.lasts, self.idle) {
            (None, _) => true,
            (Some(lasts), None) => since < lasts.0,
            (Some(lasts), Some(idle)) => {
                let into = since.as_nanos() % (lasts.0 + idle.0).as_nanos().max(1);
                into < lasts.0.as_nanos()
            }
        }
    }
}

/// What is asked of a critical flow, and how it is measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectiveSpec {
    pub(crate) asks: Asks,
    #[serde(skip, default = "control")]
    pub(crate) role: Role,
    #[serde(skip, default = "hundred")]
    pub(crate) priority: u16,
    #[serde(default)]
    pub(crate) by: Source,
    #[serde(default)]
    pub(crate) link: usize,
    /// What else delays the flow, far from the link.
    #[serde(default)]
    pub(crate) faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Asks {
    Jitter {
        max: Span,
        #[serde(default)]
        method: Method,
        #[serde(default = "twenty")]
        samples: usize,
    },
    Latency {
        max: Span,
        #[serde(default = "p99")]
        permille: u16,
        #[serde(default = "three_hundred")]
        samples: usize,
    },
    Loss {
        max: f64,
        #[serde(default = "five_hundred")]
        samples: usize,
    },
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) enum Method {
    #[default]
    #[serde(rename = "IQR")]
    Quartiles,
    #[serde(rename = "RFC3550")]
    Smoothed,
    #[serde(rename = "PDV")]
    DelayVariation,
}

impl From<JitterMethod> for Method {
    fn from(method: JitterMethod) -> Self {
        match method {
            JitterMethod::InterquartileRange => Self::Quartiles,
            JitterMethod::Rfc3550 => Self::Smoothed,
            JitterMethod::DelayVariation => Self::DelayVariation,
        }
    }
}

impl From<Method> for JitterMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Quartiles => Self::InterquartileRange,
            Method::Smoothed => Self::Rfc3550,
            Method::DelayVariation => Self::DelayVariation,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source {
    Probe(ProbeSpec),
    Prometheus(ScrapeSpec),
}

impl Default for Source {
    fn default() -> Self {
        Self::Probe(ProbeSpec::default())
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProbeSpec {
    pub(crate) interval: Span,
    /// The standard deviation of what probes see beyond the true delay, which is never negative.
    pub(crate) noise: Span,
    /// The share of probes that see up to [`outlier`](Self::outlier) more.
    pub(crate) outliers: f64,
    pub(crate) outlier: Span,
    /// The share that is lost for no reason.
    pub(crate) lost: f64,
    /// When no probe is answered.
    pub(crate) silent: Vec<During>,
}

impl Default for ProbeSpec {
    fn default() -> Self {
        Self {
            interval: Span(Duration::from_millis(20)),
            noise: Span(Duration::from_micros(100)),
            outliers: 0.0,
            outlier: Span(Duration::from_millis(10)),
            lost: 0.0,
            silent: Vec::new(),
        }
    }
}

/// What the critical application says of itself, over a window, when it is scraped.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScrapeSpec {
    pub(crate) every: Span,
    pub(crate) window: Span,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct During {
    pub(crate) from: Span,
    pub(crate) lasts: Span,
}

impl During {
    pub(crate) fn covers(&self, now: Moment) -> bool {
        let begins = Moment::after_epoch(self.from.0);
        now >= begins && now.since(begins) < self.lasts.0
    }
}

/// A disturbance of the critical flow that best effort has no part in.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) from: Span,
    pub(crate) lasts: Span,
    #[serde(default)]
    pub(crate) delay: Span,
    /// Up to so much more, evenly spread.
    #[serde(default)]
    pub(crate) jitter: Span,
    #[serde(default)]
    pub(crate) loss: f64,
}

const fn hundred_ms() -> Span {
    Span(Duration::from_millis(100))
}

const fn two_ms() -> Span {
    Span(Duration::from_millis(2))
}

const fn fifth() -> Span {
    Span(Duration::from_millis(200))
}

const fn two_mbps() -> Rate {
    Rate(flow_control::Bandwidth::from_mbps(2))
}

const fn ten_mbps() -> Rate {
    Rate(flow_control::Bandwidth::from_mbps(10))
}

const fn hundred_mbps() -> Rate {
    Rate(flow_control::Bandwidth::from_mbps(100))
}

const fn control() -> Role {
    Role::Control
}

const fn hundred() -> u16 {
    100
}

const fn one() -> usize {
    1
}

const fn twenty() -> usize {
    20
}

const fn three_hundred() -> usize {
    300
}

const fn five_hundred() -> usize {
    500
}

const fn p99() -> u16 {
    990
}
