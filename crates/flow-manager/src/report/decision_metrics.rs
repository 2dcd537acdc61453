use super::sentences::{action_word, reason_word};
use flow_control::Decision;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts decisions over all policies. Its labels are few and fixed: a counter for each policy would stay
/// behind when the policy is gone.
#[derive(Clone, Debug, Default)]
pub struct DecisionMetrics {
    decisions: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    action: &'static str,
    reason: &'static str,
}

impl DecisionMetrics {
    /// The metrics, exported by `registry`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "Decisions taken, over all policies, by what they did to the limits and why";
        registry.register("flowmanager_decisions", help, metrics.decisions.clone());
        metrics
    }

    /// Counts a decision.
    pub fn decided(&self, decision: &Decision) {
        let labels = Labels { action: action_word(decision.action), reason: reason_word(decision.reason) };
        self.decisions.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_control::{Action, Reason};

    #[test]
    fn decisions_are_counted_by_action_and_reason() {
        let mut registry = Registry::default();
        let metrics = DecisionMetrics::register(&mut registry);
        let cut =
            Decision { action: Action::Decrease, reason: Reason::ObjectiveViolated, objective: Some(3) };
        metrics.decided(&cut);
        metrics.decided(&Decision { objective: None, ..cut });
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = "flowmanager_decisions_total{action=\"Decrease\",reason=\"ObjectiveViolated\"} 2\n";
        assert!(text.contains(line), "{text}");
    }
}
