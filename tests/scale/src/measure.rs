use crate::api_server::Requests;
use crate::figures::Load;
use crate::operator::Operator;
use crate::process::Usage;
use flow_e2e::Result;
use flow_e2e::metrics::Metrics;
use std::time::Instant;

const LATENESS: &str = "flowmanager_decision_lateness_seconds";

/// How everything stood at one time.
pub(crate) struct Moment {
    at: Instant,
    usage: Usage,
    requests: Requests,
    queries: f64,
    decisions: f64,
    /// How many decisions were so late or less: the bound in seconds, and the number.
    lateness: Vec<(f64, f64)>,
}

impl Moment {
    pub(crate) async fn now(operator: &Operator) -> Result<Self> {
        let requests = Requests::now().await?;
        let metrics = operator.look().await?;
        Ok(Self {
            at: Instant::now(),
            usage: operator.usage()?,
            requests,
            queries: metrics.sum("flowmanager_prometheus_queries_total", &[]).unwrap_or_default(),
            decisions: metrics.sum(&format!("{LATENESS}_count"), &[]).unwrap_or_default(),
            lateness: buckets(&metrics),
        })
    }

    /// What the time since `before` cost.
    pub(crate) fn since(&self, before: &Self) -> Load {
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        let per_second = |now: f64, before: f64| (now - before) / seconds;
        let lateness: Vec<_> = (self.lateness.iter())
            .zip(&before.lateness)
            .map(|((bound, now), (_, before))| (*bound, now - before))
            .collect();
        Load {
            seconds,
            cpu_cores: per_second(self.usage.cpu_s, before.usage.cpu_s),
            rss_bytes: self.usage.rss_bytes,
            peak_rss_bytes: self.usage.peak_bytes,
            api_reads_per_s: per_second(self.requests.reads, before.requests.reads),
            api_writes_per_s: per_second(self.requests.writes, before.requests.writes),
            prometheus_requests_per_s: per_second(self.queries, before.queries),
            decisions_per_s: per_second(self.decisions, before.decisions),
            lateness_p50_ms: quantile(&lateness, 0.5).map(|seconds| seconds * 1e3),
            lateness_p99_ms: quantile(&lateness, 0.99).map(|seconds| seconds * 1e3),
        }
    }
}

fn buckets(metrics: &Metrics) -> Vec<(f64, f64)> {
    let prefix = format!("{LATENESS}_bucket{{le=\"");
    let bucket = |line: &str| {
        let (bound, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
        Some((bound, count.parse().ok()?))
    };
    metrics.0.lines().filter_map(bucket).collect()
}

/// The quantile of a histogram, taken as spread evenly over each bucket; infinite beyond the last bound.
fn quantile(buckets: &[(f64, f64)], quantile: f64) -> Option<f64> {
    let (_, all) = buckets.last().filter(|(_, all)| *all > 0.0)?;
    let rank = all * quantile;
    let before = std::iter::once((0.0, 0.0)).chain(buckets.iter().copied());
    let (low, high) = before.zip(buckets).find(|(_, (_, count))| *count >= rank)?;
    let ((from, below), (to, count)) = (low, *high);
    if to.is_infinite() || count <= below {
        return Some(to);
    }
    Some(from + (to - from) * (rank - below) / (count - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let buckets = [(0.1, 50.0), (0.2, 99.0), (f64::INFINITY, 100.0)];
        assert_eq!(quantile(&buckets, 0.5), Some(0.1));
        assert_eq!(quantile(&buckets, 0.99), Some(0.2));
        assert_eq!(quantile(&buckets, 1.0), Some(f64::INFINITY));
        assert_eq!((quantile(&[], 0.5), quantile(&[(0.1, 0.0)], 0.5)), (None, None));
    }

    #[test]
    fn the_buckets_of_the_histogram_are_read() {
        let text = format!(
            "{LATENESS}_bucket{{le=\"0.5\"}} 3\n{LATENESS}_bucket{{le=\"+Inf\"}} 4\n{LATENESS}_count 4\n"
        );
        assert_eq!(buckets(&Metrics(text)), [(0.5, 3.0), (f64::INFINITY, 4.0)]);
    }
}
