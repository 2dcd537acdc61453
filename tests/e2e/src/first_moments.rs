use crate::cluster::{Cluster, uid};
use crate::stage::PATIENCE;
use crate::statistics::median;
use crate::wait::{Look, until};
use crate::{Error, PodNetwork, Result, processes};
use flow_policy::names::EGRESS_BANDWIDTH;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use kube::runtime::wait::await_condition;
use std::fmt;

/// When what happens to a new pod that is limited from the start, in seconds since the machine started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstMoments {
    /// Its creation was asked for.
    pub created_s: f64,
    /// Its annotation had been seen.
    pub annotated_s: f64,
    /// The process of its container was made, to within 10 ms.
    pub started_s: f64,
    /// Its limit had been seen in the kernel.
    pub limited_s: f64,
    /// What it had sent without a limit.
    pub sent_before_limit: u64,
}

impl FirstMoments {
    /// Creates a pod in `namespace`, whose container has `argument` in its command line, and sees it limited to `bps`.
    pub async fn of(cluster: &Cluster, namespace: &str, pod: &Pod, argument: &str, bps: u64) -> Result<Self> {
        let pods = cluster.pods(namespace);
        let (annotated_s, (created_s, pod)) =
            tokio::try_join!(annotated_s(pods.clone(), pod.name_any()), create(&pods, pod))?;
        let uid = uid(&pod)?;
        let (started_s, limited_s) = tokio::try_join!(started_s(&uid, argument), limited_s(&uid, bps))?;
        let sent_before_limit = PodNetwork::of(&uid)?.sent_before_limit().await?;
        Ok(Self { created_s, annotated_s, started_s, limited_s, sent_before_limit })
    }

    /// The medians of `all`.
    #[must_use]
    pub fn median(all: &[Self]) -> Option<Self> {
        let of = |value: fn(&Self) -> f64| median(&all.iter().map(value).collect::<Vec<_>>());
        let mut sent: Vec<_> = all.iter().map(|one| one.sent_before_limit).collect();
        sent.sort_unstable();
        Some(Self {
            created_s: 0.0,
            annotated_s: of(|one| one.annotated_s - one.created_s)?,
            started_s: of(|one| one.started_s - one.created_s)?,
            limited_s: of(|one| one.limited_s - one.created_s)?,
            sent_before_limit: *sent.get(sent.len().saturating_sub(1) / 2)?,
        })
    }
}

impl fmt::Display for FirstMoments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = |moment_s: f64| format!("{:.0} ms", (moment_s - self.created_s) * 1e3);
        let (annotated, started, limited) =
            (after(self.annotated_s), after(self.started_s), after(self.limited_s));
        write!(
            f,
            "after its creation annotated {annotated}, container made {started}, seen limited {limited}; "
        )?;
        write!(f, "{} bytes sent before", self.sent_before_limit)
    }
}

async fn create(pods: &Api<Pod>, pod: &Pod) -> Result<(f64, Pod)> {
    let asked_s = uptime_s()?;
    Ok((asked_s, pods.create(&PostParams::default(), pod).await?))
}

async fn annotated_s(pods: Api<Pod>, name: String) -> Result<f64> {
    let has_limit =
        |pod: Option<&Pod>| pod.is_some_and(|pod| pod.annotations().contains_key(EGRESS_BANDWIDTH));
    let seen = tokio::time::timeout(PATIENCE, await_condition(pods, &name, has_limit)).await;
    let what = format!("{EGRESS_BANDWIDTH} on {name}");
    seen.map_err(|_| Error::TimedOut { what: what.clone(), after: PATIENCE, seen: "none".to_owned() })?
        .map_err(|error| Error::unreadable(what, error))?;
    uptime_s()
}

async fn started_s(uid: &str, argument: &str) -> Result<f64> {
    until(&format!("the container of the pod {uid}"), PATIENCE, async || {
        Ok(Look::some(processes::made_s(uid, argument)?, || "none".to_owned()))
    })
    .await
}

async fn limited_s(uid: &str, bps: u64) -> Result<f64> {
    until(&format!("a limit of {bps} bit/s on the pod {uid}"), PATIENCE, async || {
        let limit = PodNetwork::of(uid)?.limit_bps().await?;
        Ok(Look::when(limit == Some(bps), || format!("{limit:?}")))
    })
    .await?;
    uptime_s()
}

/// The seconds since the machine started: proc(5), `/proc/uptime`.
fn uptime_s() -> Result<f64> {
    let text = fs_err::read_to_string("/proc/uptime")?;
    let seconds = text.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
    seconds.ok_or_else(|| Error::unreadable("/proc/uptime", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_count_from_the_creation_of_each_pod() {
        let one = |created_s: f64, late_s: f64, sent_before_limit| FirstMoments {
            created_s,
            annotated_s: created_s + late_s,
            started_s: created_s + late_s * 2.0,
            limited_s: created_s + late_s * 4.0,
            sent_before_limit,
        };
        let all = [one(8.0, 1.0, 900), one(2.0, 0.25, 0), one(4.0, 0.5, 50)];
        assert_eq!(FirstMoments::median(&all), Some(one(0.0, 0.5, 50)));
        assert_eq!(FirstMoments::median(&[]), None);
        let said = one(4.0, 0.25, 50).to_string();
        assert!(said.contains("annotated 250 ms, container made 500 ms, seen limited 1000 ms"), "{said}");
    }
}
