use promql_parser::label::{MatchOp, Matcher as Parsed};
use promql_parser::parser::VectorSelector;
use regex::{Regex, RegexBuilder};

/// The metrics of probes, by the names of the predecessor; ours begin with [`OWN`].
const PREDECESSORS: [&str; 10] = [
    "flowmanager_udp_jitter_ms",
    "flowmanager_tcp_jitter_ms",
    "flowmanager_udp_latency_ms",
    "flowmanager_tcp_latency_ms",
    "network_probe_udp_latency_ms",
    "network_probe_udp_success",
    "network_probe_tcp_latency_ms",
    "network_probe_tcp_success",
    "network_probe_icmp_latency_ms",
    "network_probe_icmp_success",
];
const OWN: &str = "flowmanager_probe_";

/// The most memory that a regular expression may take. One that needs more is left to Prometheus.
const MAX_REGEX_BYTES: usize = 64 << 10;

/// What a selection has that Prometheus and we might not understand in the same way.
const AMBIGUOUS: [&str; 6] = ["(?", "&&", "--", "~~", "[[", "{"];

/// A plain selection of series of one of our own metrics, which many policies may want.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    /// The metric.
    pub(super) metric: String,
    /// What its labels must be like.
    pub(super) matchers: Vec<Matcher>,
}

/// What one label must be like.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    pub(super) label: String,
    pub(super) test: Test,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Is(String),
    IsNot(String),
    Matches(Regex),
    MatchesNot(Regex),
}

impl Selector {
    /// What `selector` selects, unless Prometheus alone can tell.
    pub(super) fn of_own_metric(selector: &VectorSelector) -> Option<Self> {
        let metric = selector.name.clone().filter(|name| is_own(name))?;
        let plain = selector.offset.is_none() && selector.at.is_none();
        let matchers = &selector.matchers;
        if !plain || !matchers.or_matchers.is_empty() {
            return None;
        }
        let mut matchers: Vec<_> = matchers.matchers.iter().map(Matcher::new).collect::<Option<_>>()?;
        // They stay, and room for more would stay with them.
        matchers.shrink_to_fit();
        Some(Self { metric, matchers })
    }
}

fn is_own(metric: &str) -> bool {
    metric.starts_with(OWN) || PREDECESSORS.contains(&metric)
}

impl Matcher {
    fn new(parsed: &Parsed) -> Option<Self> {
        let value = parsed.value.clone();
        let test = match &parsed.op {
            MatchOp::Equal => Test::Is(value),
            MatchOp::NotEqual => Test::IsNot(value),
            MatchOp::Re(_) => Test::Matches(regex(&value)?),
            MatchOp::NotRe(_) => Test::MatchesNot(regex(&value)?),
        };
        Some(Self { label: parsed.name.clone(), test })
    }

    /// Whether a label of this value, which is empty where there is no such label, is as it must be.
    pub(super) fn accepts(&self, value: &str) -> bool {
        match &self.test {
            Test::Is(wanted) => value == wanted,
            Test::IsNot(unwanted) => value != unwanted,
            Test::Matches(regex) => regex.is_match(value),
            Test::MatchesNot(regex) => !regex.is_match(value),
        }
    }
}

/// A regular expression that must match the whole value, if it means here what it means in Prometheus (RE2).
fn regex(pattern: &str) -> Option<Regex> {
    let ambiguous = AMBIGUOUS.iter().any(|part| pattern.contains(part)) || has_class_of_letters(pattern);
    let whole = format!("^(?s:{pattern})$");
    RegexBuilder::new(&whole).size_limit(MAX_REGEX_BYTES).build().ok().filter(|_| !ambiguous)
}

/// Whether there is an escaped letter or digit, such as `\d`, which is one of ASCII in Prometheus only.
fn has_class_of_letters(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && characters.next().is_none_or(char::is_alphanumeric) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::sight::Sight;
    use super::*;

    fn selector(query: &str) -> Option<Selector> {
        Sight::of(query).selector
    }

    /// Whether the only matcher of a selection of labels accepts `value`.
    fn accepts(labels: &str, value: &str) -> bool {
        let selector = selector(&format!("flowmanager_probe_sent_total{{{labels}}}")).unwrap();
        selector.matchers[0].accepts(value)
    }

    #[test]
    fn a_plain_selection_of_our_metrics_is_known() {
        let found = selector(r#"flowmanager_udp_jitter_ms{service="robot", job=~"flow-.*"}"#).unwrap();
        assert_eq!((found.metric.as_str(), found.matchers.len()), ("flowmanager_udp_jitter_ms", 2));
        assert_eq!(selector("flowmanager_probe_lost_total").unwrap().matchers.len(), 0);
    }

    #[test]
    fn whatever_is_more_than_that_is_left_to_prometheus() {
        for query in [
            "up",
            "flowmanager_objective_value{policy=\"x\"}",
            "network_probe_udp_latency_hist_bucket",
            "flowmanager_probe_sent_total offset 1m",
            "flowmanager_probe_sent_total @ 0",
            "flowmanager_probe_sent_total[1m]",
            "flowmanager_probe_sent_total * 2",
            "-flowmanager_probe_sent_total",
            "sum(flowmanager_probe_sent_total)",
            r#"{__name__="flowmanager_probe_sent_total"}"#,
            r#"flowmanager_probe_sent_total{a="b" or c="d"}"#,
            r#"flowmanager_probe_sent_total{target=~"\\d+"}"#,
            r#"flowmanager_probe_sent_total{target=~"(?i)robot"}"#,
            r#"flowmanager_probe_sent_total{target=~"[a-z&&[^b]]"}"#,
            r#"flowmanager_probe_sent_total{target=~"(a|b){1,900}"}"#,
            "flowmanager_probe_sent_total{",
        ] {
            assert!(selector(query).is_none(), "{query}");
        }
    }

    #[test]
    fn labels_are_matched_as_prometheus_matches_them() {
        for (labels, value, accepted) in [
            (r#"target="a""#, "a", true),
            (r#"target="a""#, "ab", false),
            (r#"target!="a""#, "", true),
            (r#"target!="a""#, "a", false),
            (r#"target="""#, "", true),
            (r#"target=~"a|b""#, "b", true),
            (r#"target=~"a|b""#, "ab", false),
            (r#"target=~"a.*""#, "a\nb", true),
            (r#"target=~"robot\\.factory:52[0-9]+""#, "robot.factory:5201", true),
            (r#"target=~"robot\\.factory:52[0-9]+""#, "robot-factory:5201", false),
            (r#"target!~"a|b""#, "c", true),
            (r#"target!~"a.*""#, "ab", false),
            (r#"target=~".*""#, "", true),
        ] {
            assert_eq!(accepts(labels, value), accepted, "{labels} of {value:?}");
        }
    }
}
