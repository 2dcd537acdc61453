//! The whole loop on the congested link: best effort breaks the critical flow, the operator notices by its
//! probes, the pods' limits sink, the flow is well again, and in the end everything is as before.

use flow_e2e::scenario::{Lengths, run};
use std::time::Duration;

const LENGTHS: Lengths = Lengths {
    quiet: Duration::from_secs(5),
    congested: Duration::from_secs(8),
    protected: Duration::from_secs(35),
    released: Duration::from_secs(5),
};

/// Each promise of the demo must be kept. Without the patch of the pods, without the shaper, or with a probe
/// that says the same all the time, no limit sinks on any queue: the reaction is never seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_flow_is_well_again_within_seconds_and_nothing_restarts() {
    let (report, _) = run(LENGTHS, &mut |_| ()).await.unwrap();
    let figures = serde_json::to_string(&report.phases).unwrap();
    assert_eq!(report.missed(), Vec::<String>::new(), "{figures}");
    let (congested, protected) = (report.phases["congested"], report.phases["protected"]);
    let ratio = congested.operator_jitter_us.unwrap() / congested.jitter_us;
    assert!((0.5..2.0).contains(&ratio), "the operator measures {ratio} times what is: {congested:?}");
    assert!(protected.latency_p50_us < congested.latency_p50_us / 3.0, "{figures}");
    assert!(protected.best_effort_mbps > 40.0, "best effort starves: {figures}");
}
