use super::super::plan::PlannedTarget;
use super::load::Load;
use crate::cluster::TargetPod;
use crate::prometheus::{Cadence, PodSeries, Queries, Query, Refused};
use flow_control::{Bandwidth, Finite, Moment, Traffic};
use std::collections::HashMap;
use std::time::Duration;

/// The shortest time between two questions: the answer between two scrapes is the same.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// How much later than expected an answer may come.
const LATE: Duration = Duration::from_secs(1);

/// A query for what a target sends.
pub(super) struct TrafficFeed {
    query: Query,
    interval: Duration,
    cadence: Cadence,
    newest: Option<(Moment, Vec<PodSeries>)>,
}

impl TrafficFeed {
    /// Begins to ask every `interval` what a policy in `namespace` wants to know.
    pub(super) fn open(
        queries: &Queries,
        namespace: &str,
        query: &str,
        interval: Duration,
    ) -> Result<Self, Refused> {
        let interval = interval.max(MIN_INTERVAL);
        let (query, cadence) = (queries.subscribe_all(namespace, query, interval)?, Cadence::default());
        Ok(Self { query, interval, cadence, newest: None })
    }

    /// What the newest answer that can be used says of the target; `None` before the first.
    pub(super) fn read(&mut self, planned: &PlannedTarget) -> Option<Traffic> {
        let last = self.newest.as_ref().map(|(asked, _)| *asked);
        if let Some((asked, series)) = self.query.by_pod(last) {
            self.hear(asked, series);
        }
        let period = self.interval.max(self.cadence.period());
        // An answer may be of a scrape one period ago, and be a mean over all that the query looks back on.
        let lag = period.saturating_add(self.query.window());
        let (asked, series) = self.newest.as_ref()?;
        Some(load(planned, series)?.until(before(*asked, lag), fresh_for(period).saturating_add(lag)))
    }

    fn hear(&mut self, asked: Moment, series: Vec<PodSeries>) {
        if self.newest.as_ref().is_some_and(|(_, before)| *before != series) {
            self.cadence.change(asked);
        }
        self.newest = Some((asked, series));
    }
}

/// The moment so long before another.
fn before(moment: Moment, span: Duration) -> Moment {
    Moment::after_epoch(moment.since(Moment::EPOCH).saturating_sub(span))
}

/// How long an answer may be taken for the present where there is another one every `period`.
fn fresh_for(period: Duration) -> Duration {
    period.saturating_add(period / 2).saturating_add(LATE)
}

/// What these series say of a target: one without the label `pod` is of all pods together; else each is of its pod.
fn load(planned: &PlannedTarget, series: &[PodSeries]) -> Option<Load> {
    let scope = planned.target.scope;
    if let [PodSeries { pod: None, number }] = series {
        return Some(Load::together(scope, rate(*number)?, planned.limitable().count()));
    }
    let mut rates = HashMap::new();
    for PodSeries { pod, number } in series {
        let sent = rates.entry(pod.as_deref()?).or_insert(Bandwidth::ZERO);
        *sent = sent.plus(rate(*number)?);
    }
    let of_pod = |pod: &TargetPod| rates.get(&*pod.id.name).copied();
    let rates: Vec<_> = planned.limitable().filter_map(of_pod).collect();
    Load::of_pods(scope, &rates)
}

/// Bits per second; `None` for what is no rate.
fn rate(number: Finite) -> Option<Bandwidth> {
    (number.get() >= 0.0).then(|| Bandwidth::from_bps(whole(number.get())))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "it saturates, and a rate needs no fraction of a bit"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::super::tests::planned;
    use super::*;
    use crate::clock::Clock;
    use crate::prometheus::{Access, Client, CredentialFiles, QueryMetrics, Source};
    use crate::serve::Readiness;
    use flow_policy::Scope;
    use prometheus_client::registry::Registry;
    use reqwest::header::HeaderMap;

    fn series(pod: Option<&str>, bps: f64) -> PodSeries {
        PodSeries { pod: pod.map(str::to_owned), number: Finite::new(bps).unwrap() }
    }

    /// What is said of a target with the pods `a` and `b`, and one on the host network.
    fn said(scope: Scope, series: &[PodSeries]) -> Option<Load> {
        load(&planned(scope), series)
    }

    fn mbps(mbps: &[u64]) -> Vec<Bandwidth> {
        mbps.iter().copied().map(Bandwidth::from_mbps).collect()
    }

    #[test]
    fn one_series_is_of_all_pods_together() {
        let together = Load::together(Scope::Pod, Bandwidth::from_mbps(30), 2);
        assert_eq!(said(Scope::Pod, &[series(None, 30e6)]), Some(together));
    }

    #[test]
    fn series_with_the_label_pod_are_each_of_its_pod_and_of_no_other() {
        let named = [series(Some("a"), 10e6), series(Some("b"), 5e6), series(Some("ended"), 90e6)];
        assert_eq!(said(Scope::Pod, &named), Load::of_pods(Scope::Pod, &mbps(&[10, 5])));
        assert_eq!(said(Scope::Pod, &named[..1]), Load::of_pods(Scope::Pod, &mbps(&[10])));
        assert_eq!(said(Scope::Pod, &named[2..]), None);
        let twice = [series(Some("a"), 10e6), series(Some("a"), 5e6)];
        assert_eq!(said(Scope::Pod, &twice), Load::of_pods(Scope::Pod, &mbps(&[15])), "of two interfaces");
    }

    #[test]
    fn what_cannot_be_told_apart_or_is_no_rate_is_not_known() {
        for unclear in [
            vec![series(None, 1e6), series(None, 2e6)],
            vec![series(None, 1e6), series(Some("a"), 2e6)],
            vec![series(None, -1.0)],
            vec![series(Some("a"), -1.0), series(Some("b"), 1.0)],
        ] {
            assert_eq!(said(Scope::Target, &unclear), None, "{unclear:?}");
        }
    }

    /// A feed that nobody answers.
    fn feed(interval: Duration) -> TrafficFeed {
        // It fails where another test was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (timeout, headers, credentials) =
            (Duration::from_secs(1), HeaderMap::new(), CredentialFiles::default());
        let url = "http://127.0.0.1:1".to_owned();
        let client =
            Client::new(&Source { url, timeout, headers, credentials, access: Access::default() }).unwrap();
        let metrics = QueryMetrics::register(&mut Registry::default());
        let queries = Queries::new("default", client, Clock::start(), metrics, Readiness::default());
        TrafficFeed::open(&queries, "factory", "x", interval).unwrap()
    }

    #[tokio::test]
    async fn what_changes_only_with_a_scrape_is_fresh_until_the_next_one_is_due() {
        let mut feed = feed(Duration::from_secs(2));
        let at = |second| Moment::after_epoch(Duration::from_secs(second));
        let mut said = |second: u64, mbps: u32| {
            let sent = series(None, f64::from(mbps) * 1e6);
            feed.hear(at(second), vec![sent]);
            let traffic = feed.read(&planned(Scope::Pod)).unwrap();
            (traffic.measured, traffic.fresh_for.as_secs())
        };
        let expected = [(at(98), 6), (at(108), 6), (at(110), 6)];
        assert_eq!([said(100, 1), said(110, 2), said(112, 2)], expected, "two and a half, and a second");
        let expected = [(at(110), 36), (at(112), 36)];
        assert_eq!([said(124, 3), said(126, 3)], expected, "by what changed 14 s after");
    }

    #[test]
    fn a_rate_beyond_all_is_the_largest_there_is() {
        assert_eq!(rate(Finite::new(1e300).unwrap()), Some(Bandwidth::from_bps(u64::MAX)));
    }
}
