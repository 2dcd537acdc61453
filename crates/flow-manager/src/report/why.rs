use super::Standing;
use super::conditions::findings;
use flow_policy::condition::{ConditionType, Finding, Truth};
use jiff::Timestamp;

/// Why a policy stands at `now` as it does, as a sentence: what keeps it from its work, else what a person asks for,
/// else that limits do not help, else how its objectives stand.
#[must_use]
pub fn why(standing: &Standing, now: Timestamp) -> String {
    let findings = findings(&[], standing, now);
    let told = |type_: ConditionType, truth: Truth| {
        let is_it = |finding: &&Finding| (finding.entry().type_(), finding.entry().truth()) == (type_, truth);
        findings.iter().find(is_it)
    };
    let first = told(ConditionType::Ready, Truth::False)
        .or_else(|| told(ConditionType::Paused, Truth::True))
        .or_else(|| told(ConditionType::Ineffective, Truth::True))
        .or_else(|| findings.iter().find(|finding| finding.entry().type_() == ConditionType::ObjectivesMet));
    first.map_or_else(String::new, |finding| finding.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, cut, running, view, well};
    use super::*;
    use flow_control::Unknown;
    use flow_policy::Overrides;
    use flow_policy::names::PAUSED;
    use std::sync::Arc;

    #[test]
    fn the_most_fundamental_reason_is_told() {
        let lost = running(|snapshot| {
            *snapshot = cut(412e-6, 80, 99);
            snapshot.targets[1].problem = Some("pod erp-0: no shaper".into());
        });
        let unknown = running(|snapshot| {
            snapshot.objectives[0] = view(0, Err(Unknown::NoSeries));
            snapshot.objectives[1] = view(1, Ok(1.0));
        });
        let on_the_way = running(|snapshot| snapshot.targets[0].enforced = 0);
        let paused = running(|snapshot| {
            *snapshot = cut(412e-6, 80, 99);
            let annotations = [(PAUSED.to_owned(), "true".to_owned())].into();
            snapshot.overrides = Arc::new(Overrides::of(&annotations));
        });
        for (standing, expected) in [
            (Standing::Running(well()), "every objective that decides holds"),
            (on_the_way, "every objective that decides holds"),
            (Standing::Running(cut(412e-6, 80, 99)), "violated: command-jitter (<= 300us)"),
            (lost, "StatefulSet/erp: pod erp-0: no shaper"),
            (unknown, "command-jitter cannot be measured: the query returned no series"),
            (paused, "paused by annotation: limits stay as they are"),
        ] {
            assert_eq!(why(&standing, at(100)), expected);
        }
    }
}
