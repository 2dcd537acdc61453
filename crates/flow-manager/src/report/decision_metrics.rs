use super::metrics::{Policy, label, of};
use super::sentences::{action_word, reason_word};
use flow_control::{Action, Decision, Reason};
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::fmt;

/// How often each decision was taken about one policy since its regulator began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Vec<((Action, Reason), u64)>);

impl Tally {
    /// Counts a decision.
    pub fn count(&mut self, decision: &Decision) {
        let decision = (decision.action, decision.reason);
        match self.0.iter_mut().find(|(counted, _)| *counted == decision) {
            Some((_, count)) => *count += 1,
            None => self.0.push((decision, 1)),
        }
    }
}

/// Encodes the tallies of `policies`.
pub(super) fn encode(policies: &[Policy<'_>], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Decisions taken about a policy, by what they did to its limits and why";
    let mut family = encoder.encode_descriptor("flowmanager_decisions", help, None, MetricType::Counter)?;
    for Policy { id, snapshot, .. } in policies {
        for ((action, reason), count) in &snapshot.decisions.0 {
            let own = [label("action", action_word(*action)), label("reason", reason_word(*reason))];
            let labels: Vec<_> = of(id).into_iter().chain(own).collect();
            family.encode_family(&labels)?.encode_counter::<[(&str, &str); 0], _, u64>(count, None)?;
        }
    }
    Ok(())
}
