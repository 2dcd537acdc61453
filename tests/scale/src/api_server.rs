use flow_e2e::Result;
use flow_e2e::kubectl::kubectl;
use flow_e2e::metrics::Metrics;

/// What the operator writes to, as resource and part of it. kwok writes to no more than the status of pods and nodes.
const WRITTEN: [(&str, &str); 4] =
    [("pods", ""), ("flowpolicies", ""), ("flowpolicies", "status"), ("events", "")];
const WRITES: [&str; 5] = ["POST", "PUT", "PATCH", "APPLY", "DELETE"];

/// What it reads. It asks for the version as well, which is not counted.
const READ: [&str; 7] =
    ["pods", "flowpolicies", "namespaces", "deployments", "replicasets", "statefulsets", "daemonsets"];
const READS: [&str; 3] = ["GET", "LIST", "WATCH"];

/// How many requests of the operator the API server has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Requests {
    pub(crate) reads: f64,
    pub(crate) writes: f64,
}

impl Requests {
    /// Up to now, as the API server counts them. A watch counts when it ends.
    pub(crate) async fn now() -> Result<Self> {
        Ok(Self::of(&Metrics(kubectl("get --raw /metrics").await?)))
    }

    fn of(metrics: &Metrics) -> Self {
        let lines = metrics.0.lines().filter(|line| line.starts_with("apiserver_request_total{"));
        let requests = Metrics(lines.collect::<Vec<_>>().join("\n"));
        let count = |resource: &str, part: &str, verb: &str| {
            let labels = [("resource", resource), ("subresource", part), ("verb", verb)];
            let labels = labels.map(|(name, value)| format!("{name}=\"{value}\""));
            requests
                .sum("apiserver_request_total", &labels.each_ref().map(String::as_str))
                .unwrap_or_default()
        };
        let written =
            WRITTEN.iter().flat_map(|(resource, part)| WRITES.map(|verb| count(resource, part, verb)));
        let read = READ.iter().flat_map(|resource| READS.map(|verb| count(resource, "", verb)));
        Self { reads: read.sum(), writes: written.sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_they_ask() {
        let line = |resource, part, verb, count| {
            format!(
                "apiserver_request_total{{code=\"200\",group=\"\",resource=\"{resource}\",subresource=\"{part}\",verb=\"{verb}\"}} {count}\n"
            )
        };
        let text = [
            line("pods", "", "APPLY", 10),
            line("pods", "status", "PATCH", 100),
            line("flowpolicies", "status", "APPLY", 5),
            line("nodes", "", "LIST", 1000),
            line("pods", "", "LIST", 3),
        ];
        assert_eq!(Requests::of(&Metrics(text.concat())), Requests { reads: 3.0, writes: 15.0 });
    }
}
