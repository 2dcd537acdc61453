use super::metrics::{label, of};
use crate::cluster::PolicyId;
use flow_policy::condition::Entry;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::fmt;

/// Encodes the conditions that each policy has in its status.
pub(super) fn encode(
    policies: &[(PolicyId, Box<[Entry]>)],
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let help = "1 for the present status of a condition of a policy, and its reason";
    let mut family =
        encoder.encode_descriptor("flowmanager_policy_condition", help, None, MetricType::Gauge)?;
    for (id, conditions) in policies {
        for condition in conditions {
            let own = [
                label("condition", condition.type_().as_str()),
                label("status", condition.truth().as_str()),
                label("reason", condition.reason().as_str()),
            ];
            let labels: Vec<_> = of(id).into_iter().chain(own).collect();
            family.encode_family(&labels)?.encode_gauge(&1_i64)?;
        }
    }
    Ok(())
}
