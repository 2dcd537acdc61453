use super::Paths;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Exports the base round-trip time and the queueing delay of the paths that are probed now.
pub struct PathMetrics(pub Arc<Paths>);

impl fmt::Debug for PathMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PathMetrics")
    }
}

impl Collector for PathMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let delays = self.0.delays();
        let base = delays.iter().map(|(target, delay)| (target, delay.base));
        let help = "Round-trip time of a probed path with empty queues";
        gauge(&mut encoder, "flowmanager_path_base_rtt", help, base)?;
        let queueing = delays.iter().map(|(target, delay)| (target, delay.queueing));
        let help = "How much longer than the base the newest probe of a path took";
        gauge(&mut encoder, "flowmanager_path_queueing_delay", help, queueing)
    }
}

fn gauge<'a>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (&'a String, Duration)>,
) -> fmt::Result {
    let metric = ConstGauge::new(0.0);
    let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), metric.metric_type())?;
    for (target, value) in values {
        ConstGauge::new(value.as_secs_f64()).encode(family.encode_family(&[("target", target.as_str())])?)?;
    }
    Ok(())
}

/// The delays of one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    /// The round-trip time with empty queues.
    pub(super) base: Duration,
    /// What the newest sample took longer.
    pub(super) queueing: Duration,
}

/// The delays by target; of two probes of one target, those of the one with the lower base.
pub(super) fn by_target(delays: impl Iterator<Item = (String, Delays)>) -> BTreeMap<String, Delays> {
    let mut targets: BTreeMap<String, Delays> = BTreeMap::new();
    for (target, delay) in delays {
        let lowest = targets.entry(target).or_insert(delay);
        if delay.base < lowest.base {
            *lowest = delay;
        }
    }
    targets
}
