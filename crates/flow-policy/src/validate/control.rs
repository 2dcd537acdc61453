use super::{Invalid, at, bandwidth, duration_or, int};
use crate::DurationText;
use crate::spec::{
    AdaptiveModeSpec, AdaptiveSpec, AimdSpec, ControlSpec, EffectActionSpec, LawSpec, NoDataActionSpec,
    NoDataSpec,
};
use flow_control::{Adaptive, Aimd, EffectCheck, Law, NoData, NoDataAction};
use std::ops::RangeInclusive;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The chosen law; the parameters of the other one are not looked at.
pub(super) fn law(spec: &ControlSpec) -> Result<Law, Invalid> {
    match spec.law {
        LawSpec::Adaptive => Ok(Law::Adaptive(adaptive(&spec.adaptive)?)),
        LawSpec::AIMD => Ok(Law::Aimd(aimd(&spec.aimd)?)),
    }
}

pub(super) fn effect_check(spec: &ControlSpec) -> Result<Option<EffectCheck>, Invalid> {
    let (after, retry_after) = match spec.law {
        LawSpec::Adaptive => (Duration::from_millis(1_500), SECOND * 30),
        LawSpec::AIMD => (SECOND * 30, Duration::from_mins(10)),
    };
    let spec = &spec.effect_check;
    let within = |text: &Option<DurationText>, default, range, name| {
        duration_or(text.as_ref(), default, &range, &format!("spec.control.effectCheck.{name}"))
    };
    let after = within(&spec.after, after, SECOND / 2..=HOUR, "after")?;
    let retry_after = within(&spec.retry_after, retry_after, SECOND * 10..=DAY, "retryAfter")?;
    Ok((spec.action == EffectActionSpec::Return).then_some(EffectCheck { after, retry_after }))
}

fn adaptive(spec: &AdaptiveSpec) -> Result<Adaptive, Invalid> {
    let of_mode = match spec.mode {
        AdaptiveModeSpec::Balanced => Adaptive::BALANCED,
        AdaptiveModeSpec::Strict => Adaptive::STRICT,
    };
    let (retry_after, retry_max) = retries(spec, of_mode)?;
    let short = Duration::from_millis(100)..=Duration::from_mins(1);
    Ok(Adaptive {
        headroom_percent: percent(spec.headroom_percent, of_mode.headroom_percent, 50, "headroomPercent")?,
        growth_percent: percent(spec.growth_percent, of_mode.growth_percent, 100, "growthPercent")?,
        retry_after,
        retry_max,
        cut_interval: span(spec.cut_interval.as_ref(), of_mode.cut_interval, &short, "cutInterval")?,
        drain: span(spec.drain.as_ref(), of_mode.drain, &short, "drain")?,
        idle_after: span(spec.idle_after.as_ref(), of_mode.idle_after, &(SECOND..=DAY), "idleAfter")?,
    })
}

/// How long until a higher limit is tried, at first and at most. What is set goes before what is the default.
fn retries(spec: &AdaptiveSpec, of_mode: Adaptive) -> Result<(Duration, Duration), Invalid> {
    let (first, most) = (spec.retry_after.as_ref(), spec.retry_max.as_ref());
    let retry_after = span(first, of_mode.retry_after, &(SECOND..=HOUR), "retryAfter")?;
    let retry_max = span(most, of_mode.retry_max, &(SECOND..=DAY), "retryMax")?;
    match (first, most) {
        (Some(_), Some(_)) if retry_after > retry_max => Err(at(&field("retryMax"))(format!(
            "found {retry_max:?}, which is less than retryAfter, {retry_after:?}"
        ))),
        (None, _) => Ok((retry_after.min(retry_max), retry_max)),
        (Some(_), _) => Ok((retry_after, retry_max.max(retry_after))),
    }
}

fn field(name: &str) -> String {
    format!("spec.control.adaptive.{name}")
}

fn span(
    text: Option<&DurationText>,
    default: Duration,
    range: &RangeInclusive<Duration>,
    name: &str,
) -> Result<Duration, Invalid> {
    duration_or(text, default, range, &field(name))
}

fn percent(number: Option<i32>, default: u32, most: u32, name: &str) -> Result<u32, Invalid> {
    let percent = number.map_or(Ok(default), |number| int(number, &field(name)))?;
    if (1..=most).contains(&percent) {
        return Ok(percent);
    }
    Err(at(&field(name))(format!("found {percent}; allowed is 1 to {most}")))
}

fn aimd(spec: &AimdSpec) -> Result<Aimd, Invalid> {
    Ok(Aimd {
        decrease_percent: int(spec.decrease_percent.clamp(1, 90), "spec.control.aimd.decreasePercent")?,
        severity_max: int(spec.severity_max.clamp(1, 10), "spec.control.aimd.severityMax")?,
        increase: bandwidth(&spec.increase, "spec.control.aimd.increase")?,
        headroom_percent: int(spec.headroom_percent.clamp(1, 100), "spec.control.aimd.headroomPercent")?,
    })
}

pub(super) fn no_data(spec: &NoDataSpec) -> Result<NoData, Invalid> {
    let action = match spec.action {
        NoDataActionSpec::Hold => NoDataAction::Hold,
        NoDataActionSpec::Minimum => NoDataAction::Minimum,
        NoDataActionSpec::Release => NoDataAction::Release,
    };
    Ok(NoData { after: spec.after.parse().map_err(at("spec.onNoData.after"))?, action })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FlowPolicy;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
    use kube::CustomResourceExt;
    use serde_json::{Value, json};

    fn control(spec: Value) -> ControlSpec {
        serde_json::from_value(spec).unwrap()
    }

    fn adaptive_of(spec: &Value) -> Result<Adaptive, Invalid> {
        match law(&control(json!({"adaptive": spec})))? {
            Law::Adaptive(adaptive) => Ok(adaptive),
            Law::Aimd(_) => panic!("Adaptive is the default"),
        }
    }

    #[test]
    fn the_defaults_of_the_law_adaptive_are_those_of_its_mode() {
        assert_eq!(adaptive_of(&json!({})), Ok(Adaptive::BALANCED));
        assert_eq!(adaptive_of(&json!({"mode": "Balanced"})), Ok(Adaptive::BALANCED));
        assert_eq!(adaptive_of(&json!({"mode": "Strict"})), Ok(Adaptive::STRICT));
        assert_eq!(law(&ControlSpec::default()), Ok(Law::Adaptive(Adaptive::BALANCED)));
    }

    #[test]
    fn each_parameter_reaches_the_law_adaptive_and_leaves_the_others() {
        let seconds = Duration::from_secs;
        let cases = [
            (json!({"headroomPercent": 50}), Adaptive { headroom_percent: 50, ..Adaptive::STRICT }),
            (json!({"growthPercent": 100}), Adaptive { growth_percent: 100, ..Adaptive::STRICT }),
            (json!({"retryAfter": "20s"}), Adaptive { retry_after: seconds(20), ..Adaptive::STRICT }),
            (json!({"retryMax": "24h"}), Adaptive { retry_max: DAY, ..Adaptive::STRICT }),
            (json!({"cutInterval": "2s"}), Adaptive { cut_interval: seconds(2), ..Adaptive::STRICT }),
            (json!({"drain": "100ms"}), Adaptive { drain: Duration::from_millis(100), ..Adaptive::STRICT }),
            (json!({"idleAfter": "5s"}), Adaptive { idle_after: seconds(5), ..Adaptive::STRICT }),
        ];
        for (mut spec, expected) in cases {
            spec["mode"] = json!("Strict");
            assert_eq!(adaptive_of(&spec), Ok(expected), "{spec}");
        }
    }

    #[test]
    fn what_the_law_adaptive_cannot_use_is_named_with_what_is_allowed() {
        for (name, values, allowed) in [
            ("headroomPercent", [json!(0), json!(51)], "1 to 50"),
            ("growthPercent", [json!(0), json!(101)], "1 to 100"),
            ("retryAfter", [json!("999ms"), json!("61m")], "1s to 3600s"),
            ("retryMax", [json!("999ms"), json!("25h")], "1s to 86400s"),
            ("cutInterval", [json!("99ms"), json!("61s")], "100ms to 60s"),
            ("drain", [json!("99ms"), json!("61s")], "100ms to 60s"),
            ("idleAfter", [json!("999ms"), json!("25h")], "1s to 86400s"),
        ] {
            for value in values {
                let error = adaptive_of(&json!({(name): value})).unwrap_err();
                assert_eq!(error.field, format!("spec.control.adaptive.{name}"), "{value}");
                assert!(error.problem.contains(allowed), "{error}");
            }
        }
        let negative = adaptive_of(&json!({"headroomPercent": -1})).unwrap_err();
        assert_eq!(negative.field, "spec.control.adaptive.headroomPercent");
    }

    #[test]
    fn retries_cannot_become_rarer_than_they_begin_and_a_default_gives_way() {
        let error = adaptive_of(&json!({"retryAfter": "10s", "retryMax": "9s"})).unwrap_err();
        assert_eq!(error.field, "spec.control.adaptive.retryMax");
        assert!(error.problem.contains("less than retryAfter, 10s"), "{error}");
        let rare = adaptive_of(&json!({"retryAfter": "1h"})).unwrap();
        assert_eq!((rare.retry_after, rare.retry_max), (HOUR, HOUR));
        let often = adaptive_of(&json!({"retryMax": "1s"})).unwrap();
        assert_eq!((often.retry_after, often.retry_max), (SECOND, SECOND));
        assert!(adaptive_of(&json!({"retryAfter": "10s", "retryMax": "10s"})).is_ok());
    }

    #[test]
    fn the_parameters_of_the_law_that_is_not_chosen_are_not_used() {
        let aimd = json!({"law": "AIMD", "aimd": {"decreasePercent": 30}, "adaptive": {"drain": "2h"}});
        let Ok(Law::Aimd(aimd)) = law(&control(aimd)) else { panic!("not AIMD") };
        assert_eq!(aimd, Aimd { decrease_percent: 30, ..Aimd::default() });
        let adaptive = control(json!({"aimd": {"increase": "fast"}}));
        assert_eq!(law(&adaptive), Ok(Law::Adaptive(Adaptive::BALANCED)));
        assert_eq!(
            law(&ControlSpec { law: LawSpec::AIMD, ..adaptive }).unwrap_err().field,
            "spec.control.aimd.increase"
        );
    }

    #[test]
    fn how_long_lower_limits_may_be_in_vain_depends_on_the_law_unless_it_is_set() {
        let check = |spec: Value| {
            effect_check(&control(spec)).map(|check| check.map(|it| (it.after, it.retry_after)))
        };
        let adaptive = (Duration::from_millis(1_500), SECOND * 30);
        assert_eq!(check(json!({})), Ok(Some(adaptive)));
        assert_eq!(check(json!({"law": "AIMD"})), Ok(Some((SECOND * 30, SECOND * 600))));
        let set = json!({"after": "500ms", "retryAfter": "10s"});
        for law in ["Adaptive", "AIMD"] {
            let found = check(json!({"law": law, "effectCheck": set}));
            assert_eq!(found, Ok(Some((SECOND / 2, SECOND * 10))), "{law}");
        }
        assert_eq!(check(json!({"effectCheck": {"action": "Ignore"}})), Ok(None));
        for (name, value) in
            [("after", "499ms"), ("after", "61m"), ("retryAfter", "9s"), ("retryAfter", "25h")]
        {
            let error = check(json!({"effectCheck": {(name): value}})).unwrap_err();
            assert_eq!(error.field, format!("spec.control.effectCheck.{name}"), "{value}");
        }
    }

    /// The schema of `spec.control.adaptive`.
    fn documented() -> JSONSchemaProps {
        let version = FlowPolicy::crd().spec.versions.into_iter().next().unwrap();
        let whole = version.schema.unwrap().open_api_v3_schema.unwrap();
        ["spec", "control", "adaptive"]
            .into_iter()
            .fold(whole, |schema, name| schema.properties.unwrap().remove(name).unwrap())
    }

    type Of = fn(Adaptive) -> Duration;

    #[test]
    fn the_documented_defaults_are_those_of_the_law() {
        let fields = documented().properties.unwrap();
        let told = |name: &str, balanced: String, strict: String| {
            let about = fields[name].description.clone().unwrap().replace('\n', " ");
            let same = balanced == strict;
            let default = if same {
                format!("Default: {balanced}.")
            } else {
                format!("Default: {balanced}, with Strict {strict}.")
            };
            assert!(about.ends_with(&default), "{name} should end with {default:?}: {about}");
        };
        let [balanced, strict] = [Adaptive::BALANCED, Adaptive::STRICT];
        told("headroomPercent", balanced.headroom_percent.to_string(), strict.headroom_percent.to_string());
        told("growthPercent", balanced.growth_percent.to_string(), strict.growth_percent.to_string());
        let spans: [(&str, Of); 5] = [
            ("retryAfter", |law| law.retry_after),
            ("retryMax", |law| law.retry_max),
            ("cutInterval", |law| law.cut_interval),
            ("drain", |law| law.drain),
            ("idleAfter", |law| law.idle_after),
        ];
        for (name, of) in spans {
            told(name, format!("{:?}", of(balanced)), format!("{:?}", of(strict)));
        }
    }
}
