use super::recount::recounts;
use crate::chart::count;
use crate::page::Recent;
use crate::policies::{PolicyView, TargetView};
use crate::terminal::{age, number};
use flow_control::{Adaptive, Law};
use flow_page::{Failed, TargetHistory};
use flow_policy::{Scope, show};
use jiff::Timestamp;

/// What is said where the operator's page does not tell.
const UNTOLD: &str = "what the link seems to carry is not seen without the operator's page";

/// By how much two limits may differ that are the same to a person.
const ALIKE: f64 = 0.01;

/// What the limit of a target comes from, a sentence each: its pods, what the link seems to carry, what of that stays
/// free, and what is known to be good.
pub(super) fn basis(
    view: &PolicyView,
    target: &TargetView,
    recent: Option<Recent>,
    now: Timestamp,
) -> Vec<String> {
    let law = view.policy.as_ref().map(|policy| policy.law);
    let (Some(Law::Adaptive(law)), Some(limit)) = (law, target.limit()) else { return Vec::new() };
    let Some((recent, told)) = recent.and_then(|recent| Some((recent, recent.target(&target.target.id)?)))
    else {
        return target.known_good().into_iter().chain([UNTOLD.to_owned()]).collect();
    };
    let basis =
        Basis { view, target, law, limit: limit.bps_f64(), recent, told, failed: recent.failed(), now };
    let known = [basis.pods(), basis.end(), Some(basis.carried()), basis.left(), Some(basis.good())];
    known.into_iter().flatten().collect()
}

/// What is left of what the link seems to carry of a target, in bit/s.
pub(super) fn left(law: Adaptive, too_much: f64) -> f64 {
    too_much * f64::from(100_u32.saturating_sub(law.headroom_percent)) / 100.0
}

/// Whose limit that of a target is.
pub(super) const fn whose(scope: Scope) -> &'static str {
    match scope {
        Scope::Pod => " a pod",
        Scope::Target => " for all pods together",
    }
}

struct Basis<'a> {
    view: &'a PolicyView,
    target: &'a TargetView,
    law: Adaptive,
    limit: f64,
    recent: Recent<'a>,
    told: &'a TargetHistory,
    failed: Option<Failed>,
    now: Timestamp,
}

impl Basis<'_> {
    /// That other pods run than before.
    fn pods(&self) -> Option<String> {
        let last = *recounts(&self.told.counts).last()?;
        let pods = number(last.pods, "pod runs", "pods run");
        Some(format!("{pods} since {} ago, {} before", self.ago(last.at), last.before))
    }

    /// That the limit can go no further, and why it is so low where nothing was too much.
    fn end(&self) -> Option<String> {
        let range = self.target.target.range;
        if self.limit >= range.max.bps_f64() {
            return Some("it is the maximum (`limit.max`)".to_owned());
        }
        let reason = self.view.status().last_decision.map(|decision| decision.reason);
        let why = if reason.as_deref() == Some("NoDataTooLong") {
            ": an objective could not be measured for too long (`onNoData`)"
        } else {
            ""
        };
        (self.limit <= range.min.bps_f64()).then(|| format!("it is the minimum (`limit.min`){why}"))
    }

    /// What the link seems to carry.
    fn carried(&self) -> String {
        let Some(carried) = self.told.too_much else { return self.not_known() };
        let (shown, whose) = (show::rate(carried), whose(self.target.target.scope));
        let all = self.in_all(carried);
        // Limits that a person has set, and those taken away, make it forget when that was.
        let Some(Failed { at, .. }) = self.failed else {
            return format!("the link seems to carry {shown}{whose}{all} at most, as was seen earlier");
        };
        let ago = self.ago(at);
        format!("the link seems to carry {shown}{whose}{all} at most, as limits were too high {ago} ago")
    }

    /// That it is not known what the link carries, and why.
    fn not_known(&self) -> String {
        if let Some(failed) = self.failed {
            let ago = self.ago(failed.at);
            return format!(
                "what the link carries is not known: limits were too high {ago} ago, and more has proven good since"
            );
        }
        let since = self.recent.since().map_or_else(
            || "yet".to_owned(),
            |since| {
                let ago = self.ago(since);
                format!("since this controller took up the policy, or its spec was changed, {ago} ago")
            },
        );
        format!("what the link carries is not known: limits were not too high {since}")
    }

    /// What so much a pod comes to with those that run.
    fn in_all(&self, each: f64) -> String {
        let pods = self.told.pods;
        if self.target.target.scope == Scope::Target || pods == 0 {
            return String::new();
        }
        format!(" ({}: {})", number(pods, "pod", "pods"), show::rate(each * count(pods)))
    }

    /// What of that may be used, and how the limit stands to it.
    fn left(&self) -> Option<String> {
        let left = left(self.law, self.told.too_much?);
        let percent = self.law.headroom_percent;
        let (shown, stands) = (show::rate(left), self.stands(left));
        Some(format!("{percent} % of that stay free after a cut (`headroomPercent`): {shown}{stands}"))
    }

    fn stands(&self, left: f64) -> &'static str {
        let (range, status) = (self.target.target.range, self.view.status());
        let action = status.last_decision.map(|decision| decision.action).unwrap_or_default();
        let is_good = self.told.known_good.is_some_and(|good| self.limit <= good);
        match action.as_str() {
            _ if self.limit >= range.max.bps_f64() || self.limit <= range.min.bps_f64() => "",
            _ if (self.limit - left).abs() <= left * ALIKE => ", which is the limit",
            "Decrease" if self.limit < left => "; less since the cut, until it is calm",
            "Increase" if self.limit > left && is_good => "; more than that has proven good since",
            "Increase" if self.limit > left => "; raised since, as every objective had headroom",
            _ => "",
        }
    }

    fn good(&self) -> String {
        let so_far = |good: f64| if self.limit > good { ", so far" } else { "" };
        match (self.told.known_good, self.failed) {
            (Some(good), _) => format!(
                "known to be good is {}{}: every objective held under it{}",
                show::rate(good),
                whose(self.target.target.scope),
                so_far(good),
            ),
            (None, Some(failed)) => format!(
                "nothing is known to be good yet, since limits were too high {} ago",
                self.ago(failed.at)
            ),
            (None, None) => "nothing is known to be good yet".to_owned(),
        }
    }

    fn ago(&self, at: i64) -> String {
        Timestamp::from_millisecond(at).map_or_else(|_| "some time".to_owned(), |at| age(at, self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::fixture::{at, changed, page, violated};
    use flow_page::{Count, Page};
    use serde_json::json;

    /// What is said at second 100 of a limit of so much, where that is known of it.
    fn said(limit: &str, action: &str, know: impl FnOnce(&mut TargetHistory)) -> Vec<String> {
        let view = changed(|policy| {
            policy["status"]["targets"][0]["limit"] = json!(limit);
            policy["status"]["lastDecision"]["action"] = json!(action);
        });
        let mut page = page();
        page.policies[0].failed = Some(Failed { at: 66_000, retry: 76_000 });
        know(&mut page.policies[0].targets[0]);
        of(&view, Some(&page))
    }

    fn of(view: &PolicyView, page: Option<&Page>) -> Vec<String> {
        basis(view, &view.targets[0], Recent::of(page, view), at(100))
    }

    fn carries(mbps: f64) -> impl FnOnce(&mut TargetHistory) {
        move |told| told.too_much = Some(mbps * 1e6)
    }

    #[test]
    fn the_chain_leads_from_what_the_link_carries_to_the_limit() {
        let told = said("22900000", "Increase", |told| {
            (told.too_much, told.known_good, told.pods) = (Some(24.4e6), Some(22.9e6), 4);
            told.counts = [(0, 1), (60_000, 4)].map(|(at, pods)| Count { at, pods }).into();
        });
        let expected = [
            "4 pods run since 40s ago, 1 before",
            "the link seems to carry 24.4M a pod (4 pods: 97.6M) at most, as limits were too high 34s ago",
            "6 % of that stay free after a cut (`headroomPercent`): 22.9M, which is the limit",
            "known to be good is 22.9M a pod: every objective held under it",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn how_the_limit_stands_to_what_stays_free_is_told() {
        let stands = |limit, action, good: Option<f64>| {
            let told = said(limit, action, |told| {
                (told.too_much, told.known_good) = (Some(50e6), good);
            });
            told[1]
                .strip_prefix("6 % of that stay free after a cut (`headroomPercent`): 47M")
                .unwrap()
                .to_owned()
        };
        assert_eq!(stands("30M", "Decrease", None), "; less since the cut, until it is calm");
        assert_eq!(stands("49M", "Increase", None), "; raised since, as every objective had headroom");
        assert_eq!(stands("49M", "Increase", Some(49e6)), "; more than that has proven good since");
        assert_eq!(stands("20M", "Pin", None), "", "a person has set it");
    }

    #[test]
    fn the_end_of_its_range_is_told_and_that_it_was_for_want_of_data() {
        let end = |limit, reason: &str| {
            let view = changed(|policy| {
                policy["status"]["targets"][0]["limit"] = json!(limit);
                policy["status"]["lastDecision"]["reason"] = json!(reason);
            });
            of(&view, Some(&page())).remove(0)
        };
        assert_eq!(end("1G", "Idle"), "it is the maximum (`limit.max`)");
        assert_eq!(end("10M", "ObjectiveViolated"), "it is the minimum (`limit.min`)");
        let silent =
            "it is the minimum (`limit.min`): an objective could not be measured for too long (`onNoData`)";
        assert_eq!(end("10M", "NoDataTooLong"), silent);
        let full = said("1G", "Increase", |told| told.too_much = Some(50e6));
        assert_eq!(full[2], "6 % of that stay free after a cut (`headroomPercent`): 47M");
    }

    #[test]
    fn what_was_too_high_before_the_spec_changed_is_not_denied() {
        let mut page = page();
        page.policies[0].since = Some(81_000);
        let expected = "what the link carries is not known: limits were not too high since this controller took up the policy, or its spec was changed, 19s ago";
        assert_eq!(of(&violated(), Some(&page))[0], expected);
    }

    #[test]
    fn what_is_not_known_is_said_to_be_so() {
        let unknown = said("64M", "Increase", |_| ());
        let more = "what the link carries is not known: limits were too high 34s ago, and more has proven good since";
        assert_eq!(unknown[0], more);
        assert_eq!(unknown[1], "nothing is known to be good yet, since limits were too high 34s ago");
        assert_eq!(
            said("64M", "Increase", |told| told.known_good = Some(60e6))[1],
            "known to be good is 60M a pod: every objective held under it, so far"
        );
        let mut forgotten = page();
        forgotten.policies[0].targets[0].too_much = Some(50e6);
        let earlier = "the link seems to carry 50M a pod (1 pod: 50M) at most, as was seen earlier";
        assert_eq!(of(&violated(), Some(&forgotten))[0], earlier);
        assert_eq!(of(&violated(), None), ["known to be good 80M".to_owned(), UNTOLD.to_owned()]);
        let never = |view: &PolicyView| of(view, Some(&page()));
        assert_eq!(never(&violated())[0], "what the link carries is not known: limits were not too high yet");
        assert_eq!(never(&violated())[1], "nothing is known to be good yet");
        let limitless = changed(|policy| policy["status"]["targets"][0]["limit"] = json!(null));
        assert_eq!(never(&limitless), Vec::<String>::new());
        assert_eq!(said("50M", "Increase", carries(50.0)).len(), 3);
    }
}
