use super::config::{App, BestEffort, Config, Control, Unknown};
use flow_policy::spec::{
    ControlSpec, EffectActionSpec, EffectCheckSpec, FlowPolicySpec, JitterMethodSpec, JitterSpec,
    LatencySpec, LawSpec, LimitSpec, Mode, NoDataSpec, ObjectiveSpec, ProbeSpec, ProtocolSpec, RoleSpec,
    ScopeSpec, StrategySpec, TargetKind, TargetSpec,
};
use flow_policy::{BandwidthText, DurationText, FlowPolicy, Invalid, Policy};
use std::collections::BTreeMap;
use std::time::Duration;

/// Policies that do what the predecessor did, and what they cannot say.
#[derive(Clone, Debug)]
pub struct Imported {
    /// One for each namespace with targets.
    pub policies: Vec<FlowPolicy>,
    /// Fields that have no counterpart: each with what becomes of it.
    pub left_out: Vec<String>,
}

/// Why a configuration cannot be mapped.
#[derive(Debug, thiserror::Error)]
pub enum Unmappable {
    /// There is nobody to be limited, so there is nothing to do.
    #[error("best_effort_targets: found none; a policy needs at least one")]
    NoTargets,
    /// A field has a value that nothing can be made of.
    #[error("{field}: found {found}; allowed is {allowed}")]
    Field {
        /// Which.
        field: String,
        /// Its value.
        found: String,
        /// What may be there.
        allowed: &'static str,
    },
    /// The policy that comes out is not one that can be used.
    #[error("the policy for the namespace {namespace} would not be valid: {problem}")]
    Invalid {
        /// The namespace.
        namespace: String,
        /// Why not.
        problem: Invalid,
    },
}

/// Maps `config`; the policies are called `name`.
pub fn import(config: &Config, name: &str) -> Result<Imported, Unmappable> {
    if config.best_effort_targets.is_empty() {
        return Err(Unmappable::NoTargets);
    }
    let objectives = objectives(config)?;
    let mut by_namespace: BTreeMap<&str, Vec<TargetSpec>> = BTreeMap::new();
    for target in &config.best_effort_targets {
        by_namespace.entry(&target.namespace).or_default().push(self::target(target, &config.control));
    }
    let interval = duration(config.control.interval, "control.control_interval")?;
    let policy = |(namespace, targets)| checked(policy(name, namespace, &interval, &objectives, targets));
    let policies = by_namespace.into_iter().map(policy).collect::<Result<_, _>>()?;
    Ok(Imported { policies, left_out: left_out(config) })
}

fn policy(
    name: &str,
    namespace: &str,
    interval: &DurationText,
    objectives: &[ObjectiveSpec],
    targets: Vec<TargetSpec>,
) -> FlowPolicy {
    let spec = FlowPolicySpec {
        mode: Mode::Enforce,
        interval: Some(interval.clone()),
        objectives: objectives.to_vec(),
        targets,
        strategy: StrategySpec::default(),
        // The predecessor's law, with its numbers; it did not look whether a cut helped.
        control: ControlSpec { law: LawSpec::AIMD, effect_check: ignored(), ..ControlSpec::default() },
        on_no_data: NoDataSpec::default(),
    };
    let mut policy = FlowPolicy::new(name, spec);
    policy.metadata.namespace = Some(namespace.to_owned());
    policy
}

fn ignored() -> EffectCheckSpec {
    EffectCheckSpec { action: EffectActionSpec::Ignore, ..EffectCheckSpec::default() }
}

fn checked(policy: FlowPolicy) -> Result<FlowPolicy, Unmappable> {
    let namespace = policy.metadata.namespace.clone().unwrap_or_default();
    Policy::try_from(&policy.spec).map_err(|problem| Unmappable::Invalid { namespace, problem })?;
    Ok(policy)
}

fn objectives(config: &Config) -> Result<Vec<ObjectiveSpec>, Unmappable> {
    let mut objectives = Vec::new();
    for (position, app) in config.critical_apps.iter().enumerate() {
        let field = |name: &str| format!("critical_apps[{position}].{name}");
        let base = objective(app, &config.control, &field)?;
        let jitter = JitterSpec {
            max: duration(app.max_jitter_ms / 1e3, &field("max_jitter_ms"))?,
            method: JitterMethodSpec::IQR,
            samples: config.control.window_size,
        };
        objectives.push(ObjectiveSpec { jitter: Some(jitter), ..base.clone() });
        if let Some(max) = app.max_latency_ms {
            let max = duration(max / 1e3, &field("max_latency_ms"))?;
            objectives.push(latency(base, max, config.control.window_size));
        }
    }
    Ok(objectives)
}

/// What the objectives of an app share. TCP was measured and shown, and never decided.
fn objective(
    app: &App,
    control: &Control,
    field: &dyn Fn(&str) -> String,
) -> Result<ObjectiveSpec, Unmappable> {
    let (protocol, role) = match app.protocol.to_ascii_uppercase().as_str() {
        "UDP" => (ProtocolSpec::UDP, RoleSpec::Control),
        "TCP" => (ProtocolSpec::TCP, RoleSpec::Watch),
        other => return Err(unmappable(field("protocol"), other, "UDP or TCP")),
    };
    let probe = ProbeSpec {
        protocol,
        host: app.service.clone(),
        port: Some(app.port),
        interval: Some(duration(control.probe_interval, "control.probe_interval")?),
    };
    Ok(ObjectiveSpec {
        name: label(&app.name).ok_or_else(|| unmappable(field("name"), &app.name, NAME))?,
        priority: app.priority,
        role,
        probe: Some(probe),
        prometheus: None,
        jitter: None,
        latency: None,
        loss: None,
        throughput: None,
        value: None,
    })
}

/// The bound on latency was declared and never looked at; to watch it changes no decision.
fn latency(base: ObjectiveSpec, max: DurationText, samples: i32) -> ObjectiveSpec {
    let latency = LatencySpec { max, permille: 950, samples };
    ObjectiveSpec {
        name: format!("{}-latency", base.name),
        role: RoleSpec::Watch,
        latency: Some(latency),
        ..base
    }
}

const NAME: &str = "lower-case letters, digits and '-', at most 55 of them";

/// A name, as the name of an objective.
fn label(name: &str) -> Option<String> {
    let label = name.to_ascii_lowercase().replace(['_', '.', ' '], "-");
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits =
        label.len() <= 55 && label.bytes().all(is_inner) && !label.starts_with('-') && !label.ends_with('-');
    (fits && !label.is_empty()).then_some(label)
}

fn target(target: &BestEffort, control: &Control) -> TargetSpec {
    let (min, max) = (control.min_bandwidth, control.max_bandwidth);
    let initial = target.initial_bandwidth.map(|mbps| rate(mbps.clamp(min, max.max(min))));
    TargetSpec {
        kind: TargetKind::Deployment,
        namespace: String::new(),
        name: target.deployment.clone(),
        selector: None,
        limit: LimitSpec { min: rate(min), max: rate(max), initial, scope: ScopeSpec::Pod },
        traffic: None,
    }
}

fn rate(mbps: u32) -> BandwidthText {
    BandwidthText::from(format!("{mbps}M").as_str())
}

fn duration(seconds: f64, field: &str) -> Result<DurationText, Unmappable> {
    let micros =
        Duration::try_from_secs_f64(seconds).map(|duration| duration.as_micros()).unwrap_or_default();
    match micros {
        0 => Err(unmappable(field.to_owned(), &seconds.to_string(), "more than 0")),
        micros if micros.is_multiple_of(1_000_000) => Ok(text(micros / 1_000_000, "s")),
        micros if micros.is_multiple_of(1_000) => Ok(text(micros / 1_000, "ms")),
        micros => Ok(text(micros, "us")),
    }
}

fn text(number: u128, unit: &str) -> DurationText {
    DurationText::from(format!("{number}{unit}").as_str())
}

fn unmappable(field: String, found: &str, allowed: &'static str) -> Unmappable {
    Unmappable::Field { field, found: found.to_owned(), allowed }
}

/// What becomes of the fields that have no counterpart.
fn left_out(config: &Config) -> Vec<String> {
    let never = "was declared and never had an effect";
    let mut left_out = Vec::new();
    let control = &config.control;
    let steps = [
        ("step_down", control.step_down, "the law cuts by a fifth"),
        ("step_up", control.step_up, "the law adds 10M"),
    ];
    for (name, _, instead) in steps.into_iter().filter(|(_, value, _)| value.is_some()) {
        left_out.push(format!("control.{name}: {never}; {instead}"));
    }
    if config.severity_multiplier_enabled.is_some() || config.severity_max_multiplier.is_some() {
        left_out.push(format!("severity_multiplier_enabled, severity_max_multiplier: {never}"));
    }
    if config.critical_apps.iter().any(|app| app.max_latency_ms.is_some()) {
        left_out
            .push(format!("critical_apps[].max_latency_ms: {never}; it is watched now, and decides nothing"));
    }
    left_out.extend(unknown(config));
    left_out
}

fn unknown(config: &Config) -> Vec<String> {
    let apps = config.critical_apps.iter().enumerate();
    let apps = apps.map(|(position, app)| (format!("critical_apps[{position}]."), &app.unknown));
    let targets = config.best_effort_targets.iter().enumerate();
    let targets =
        targets.map(|(position, target)| (format!("best_effort_targets[{position}]."), &target.unknown));
    let top = [(String::new(), &config.unknown), ("control.".to_owned(), &config.control.unknown)];
    let named = |(path, fields): (String, &Unknown)| {
        let name = move |field: &String| format!("{path}{field}: not known to the predecessor either");
        fields.keys().map(name).collect::<Vec<_>>()
    };
    top.into_iter().chain(apps).chain(targets).flat_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const CONFIG: &str = "
critical_apps:
  - {name: robot-control, service: robot-control-svc.default.svc.cluster.local, port: 5201, protocol: UDP, max_jitter_ms: 0.3, max_latency_ms: 10.0, priority: 100}
  - {name: Safety_Scanner, service: scanner.default.svc, port: 5202, protocol: TCP, max_jitter_ms: 0.3, priority: 90}
best_effort_targets:
  - {deployment: telemetry-upload, namespace: default, initial_bandwidth: 100}
  - {deployment: erp, namespace: office, initial_bandwidth: 5}
control: {probe_interval: 0.5, control_interval: 2.0, window_size: 20, step_down: 100, min_bandwidth: 10, max_bandwidth: 1000, colour: red}
severity_multiplier_enabled: true
";

    fn imported(text: &str) -> Result<Imported, Unmappable> {
        import(&Config::parse(text).unwrap(), "critical-apps")
    }

    fn spec(policy: &FlowPolicy) -> Value {
        serde_json::to_value(&policy.spec).unwrap()
    }

    #[test]
    fn each_field_finds_its_place() {
        let imported = imported(CONFIG).unwrap();
        let [first, second] = &imported.policies[..] else { panic!("{imported:?}") };
        assert_eq!(first.metadata.namespace.as_deref(), Some("default"));
        let spec = spec(first);
        assert_eq!(spec["interval"], "2s");
        assert_eq!(spec["control"]["law"], "AIMD");
        assert_eq!(spec["control"]["effectCheck"]["action"], "Ignore");
        let robot = &spec["objectives"][0];
        assert_eq!(
            (&robot["name"], &robot["role"], &robot["priority"]),
            (&json!("robot-control"), &json!("Control"), &json!(100))
        );
        assert_eq!(robot["jitter"], json!({"max": "300us", "method": "IQR", "samples": 20}));
        let probe = json!({
            "protocol": "UDP", "host": "robot-control-svc.default.svc.cluster.local", "port": 5201, "interval": "500ms",
        });
        assert_eq!(robot["probe"], probe);
        assert_eq!(
            spec["targets"][0]["limit"],
            json!({"min": "10M", "max": "1000M", "initial": "100M", "scope": "Pod"})
        );
        assert_eq!(second.metadata.namespace.as_deref(), Some("office"));
        assert_eq!(self::spec(second)["targets"][0]["limit"]["initial"], "10M", "within the range");
    }

    #[test]
    fn what_never_decided_is_watched() {
        let imported = imported(CONFIG).unwrap();
        let spec = spec(&imported.policies[0]);
        let roles: Vec<_> =
            spec["objectives"].as_array().unwrap().iter().map(|one| (&one["name"], &one["role"])).collect();
        let watched = |name: &'static str| (json!(name), json!("Watch"));
        assert_eq!(roles[1], (&watched("robot-control-latency").0, &watched("").1));
        assert_eq!(roles[2], (&watched("safety-scanner").0, &watched("").1));
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        let left_out = imported(CONFIG).unwrap().left_out.join("\n");
        for field in ["control.step_down", "severity_multiplier_enabled", "max_latency_ms", "control.colour"]
        {
            assert!(left_out.contains(field), "{field} in {left_out}");
        }
        assert!(!left_out.contains("step_up"), "it is not there: {left_out}");
    }

    #[test]
    fn what_nothing_can_be_made_of_is_named() {
        for (before, after, named) in [
            ("protocol: UDP", "protocol: SCTP", "critical_apps[0].protocol: found SCTP"),
            ("max_jitter_ms: 0.3, max", "max_jitter_ms: -1, max", "critical_apps[0].max_jitter_ms"),
            ("robot-control,", "'robot/control',", "critical_apps[0].name"),
            ("control_interval: 2.0", "control_interval: -2", "control.control_interval"),
            ("control_interval: 2.0", "control_interval: 0.01", "spec.interval"),
            ("max_bandwidth: 1000", "max_bandwidth: 1", "limit.min"),
        ] {
            let error = imported(&CONFIG.replacen(before, after, 1)).unwrap_err().to_string();
            assert!(error.contains(named), "{named} in {error}");
        }
        assert!(matches!(imported("critical_apps: []"), Err(Unmappable::NoTargets)));
    }

    #[test]
    fn without_an_app_that_decides_there_is_no_policy() {
        let error = imported(&CONFIG.replacen("protocol: UDP", "protocol: TCP", 1)).unwrap_err().to_string();
        assert!(error.contains("role Control"), "{error}");
    }
}
