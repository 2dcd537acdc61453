use crate::enforce::InForce;
use flow_control::{Effect, Hindrance};

/// Whether limits can take effect, from how each running pod is held to its own.
///
/// One pod on which they can is enough: the others, of which somebody else may have set the limit, must not keep it
/// from being controlled. A limit that is on its way, or of which nobody tells, counts as one that can.
pub(super) fn effect(pods: impl IntoIterator<Item = InForce>) -> Effect {
    let mut pods = pods.into_iter().peekable();
    if pods.peek().is_none() {
        return Effect::Impossible(Hindrance::NoPods);
    }
    if pods.all(|pod| matches!(pod, InForce::No { .. })) {
        return Effect::Impossible(Hindrance::NotInForce);
    }
    Effect::Possible
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no() -> InForce {
        InForce::No { reason: "somebody else has set its limit".to_owned() }
    }

    #[test]
    fn one_pod_on_which_limits_can_take_effect_is_enough() {
        for able in [InForce::Yes { sent: None }, InForce::Coming, InForce::Written] {
            assert_eq!(effect([able.clone()]), Effect::Possible);
            assert_eq!(effect([no(), no(), able, no()]), Effect::Possible);
        }
    }

    #[test]
    fn where_every_pod_is_known_not_to_be_held_limits_cannot_take_effect() {
        assert_eq!(effect([no(), no()]), Effect::Impossible(Hindrance::NotInForce));
    }

    #[test]
    fn without_a_pod_limits_cannot_take_effect() {
        assert_eq!(effect([]), Effect::Impossible(Hindrance::NoPods));
    }
}
