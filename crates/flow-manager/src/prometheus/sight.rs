//! What can be told of a query before it is asked.

use super::error::legible;
use super::reach::reach;
use super::selector::Selector;
use promql_parser::parser::{Expr, parse};
use std::panic::catch_unwind;
use std::time::Duration;

#[cfg(panic = "abort")]
compile_error!(
    "the parser of PromQL panics at some texts, which has to be caught: panic = \"unwind\" is needed"
);

/// A query as it looks like.
pub struct Sight {
    /// What seems wrong with it. The server decides: it may be newer than our parser.
    pub doubt: Option<String>,
    /// What it selects, where it is no more than a selection of one of our own metrics.
    pub(super) selector: Option<Selector>,
    /// How far back it looks; zero where that cannot be told.
    pub window: Duration,
}

impl Sight {
    /// Looks at `query`.
    #[must_use]
    pub fn of(query: &str) -> Self {
        // The parser panics at some texts, such as a duration that is too long. That says nothing of the query.
        let blind = Self { doubt: None, selector: None, window: Duration::ZERO };
        match catch_unwind(|| parse(query)) {
            Ok(Ok(expr)) => Self { selector: plain(&expr), window: reach(&expr), ..blind },
            Ok(Err(problem)) => Self { doubt: Some(doubt(&problem)), ..blind },
            Err(_) => blind,
        }
    }
}

fn plain(expr: &Expr) -> Option<Selector> {
    let Expr::VectorSelector(selector) = expr else { return None };
    Selector::of_own_metric(selector)
}

fn doubt(problem: &str) -> String {
    format!("the query seems to be wrong: {}", legible(problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_control::{Bound, Finite, JitterMethod};
    use flow_policy::spec::{HistogramTypeSpec, TimeUnitSpec};
    use flow_policy::{Histogram, Indicator, Question};
    use proptest::prelude::*;

    #[test]
    fn what_the_parser_refuses_is_doubted() {
        let doubt = Sight::of("sum((").doubt.unwrap();
        assert_eq!(doubt, "the query seems to be wrong: unclosed left parenthesis");
    }

    #[test]
    fn what_the_parser_knows_is_not_doubted() {
        for query in ["up", "sum(rate(x_total{a=~\"b.*\"}[30s])) * 8", "vector(1)", "\"text\"", "x[1m]"] {
            assert_eq!(Sight::of(query).doubt, None, "{query}");
        }
    }

    #[test]
    fn what_is_asked_of_histograms_is_not_doubted() {
        for type_ in [HistogramTypeSpec::Classic, HistogramTypeSpec::Native] {
            let (unit, window) = (TimeUnitSpec::Milliseconds, Duration::from_secs(30));
            let selector = r#"rtt_ms{robot="7"}"#.to_owned();
            let question = Question::Histogram(Histogram { selector, type_, unit, window, observations: 20 });
            let jitter = Indicator::Jitter { samples: 20, method: JitterMethod::InterquartileRange };
            for indicator in [jitter, Indicator::Latency { samples: 300, permille: 990 }] {
                let query = question.promql(indicator, Bound::AtMost(Finite::default())).unwrap();
                assert_eq!(Sight::of(&query).doubt, None, "{query}");
            }
        }
    }

    #[test]
    fn a_fault_of_the_parser_is_not_one_of_the_query() {
        let sight = Sight::of("x offset inf");
        assert!(sight.doubt.is_none() && sight.selector.is_none());
    }

    #[test]
    fn depth_is_no_danger() {
        for (open, close) in [("(", ")"), ("-", ""), ("abs(", ")"), ("1 + ", "")] {
            let depth = 4096 / (open.len() + close.len());
            let query = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert!(Sight::of(&query).selector.is_none());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = Sight::of(&text);
        }

        #[test]
        fn no_words_of_the_language_make_it_panic(
            words in prop::collection::vec(prop::sample::select(vec![
                "sum", "by", "(", ")", "{", "}", "[", "]", "=~", "!=", "\"a\"", "'\\x", "x", "1", "5m", ":", "@",
                "offset", "and", "or", "-", "==", "bool", "on", "group_left", ",", "0x", "1e", "inf", "`", "#",
                "start()", "rate", "le", "without", "atan2", "\n",
            ]), 0..20)
        ) {
            let _ = Sight::of(&words.concat());
            let _ = Sight::of(&words.join(" "));
        }
    }
}
