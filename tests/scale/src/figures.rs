use flow_e2e::Machine;
use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// The commit.
    pub(crate) revision: String,
    pub(crate) sizes: Vec<Figures>,
}

/// What was measured with so many policies.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) policies: usize,
    pub(crate) pods: usize,
    pub(crate) start: Start,
    /// Nothing changes.
    pub(crate) quiet: Load,
    /// At any time one policy of a hundred is violated, now these and now those.
    pub(crate) busy: Load,
}

/// From the start of the process to some moments, where everything was limited before.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "units stand in names")]
pub(crate) struct Start {
    pub(crate) ready_s: f64,
    pub(crate) first_decision_s: f64,
    /// Every policy has been decided about.
    pub(crate) all_decided_s: f64,
}

/// What a span of time cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Load {
    pub(crate) seconds: f64,
    pub(crate) cpu_cores: f64,
    pub(crate) rss_bytes: u64,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) api_reads_per_s: f64,
    pub(crate) api_writes_per_s: f64,
    pub(crate) prometheus_requests_per_s: f64,
    pub(crate) decisions_per_s: f64,
    /// `None` without a decision.
    pub(crate) lateness_p50_ms: Option<f64>,
    pub(crate) lateness_p99_ms: Option<f64>,
}
