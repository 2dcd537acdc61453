//! What Prometheus is asked for an indicator of a histogram.

use crate::policy::{Histogram, Indicator, Question};
use crate::spec::{HistogramTypeSpec, TimeUnitSpec};
use flow_control::Bound;
use std::borrow::Cow;

/// The quartiles, in thousandths.
const QUARTILES: (u16, u16) = (250, 750);

impl Question {
    /// The query in `PromQL` whose answer is `indicator`, in its base unit. `None` where a histogram does not have
    /// that indicator.
    ///
    /// Of a histogram, there is no answer where the window has too few observations. Where the quantile lies beyond
    /// the highest bucket, Prometheus gives the end of that bucket, which may be far below the truth. Only if even
    /// that breaks `bound` is it the answer; else the answer is infinite, which is no measurement.
    #[must_use]
    pub fn promql(&self, indicator: Indicator, bound: Bound) -> Option<Cow<'_, str>> {
        match self {
            Self::Query(query) => Some(query.into()),
            Self::Histogram(histogram) => histogram.promql(indicator, bound).map(Cow::Owned),
        }
    }
}

impl Histogram {
    /// What an infinite answer means.
    pub const BEYOND_BUCKETS: &str =
        "it lies beyond the highest bucket of the histogram, which needs one above the bound";

    /// What an answer without a series means.
    #[must_use]
    pub fn too_few(&self) -> String {
        format!("the histogram has fewer than {} observations in {:?}", self.observations, self.window)
    }

    fn promql(&self, indicator: Indicator, bound: Bound) -> Option<String> {
        let (lower, upper) = match indicator {
            Indicator::Latency { permille, .. } => (None, permille),
            Indicator::Jitter { .. } => (Some(QUARTILES.0), QUARTILES.1),
            Indicator::Loss { .. } | Indicator::Throughput | Indicator::Value => return None,
        };
        let value = self.value(lower, upper);
        let (measured, enough) = (self.is_within_buckets(upper), self.has_enough());
        let violated = most(bound).map(|max| format!(" or {value} * 1.000000001 > {max}"));
        let violated = violated.unwrap_or_default();
        Some(format!("({value} and {measured}{violated} or {value} + Inf) and {enough}"))
    }

    /// The quantile, or the distance of two, in seconds.
    fn value(&self, lower: Option<u16>, upper: u16) -> String {
        let upper = self.quantile(upper);
        let value = match lower {
            Some(lower) => format!("({upper} - {})", self.quantile(lower)),
            None => upper,
        };
        match self.unit {
            TimeUnitSpec::Seconds => value,
            TimeUnitSpec::Milliseconds => format!("({value} / 1000)"),
        }
    }

    fn quantile(&self, permille: u16) -> String {
        format!("histogram_quantile({}, {})", share(permille), self.rates())
    }

    /// The rates of all series together.
    fn rates(&self) -> String {
        match self.type_ {
            HistogramTypeSpec::Classic => {
                format!("sum by (le) (rate({}[{}]))", self.series("_bucket", ""), self.window())
            }
            HistogramTypeSpec::Native => format!("sum(rate({}[{}]))", self.selector, self.window()),
        }
    }

    /// Whether the quantile lies in a bucket that has an end. What is added forgives the rounding of sums.
    fn is_within_buckets(&self, permille: u16) -> String {
        let (share, window) = (share(permille), self.window());
        match self.type_ {
            HistogramTypeSpec::Classic => {
                let finite = self.series("_bucket", r#"le!="+Inf""#);
                let all = self.series("_bucket", r#"le="+Inf""#);
                format!(
                    "max(sum by (le) (rate({finite}[{window}]))) * 1.000000001 >= {share} * sum(rate({all}[{window}]))"
                )
            }
            HistogramTypeSpec::Native => {
                let (quantile, rates) = (self.quantile(permille), self.rates());
                format!("histogram_fraction(-Inf, scalar({quantile}), {rates}) * 1.000001 >= {share}")
            }
        }
    }

    fn has_enough(&self) -> String {
        let (window, least) = (self.window(), self.observations);
        match self.type_ {
            HistogramTypeSpec::Classic => {
                format!("sum(increase({}[{window}])) >= {least}", self.series("_count", ""))
            }
            HistogramTypeSpec::Native => {
                format!("sum(histogram_count(increase({}[{window}]))) >= {least}", self.selector)
            }
        }
    }

    /// Those series of a classic histogram whose names have `ending`, and that match `more` besides.
    fn series(&self, ending: &str, more: &str) -> String {
        let (name, labels) = self.selector.split_once('{').unwrap_or((&self.selector, ""));
        let labels = labels.trim_end();
        let (name, labels) = (name.trim_end(), labels.strip_suffix('}').unwrap_or(labels).trim());
        let separator = if labels.is_empty() || more.is_empty() { "" } else { "," };
        match (labels, more) {
            ("", "") => format!("{name}{ending}"),
            _ => format!("{name}{ending}{{{more}{separator}{labels}}}"),
        }
    }

    fn window(&self) -> String {
        format!("{}ms", self.window.as_millis())
    }
}

/// The most that is allowed.
fn most(bound: Bound) -> Option<f64> {
    match bound {
        Bound::AtMost(max) | Bound::Within { max, .. } => Some(max.get()),
        Bound::AtLeast(_) => None,
    }
}

fn share(permille: u16) -> f64 {
    f64::from(permille) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_control::{Finite, JitterMethod};
    use std::time::Duration;

    const LATENCY: Indicator = Indicator::Latency { samples: 300, permille: 990 };
    const JITTER: Indicator = Indicator::Jitter { samples: 20, method: JitterMethod::InterquartileRange };

    fn histogram(selector: &str, type_: HistogramTypeSpec) -> Histogram {
        let (unit, window) = (TimeUnitSpec::Seconds, Duration::from_secs(30));
        Histogram { selector: selector.to_owned(), type_, unit, window, observations: 20 }
    }

    fn asked(histogram: Histogram, indicator: Indicator) -> String {
        let bound = Bound::AtMost(Finite::seconds(Duration::from_micros(300)));
        Question::Histogram(histogram).promql(indicator, bound).unwrap().into_owned()
    }

    #[test]
    fn a_quantile_of_a_classic_histogram_is_that_of_all_its_series() {
        let classic = histogram(r#"rtt_seconds{robot="7"}"#, HistogramTypeSpec::Classic);
        let value = r#"histogram_quantile(0.99, sum by (le) (rate(rtt_seconds_bucket{robot="7"}[30000ms])))"#;
        let finite = r#"max(sum by (le) (rate(rtt_seconds_bucket{le!="+Inf",robot="7"}[30000ms])))"#;
        let all = r#"sum(rate(rtt_seconds_bucket{le="+Inf",robot="7"}[30000ms]))"#;
        let enough = r#"sum(increase(rtt_seconds_count{robot="7"}[30000ms])) >= 20"#;
        assert_eq!(
            asked(classic, LATENCY),
            format!(
                "({value} and {finite} * 1.000000001 >= 0.99 * {all} or {value} * 1.000000001 > 0.0003 or {value} + Inf) and {enough}"
            )
        );
    }

    #[test]
    fn the_jitter_of_a_native_histogram_is_the_distance_of_its_quartiles_in_seconds() {
        let mut native = histogram("rtt_ms", HistogramTypeSpec::Native);
        native.unit = TimeUnitSpec::Milliseconds;
        let quantile = |share| format!("histogram_quantile({share}, sum(rate(rtt_ms[30000ms])))");
        let value = format!("(({} - {}) / 1000)", quantile("0.75"), quantile("0.25"));
        let asked = asked(native, JITTER);
        assert!(asked.starts_with(&format!("({value} and histogram_fraction(-Inf, scalar(")), "{asked}");
        assert!(asked.ends_with("and sum(histogram_count(increase(rtt_ms[30000ms]))) >= 20"), "{asked}");
    }

    #[test]
    fn labels_of_ours_stand_beside_those_of_the_selector() {
        for (selector, expected) in [
            ("x", r#"x_bucket{le="1"}"#),
            ("x{}", r#"x_bucket{le="1"}"#),
            ("x { } ", r#"x_bucket{le="1"}"#),
            (r#"x {a="{}"}"#, r#"x_bucket{le="1",a="{}"}"#),
            (r#"x{a="b",}"#, r#"x_bucket{le="1",a="b",}"#),
        ] {
            let classic = histogram(selector, HistogramTypeSpec::Classic);
            assert_eq!(classic.series("_bucket", r#"le="1""#), expected, "{selector}");
        }
        assert_eq!(histogram("x{}", HistogramTypeSpec::Classic).series("_count", ""), "x_count");
    }

    #[test]
    fn a_histogram_has_no_other_indicators() {
        let question = Question::Histogram(histogram("x", HistogramTypeSpec::Classic));
        for indicator in [Indicator::Loss { samples: 5 }, Indicator::Throughput, Indicator::Value] {
            assert_eq!(question.promql(indicator, Bound::AtLeast(Finite::default())), None);
        }
    }

    #[test]
    fn a_query_is_asked_as_it_was_written() {
        let question = Question::Query("up * 8".to_owned());
        let asked = question.promql(Indicator::Value, Bound::AtLeast(Finite::default()));
        assert_eq!(asked.as_deref(), Some("up * 8"));
    }

    #[test]
    fn an_empty_answer_of_a_histogram_is_said_to_be_too_few_observations() {
        let said = "the histogram has fewer than 20 observations in 30s";
        assert_eq!(histogram("x", HistogramTypeSpec::Native).too_few(), said);
    }
}
