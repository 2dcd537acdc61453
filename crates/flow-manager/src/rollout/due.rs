use super::workload::Workload;
use super::write::{change, restore, take_over};
use crate::enforce::Write;
use flow_control::Bandwidth;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The least increase that is worth replacing pods for, in hundredths of the present limit.
const WORTH_PERCENT: u32 = 10;

/// What a policy asks of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The limit of each of its pods.
    pub limit: Bandwidth,
    /// The least time between two changes.
    pub min_interval: Duration,
    /// Whether the policy has decided that limits are needed. Until then it restarts nobody's pods.
    pub begun: bool,
}

/// What there is to do for a workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Todo {
    /// Nothing.
    Nothing,
    /// Nothing before this time.
    Wait(Timestamp),
    /// A write.
    Write(Write),
    /// Nothing, for this reason.
    Leave(String),
}

/// What there is to do for `workload`, whose template was last changed at `changed`, so that policies get what they ask.
///
/// Without any ask the template gets back what was there before, and at once. Else it changes at most once in the
/// longest of the intervals.
pub(super) fn todo(workload: &Workload, asks: &[Ask], changed: Option<Timestamp>, now: Timestamp) -> Todo {
    if asks.is_empty() {
        return restore(workload).map_or(Todo::Nothing, Todo::Write);
    }
    if let Some(why) = obstacle(workload) {
        return Todo::Leave(why);
    }
    let Some(limit) = wanted(asks, workload.present()) else { return Todo::Nothing };
    match free_at(asks, changed).filter(|at| now < *at) {
        Some(at) => Todo::Wait(at),
        None => Todo::Write(match workload.original() {
            Some(original) => change(workload, limit, original, now),
            None => take_over(workload, limit, now),
        }),
    }
}

/// The limit that the template of `workload` has from us, where a higher one is asked for.
pub(super) fn raised_from(workload: &Workload, asks: &[Ask]) -> Option<Bandwidth> {
    let present = workload.present()?;
    lowest(asks, Some(present)).filter(|limit| *limit > present).map(|_| present)
}

/// When the template may be changed again, if it was changed at all.
pub(super) fn free_at(asks: &[Ask], changed: Option<Timestamp>) -> Option<Timestamp> {
    let longest = asks.iter().map(|ask| ask.min_interval).max().unwrap_or_default();
    let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
    changed.map(|changed| changed.saturating_add(longest).unwrap_or(Timestamp::MAX))
}

/// The limit that the template should have instead of `present`, if that is worth a rollout: any lower one, and one that
/// is higher by a tenth.
fn wanted(asks: &[Ask], present: Option<Bandwidth>) -> Option<Bandwidth> {
    let worth = |limit: &Bandwidth| {
        present.is_none_or(|present| {
            *limit < present || *limit >= present.plus(present.percent(WORTH_PERCENT)) && *limit > present
        })
    };
    lowest(asks, present).filter(worth)
}

/// The lowest limit that is asked for: it holds. A policy that has not decided anything yet never lowers `present`.
fn lowest(asks: &[Ask], present: Option<Bandwidth>) -> Option<Bandwidth> {
    let counting = asks.iter().filter_map(|ask| match (ask.begun, present) {
        (true, _) => Some(ask.limit),
        (false, present) => present.map(|present| ask.limit.max(present)),
    });
    counting.min()
}

fn obstacle(workload: &Workload) -> Option<String> {
    if workload.original().is_some() && !workload.has_ours() {
        return Some(match &workload.template.limit {
            Some(value) => format!("somebody else has set the limit of its pod template to {value:?}"),
            None => "somebody else has removed the limit of its pod template".to_owned(),
        });
    }
    let escapes = "its pods use the network of their nodes, which no limit reaches";
    workload.template.on_host_network.then(|| escapes.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::workload::{Kind, Template, WorkloadId};
    use super::super::write::after;
    use super::*;
    use flow_policy::names::{APPLIED_EGRESS_BANDWIDTH, ORIGINAL_EGRESS_BANDWIDTH, ROLLED_OUT_AT};
    use proptest::prelude::*;
    use serde_json::json;

    const INTERVAL: Duration = Duration::from_mins(10);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn untouched(limit: Option<&str>) -> Workload {
        Workload {
            id: WorkloadId {
                kind: Kind::Deployment,
                namespace: "factory".to_owned(),
                name: "upload".to_owned(),
            },
            metadata: serde_json::from_value(json!({
                "name": "upload", "namespace": "factory", "uid": "u1", "resourceVersion": "7",
            }))
            .unwrap(),
            template: Template { limit: limit.map(str::to_owned), on_host_network: false },
        }
    }

    fn ours(present: &str) -> Workload {
        let mut workload = untouched(Some(present));
        let records = [
            (ORIGINAL_EGRESS_BANDWIDTH, ""),
            (APPLIED_EGRESS_BANDWIDTH, "50M"),
            (ROLLED_OUT_AT, "1970-01-01T00:00:00Z"),
        ];
        let records = records.map(|(name, value)| (name.to_owned(), value.to_owned()));
        workload.metadata.annotations = Some(records.into());
        workload
    }

    fn ask(mbps: u64) -> Ask {
        Ask { limit: Bandwidth::from_mbps(mbps), min_interval: INTERVAL, begun: true }
    }

    fn waiting(mbps: u64) -> Ask {
        Ask { begun: false, ..ask(mbps) }
    }

    /// The limit that is written to `workload` long after it was changed last.
    fn written(workload: &Workload, asks: &[Ask]) -> Option<String> {
        let now = at(86_400);
        let Todo::Write(write) = todo(workload, asks, workload.rolled_out_at(now), now) else { return None };
        after(workload, &write).template.limit
    }

    #[test]
    fn a_policy_that_has_decided_nothing_restarts_no_pods() {
        assert_eq!(written(&untouched(None), &[waiting(20)]), None);
        assert_eq!(written(&ours("50M"), &[waiting(20)]), None, "nor does it lower what another has begun");
        assert_eq!(
            written(&ours("50M"), &[waiting(80)]).as_deref(),
            Some("80M"),
            "but it goes on after a restart"
        );
    }

    #[test]
    fn the_lowest_limit_of_several_policies_holds() {
        assert_eq!(written(&untouched(None), &[ask(40), ask(30), waiting(20)]).as_deref(), Some("30M"));
        assert_eq!(written(&ours("50M"), &[ask(90), ask(70)]).as_deref(), Some("70M"));
    }

    #[test]
    fn any_decrease_and_an_increase_by_a_tenth_are_worth_a_rollout() {
        for (mbps, worth) in [(49, true), (50, false), (54, false), (55, true), (100, true)] {
            assert_eq!(written(&ours("50M"), &[ask(mbps)]).is_some(), worth, "{mbps}M instead of 50M");
        }
    }

    #[test]
    fn a_limit_is_raised_by_any_higher_one_even_before_that_is_worth_a_rollout() {
        let present = Some(Bandwidth::from_mbps(50));
        for (asks, raised_from) in [
            (vec![ask(51)], present),
            (vec![waiting(51)], present),
            (vec![ask(50)], None),
            (vec![ask(80), waiting(20)], None),
            (vec![ask(80), ask(40)], None),
            (vec![], None),
        ] {
            assert_eq!(super::raised_from(&ours("50M"), &asks), raised_from, "{asks:?}");
        }
        assert_eq!(super::raised_from(&untouched(Some("50M")), &[ask(80)]), None, "it is not ours");
    }

    #[test]
    fn a_record_of_the_highest_number_there_is_asks_for_no_rollout_to_the_same() {
        let mut workload = ours("18446744073709551615");
        let records = workload.metadata.annotations.as_mut().unwrap();
        records.insert(APPLIED_EGRESS_BANDWIDTH.to_owned(), "18446744073709551615".to_owned());
        assert_eq!(written(&workload, &[waiting(20)]), None);
        assert_eq!(written(&workload, &[ask(20)]).as_deref(), Some("20M"));
    }

    #[test]
    fn the_longest_interval_of_all_policies_is_waited_for() {
        let long = Ask { min_interval: INTERVAL * 2, begun: false, ..ask(90) };
        let asks = [ask(20), long];
        for (second, todo_then) in [(0, true), (1199, true), (1200, false)] {
            let todo = todo(&ours("50M"), &asks, Some(at(0)), at(second));
            assert_eq!(todo == Todo::Wait(at(1200)), todo_then, "{second}: {todo:?}");
        }
    }

    #[test]
    fn a_restoration_waits_for_nothing() {
        let Todo::Write(Write::Restore(_)) = todo(&ours("50M"), &[], Some(at(0)), at(1)) else {
            panic!("not restored")
        };
        assert_eq!(todo(&untouched(Some("1G")), &[], None, at(1)), Todo::Nothing);
    }

    #[test]
    fn what_somebody_else_has_set_is_told_and_not_fought() {
        let mut removed = ours("50M");
        removed.template.limit = None;
        for (workload, deed) in
            [(ours("5M"), "set the limit of its pod template to \"5M\""), (removed, "removed the limit")]
        {
            let Todo::Leave(why) = todo(&workload, &[ask(20)], None, at(86_400)) else { panic!("fought") };
            assert!(why.contains(deed), "{why}");
        }
    }

    #[test]
    fn pods_on_the_network_of_their_node_are_not_restarted_for_nothing() {
        let mut workload = untouched(None);
        workload.template.on_host_network = true;
        assert!(matches!(todo(&workload, &[ask(20)], None, at(0)), Todo::Leave(_)));
    }

    /// What happens at a moment: whether anything is asked, by policies that have begun or not.
    fn moments() -> impl Strategy<Value = Vec<(i64, Vec<Ask>)>> {
        let ask = (1u64..200, 1u64..20, any::<bool>()).prop_map(|(mbps, minutes, begun)| Ask {
            limit: Bandwidth::from_mbps(mbps),
            min_interval: Duration::from_mins(minutes),
            begun,
        });
        prop::collection::vec((0i64..900, prop::collection::vec(ask, 0..4)), 1..60)
    }

    proptest! {
        #[test]
        fn templates_change_at_most_once_in_an_interval_never_before_a_decision_and_are_given_back_exactly(
            original in prop::option::of("[1-9][0-9]{0,3}[kMG]"), moments in moments(),
        ) {
            let before = untouched(original.as_deref());
            let (mut workload, mut changed, mut second) = (before.clone(), None, 0);
            for (later, asks) in moments {
                second += later;
                let now = at(second);
                let Todo::Write(write) = todo(&workload, &asks, workload.rolled_out_at(now).max(changed), now)
                else { continue };
                let next = after(&workload, &write);
                if asks.is_empty() {
                    prop_assert_eq!(&next, &before);
                } else {
                    let longest = asks.iter().map(|ask| ask.min_interval).max().unwrap();
                    let passed = changed.map(|changed: Timestamp| now.duration_since(changed));
                    prop_assert!(passed.is_none_or(|passed| passed >= SignedDuration::try_from(longest).unwrap()));
                    let begun = asks.iter().any(|ask| ask.begun);
                    prop_assert!(begun || workload.original().is_some(), "a start restarts nobody's pods");
                    prop_assert!(next.has_ours() && next.original() == Some(original.as_deref().unwrap_or("")));
                }
                (workload, changed) = (next, Some(now));
                prop_assert!(!matches!(todo(&workload, &asks, changed, now), Todo::Write(_)), "one write settles it");
            }
            if let Todo::Write(write) = todo(&workload, &[], changed, at(second)) {
                workload = after(&workload, &write);
            }
            prop_assert_eq!(workload, before);
        }
    }
}
