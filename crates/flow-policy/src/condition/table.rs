use super::{ConditionType, Reason, Truth};
use crate::event::Telling;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// One of the ways in which a condition may stand: a row of [`TABLE`], which is all that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    type_: ConditionType,
    truth: Truth,
    reason: Reason,
    telling: Telling,
    meaning: &'static str,
    remedy: &'static str,
}

impl Entry {
    /// The row of a condition in a status, if it is one.
    #[must_use]
    pub fn of(condition: &Condition) -> Option<Self> {
        let key = [condition.type_.as_str(), &condition.status, &condition.reason];
        let of = |entry: &Self| [entry.type_.as_str(), entry.truth.as_str(), entry.reason.as_str()];
        TABLE.iter().copied().find(|entry| of(entry) == key)
    }

    /// Of which condition.
    #[must_use]
    pub const fn type_(self) -> ConditionType {
        self.type_
    }

    /// Whether it holds.
    #[must_use]
    pub const fn truth(self) -> Truth {
        self.truth
    }

    /// Why, as one word.
    #[must_use]
    pub const fn reason(self) -> Reason {
        self.reason
    }

    /// Whether an Event tells that it has come to this.
    #[must_use]
    pub const fn telling(self) -> Telling {
        self.telling
    }

    /// What that means, as sentences.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.meaning
    }

    /// What a person should do about it, as sentences; empty if nothing.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        self.remedy
    }
}

/// Why a policy cannot be used as it is, in each of the conditions that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of Accepted.
    pub accepted: Entry,
    /// Of Ready.
    pub ready: Entry,
    /// Of Stalled.
    pub stalled: Entry,
}

macro_rules! table {
    ($($name:ident = $type_:ident $truth:ident $reason:ident, $event:ident: $meaning:literal, $remedy:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: Entry = Entry {
                type_: ConditionType::$type_,
                truth: Truth::$truth,
                reason: Reason::$reason,
                telling: Telling::$event,
                meaning: $meaning,
                remedy: $remedy,
            };
        )*

        /// Every way in which a condition may stand, ordered by condition.
        pub const TABLE: &[Entry] = &[$($name),*];
    };
}

table! {
    ACCEPTED_VALID = Accepted True Valid, Normal:
        "The spec can be used, and every target exists.", "";
    ACCEPTED_INVALID_SPEC = Accepted False InvalidSpec, Warning:
        "A field of the spec cannot be used. Nothing is measured and nothing limited.",
        "Correct the field that the message names.";
    ACCEPTED_TARGET_NOT_FOUND = Accepted False TargetNotFound, Warning:
        "A target does not exist. The other targets are limited all the same.",
        "Create the workload, correct the target, or remove it from the policy.";
    ACCEPTED_NOT_CONSENTED = Accepted False NotConsented, Warning:
        "The namespace of a target does not consent to policies of this namespace. That target is left alone.",
        "Have the policy's namespace listed in the annotation `flow.fustli.io/policies-from` of the target's namespace, \
         or remove the target.";
    ACCEPTED_SOURCE_NOT_FOUND = Accepted False SourceNotFound, Warning:
        "An objective or a query for traffic names a Prometheus that the operator was not given. What depends on it is \
         unknown.",
        "Correct `prometheus.source`, or have the operator's administrator add that Prometheus.";
    ACCEPTED_SOURCE_NOT_ALLOWED = Accepted False SourceNotAllowed, Warning:
        "The operator's administrator does not let the policy probe an address, ask a Prometheus, or ask it this query. \
         What depends on it is unknown.",
        "The message names the address or the Prometheus: ask for what is allowed, or have the administrator allow it.";
    ACCEPTED_STRATEGY_NOT_ALLOWED = Accepted False StrategyNotAllowed, Warning:
        "The operator's administrator has not allowed the strategy. No limit is written.",
        "Use the strategy Live, or have the operator's administrator allow the other one.";

    READY_WORKING = Ready True Working, Silent:
        "The policy does its work: objectives are measured, and limits are in force, written or on their way.", "";
    READY_NO_PODS = Ready True NoPods, Silent:
        "Objectives are measured, and the targets have no running pod to be limited.", "";
    READY_OBSERVING = Ready True Observing, Silent:
        "The mode is Observe: objectives are measured and limits decided, but none is written.",
        "Set `mode: Enforce` for limits to be written.";
    READY_STARTING = Ready Unknown Starting, Silent:
        "The policy was taken up a moment ago: objectives are about to be measured, or limits on their way.",
        "Wait some seconds.";
    READY_NO_DATA = Ready False NoData, Silent:
        "An objective that decides cannot be measured. Limits do not rise until `onNoData.after`, and then \
         `onNoData.action` is taken.",
        "The message says why: look at the probe's path and reflector, or at the query.";
    READY_NOT_IN_FORCE = Ready False NotInForce, Silent:
        "A pod is known not to be held to its limit.",
        "The message names the pod and says why: look at the shaper of its node, or at who else limits it.";
    READY_RELEASED = Ready False Released, Silent:
        "Limits were taken away for want of data, and the policy is paused, so that they stay away.",
        "End the pause.";
    READY_GIVEN_BACK = Ready False GivenBack, Silent:
        "Every limit was given back, for flow-manager to be uninstalled. Nothing is measured and nothing limited.",
        "Install flow-manager again, or delete the policy.";
    READY_INVALID_SPEC = Ready False InvalidSpec, Silent:
        "As for Accepted.", "As for Accepted.";
    READY_TARGET_NOT_FOUND = Ready False TargetNotFound, Silent:
        "As for Accepted.", "As for Accepted.";
    READY_NOT_CONSENTED = Ready False NotConsented, Silent:
        "As for Accepted.", "As for Accepted.";
    READY_SOURCE_NOT_FOUND = Ready False SourceNotFound, Silent:
        "As for Accepted.", "As for Accepted.";
    READY_SOURCE_NOT_ALLOWED = Ready False SourceNotAllowed, Silent:
        "As for Accepted.", "As for Accepted.";
    READY_STRATEGY_NOT_ALLOWED = Ready False StrategyNotAllowed, Silent:
        "As for Accepted.", "As for Accepted.";

    OBJECTIVES_MET_ALL_MET = ObjectivesMet True AllMet, Silent:
        "Every objective that decides holds.", "";
    OBJECTIVES_MET_VIOLATED = ObjectivesMet False Violated, Silent:
        "An objective that decides is violated. Limits are being cut, unless they cannot help, or the policy is paused \
         or only observes.",
        "Nothing at first. If it stays so with every limit at its minimum, or while the targets send hardly anything, \
         best-effort traffic is not the cause, or `limit.min` is too high.";
    OBJECTIVES_MET_STARTING = ObjectivesMet Unknown Starting, Silent:
        "Not enough was measured yet.", "Wait some seconds.";
    OBJECTIVES_MET_NO_DATA = ObjectivesMet Unknown NoData, Silent:
        "An objective that decides cannot be measured, and none is known to be violated.", "As for Ready.";
    OBJECTIVES_MET_GIVEN_BACK = ObjectivesMet Unknown GivenBack, Silent:
        "Nothing is measured any more.", "As for Ready.";
    OBJECTIVES_MET_INVALID_SPEC = ObjectivesMet Unknown InvalidSpec, Silent:
        "Nothing is measured, since the spec cannot be used.", "As for Accepted.";

    ENFORCED_IN_FORCE = Enforced True InForce, Normal:
        "Every running pod is held to its limit, as its node reports.", "";
    ENFORCED_NOT_IN_FORCE = Enforced False NotInForce, Warning:
        "A pod is known not to be held to its limit.", "As for Ready.";
    ENFORCED_OBSERVING = Enforced False Observing, Silent:
        "The mode is Observe: no limit is written.", "Set `mode: Enforce` for limits to be written.";
    ENFORCED_RELEASED = Enforced False Released, Warning:
        "Limits were taken away for want of data (`onNoData.action: Release`).", "As for Ready.";
    ENFORCED_GIVEN_BACK = Enforced False GivenBack, Silent:
        "Every pod has again what it had before.", "As for Ready.";
    ENFORCED_INVALID_SPEC = Enforced False InvalidSpec, Silent:
        "Nothing is limited, since the spec cannot be used.", "As for Accepted.";
    ENFORCED_NOT_NEEDED = Enforced False NotNeeded, Silent:
        "The strategy is Rollout, and no limit was needed yet: the first is written when the policy first lowers limits.",
        "Nothing: no pod is restarted before it is needed.";
    ENFORCED_STRATEGY_NOT_ALLOWED = Enforced False StrategyNotAllowed, Silent:
        "No limit is written, since the strategy is not allowed.", "As for Accepted.";
    ENFORCED_ON_THE_WAY = Enforced Unknown NotInForce, Silent:
        "Limits are on their way to pods that had none of this policy before, or a rollout is due or under way.",
        "Wait some seconds; or for a rollout, as long as the workload takes to replace its pods.";
    ENFORCED_NO_PODS = Enforced Unknown NoPods, Silent:
        "The targets have no running pod.", "";
    ENFORCED_NOT_VERIFIED = Enforced Unknown NotVerified, Silent:
        "Limits are written or about to be, and the network plugin that enforces them does not tell whether they are in force.", "";

    STALLED_INVALID_SPEC = Stalled True InvalidSpec, Silent:
        "As for Accepted.", "As for Accepted.";
    STALLED_TARGET_NOT_FOUND = Stalled True TargetNotFound, Silent:
        "As for Accepted.", "As for Accepted.";
    STALLED_NOT_CONSENTED = Stalled True NotConsented, Silent:
        "As for Accepted.", "As for Accepted.";
    STALLED_SOURCE_NOT_FOUND = Stalled True SourceNotFound, Silent:
        "As for Accepted.", "As for Accepted.";
    STALLED_SOURCE_NOT_ALLOWED = Stalled True SourceNotAllowed, Silent:
        "As for Accepted.", "As for Accepted.";
    STALLED_STRATEGY_NOT_ALLOWED = Stalled True StrategyNotAllowed, Silent:
        "As for Accepted.", "As for Accepted.";

    PAUSED_BY_ANNOTATION = Paused True ByAnnotation, Normal:
        "A person has paused the policy: limits stay as they are.",
        "Remove the annotation for the policy to go on.";
    PAUSED_PINNED = Paused True Pinned, Normal:
        "A person has pinned every limit to one value.",
        "Remove the annotation for the policy to go on.";
    PAUSED_INVALID_ANNOTATION = Paused True InvalidAnnotation, Warning:
        "An annotation cannot be understood, which counts as a pause.",
        "Correct the annotation that the message names, or remove it.";

    INEFFECTIVE_NO_EFFECT = Ineffective True NoEffect, Warning:
        "Limits were lowered, and the violated objectives gained nothing by it, so bandwidth is given back. \
         It is tried again later.",
        "Look for what else disturbs the critical flow, or add the workload that does to the targets.";
}

macro_rules! refusals {
    ($($name:ident = $accepted:ident, $ready:ident, $stalled:ident;)*) => {
        impl Refusal {
            $(
                #[doc = concat!("Reported as [`", stringify!($accepted), "`].")]
                pub const $name: Self = Self { accepted: $accepted, ready: $ready, stalled: $stalled };
            )*

            /// Every one, the most fundamental first.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

refusals! {
    INVALID_SPEC = ACCEPTED_INVALID_SPEC, READY_INVALID_SPEC, STALLED_INVALID_SPEC;
    STRATEGY_NOT_ALLOWED =
        ACCEPTED_STRATEGY_NOT_ALLOWED, READY_STRATEGY_NOT_ALLOWED, STALLED_STRATEGY_NOT_ALLOWED;
    SOURCE_NOT_FOUND = ACCEPTED_SOURCE_NOT_FOUND, READY_SOURCE_NOT_FOUND, STALLED_SOURCE_NOT_FOUND;
    SOURCE_NOT_ALLOWED = ACCEPTED_SOURCE_NOT_ALLOWED, READY_SOURCE_NOT_ALLOWED, STALLED_SOURCE_NOT_ALLOWED;
    NOT_CONSENTED = ACCEPTED_NOT_CONSENTED, READY_NOT_CONSENTED, STALLED_NOT_CONSENTED;
    TARGET_NOT_FOUND = ACCEPTED_TARGET_NOT_FOUND, READY_TARGET_NOT_FOUND, STALLED_TARGET_NOT_FOUND;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_row_stands_twice_and_rows_of_one_condition_stand_together() {
        let keys: Vec<_> = TABLE
            .iter()
            .map(|entry| (entry.type_.as_str(), entry.truth.as_str(), entry.reason.as_str()))
            .collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        let mut types: Vec<_> = keys.iter().map(|(type_, ..)| type_).collect();
        types.dedup();
        assert_eq!(types.len(), types.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn reasons_are_as_the_api_conventions_have_them() {
        for entry in TABLE {
            let reason = entry.reason.as_str();
            let is_camel_case = reason.starts_with(|first: char| first.is_ascii_uppercase())
                && reason.chars().all(|letter| letter.is_ascii_alphanumeric());
            assert!(is_camel_case && reason.len() <= 1024, "{reason}");
        }
    }

    #[test]
    fn what_is_wrong_has_a_remedy() {
        for entry in TABLE {
            assert!(!entry.meaning.is_empty());
            let is_normal = entry.truth == Truth::True
                && matches!(
                    entry.type_,
                    ConditionType::Accepted
                        | ConditionType::Ready
                        | ConditionType::ObjectivesMet
                        | ConditionType::Enforced
                );
            let is_known = entry.truth != Truth::Unknown;
            assert!(is_normal || !is_known || !entry.remedy.is_empty(), "{entry:?}");
        }
    }

    #[test]
    fn a_refusal_says_the_same_in_each_condition() {
        for Refusal { accepted, ready, stalled } in Refusal::ALL {
            assert!(accepted.reason == ready.reason && accepted.reason == stalled.reason);
            let stand = [accepted, ready, stalled].map(|entry| (entry.type_, entry.truth));
            let expected = [
                (ConditionType::Accepted, Truth::False),
                (ConditionType::Ready, Truth::False),
                (ConditionType::Stalled, Truth::True),
            ];
            assert_eq!(stand, expected);
        }
        let refused = TABLE.iter().filter(|entry| {
            entry.type_ == ConditionType::Accepted && entry.truth == Truth::False
                || entry.type_ == ConditionType::Stalled
        });
        assert_eq!(refused.count(), 2 * Refusal::ALL.len());
    }
}
