use crate::{Action, Decision, Reason};

/// Whether limits can take effect now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effect {
    /// They can, for all that is known.
    #[default]
    Possible,
    /// They cannot: a limit that moved now would move for nothing.
    Impossible(Hindrance),
}

/// Why limits cannot take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hindrance {
    /// No target has a running pod.
    NoPods,
    /// No running pod is held to its limit.
    NotInForce,
    /// A limit counts only for pods that are made after it.
    OnlyAtCreation,
    /// Workloads are replacing their pods for the limit of before.
    RollingOut,
}

impl Effect {
    /// `decision`, or a hold where it would move limits without effect. What a person asks for, and taking limits
    /// away, stands, and so does forgetting the limits of those who are no more: others may come.
    pub(crate) const fn hinder(self, decision: Decision) -> Decision {
        match (self, decision.action) {
            (Self::Impossible(Hindrance::NoPods), _) if matches!(decision.reason, Reason::Idle) => decision,
            (Self::Impossible(hindrance), Action::Decrease | Action::Increase) => {
                Decision { action: Action::Hold, reason: hindrance.reason(), objective: decision.objective }
            }
            _ => decision,
        }
    }
}

impl Hindrance {
    const fn reason(self) -> Reason {
        match self {
            Self::NoPods => Reason::NoPods,
            Self::NotInForce => Reason::NotInForce,
            Self::OnlyAtCreation => Reason::OnlyAtCreation,
            Self::RollingOut => Reason::RollingOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_limits_for_nothing_is_a_hold_for_that_reason() {
        for (hindrance, reason) in [
            (Hindrance::NoPods, Reason::NoPods),
            (Hindrance::NotInForce, Reason::NotInForce),
            (Hindrance::OnlyAtCreation, Reason::OnlyAtCreation),
            (Hindrance::RollingOut, Reason::RollingOut),
        ] {
            let objective = Some(1);
            let cut = Decision { action: Action::Decrease, reason: Reason::ObjectiveViolated, objective };
            let held = Decision { action: Action::Hold, reason, objective };
            assert_eq!(Effect::Impossible(hindrance).hinder(cut), held);
        }
    }

    #[test]
    fn limits_of_no_pods_are_forgotten() {
        let idle = Decision { action: Action::Increase, reason: Reason::Idle, objective: None };
        let hindered = |hindrance| Effect::Impossible(hindrance).hinder(idle);
        assert_eq!(hindered(Hindrance::NoPods), idle);
        assert_eq!(hindered(Hindrance::RollingOut).action, Action::Hold);
    }
}
