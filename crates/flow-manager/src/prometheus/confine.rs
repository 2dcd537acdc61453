//! Confines a query to the series that have a certain label.

use super::error::legible;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector, parse};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How deep a query may be nested: what it is printed with calls itself.
const DEEPEST: usize = 100;

/// The function that joins series by itself, which no selector names.
const JOINS: &str = "info";

/// Why a query cannot be confined. Each completes a sentence for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconfined {
    /// Nobody knows what it selects.
    #[error("it cannot be understood{}", .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NotUnderstood(Option<String>),
    /// It asks for others by itself.
    #[error("it has the matcher {0}")]
    Matcher(String),
    /// It has a selector with alternatives.
    #[error("it selects by alternatives (or)")]
    Alternatives,
    /// It reads series that no selector names.
    #[error("it calls {}(), which reads other series than it names", JOINS)]
    Joins,
    /// It is too deep.
    #[error("it is nested deeper than {}", DEEPEST)]
    Deep,
}

/// The same query with `label="value"` in each of its selectors.
///
/// What comes out is read once more, and must mean the same and have the matcher everywhere: so a fault of the parser, or
/// of what prints, never lets a query through.
pub(super) fn confine(query: &str, label: &str, value: &str) -> Result<String, Unconfined> {
    let wanted = Matcher::new(MatchOp::Equal, label, value);
    let mut expr = understand(query)?;
    each_selector(&mut expr, &mut |selector| add(selector, &wanted))?;
    let confined =
        catch_unwind(AssertUnwindSafe(|| expr.to_string())).map_err(|_| Unconfined::NotUnderstood(None))?;
    let mut again = understand(&confined)?;
    each_selector(&mut again, &mut |selector| demand(selector, &wanted))?;
    if again == expr { Ok(confined) } else { Err(Unconfined::NotUnderstood(None)) }
}

fn understand(query: &str) -> Result<Expr, Unconfined> {
    let parsed = catch_unwind(|| parse(query)).map_err(|_| Unconfined::NotUnderstood(None))?;
    parsed.map_err(|problem| Unconfined::NotUnderstood(Some(legible(&problem))))
}

fn add(selector: &mut VectorSelector, wanted: &Matcher) -> Result<(), Unconfined> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err(Unconfined::Alternatives);
    }
    let matchers = &mut selector.matchers.matchers;
    let other = matchers.iter().find(|matcher| matcher.name == wanted.name && *matcher != wanted);
    if let Some(other) = other {
        return Err(Unconfined::Matcher(legible(&other.to_string())));
    }
    if !matchers.contains(wanted) {
        matchers.push(wanted.clone());
    }
    order(selector);
    Ok(())
}

/// Puts the matchers into one order, as what prints them does.
fn order(selector: &mut VectorSelector) {
    selector.matchers.matchers.sort_by_cached_key(ToString::to_string);
}

fn demand(selector: &mut VectorSelector, wanted: &Matcher) -> Result<(), Unconfined> {
    order(selector);
    let matchers = &selector.matchers;
    let is_confined = matchers.or_matchers.is_empty() && matchers.matchers.contains(wanted);
    if is_confined { Ok(()) } else { Err(Unconfined::NotUnderstood(None)) }
}

/// Does `what` with each selector of a query.
fn each_selector(
    query: &mut Expr,
    what: &mut impl FnMut(&mut VectorSelector) -> Result<(), Unconfined>,
) -> Result<(), Unconfined> {
    let mut left = vec![(query, 0)];
    while let Some((expr, depth)) = left.pop() {
        if depth > DEEPEST {
            return Err(Unconfined::Deep);
        }
        let parts = match expr {
            Expr::VectorSelector(selector) => {
                what(selector)?;
                Vec::new()
            }
            Expr::MatrixSelector(matrix) => {
                what(&mut matrix.vs)?;
                Vec::new()
            }
            other => parts(other)?,
        };
        left.extend(parts.into_iter().map(|part| (part, depth + 1)));
    }
    Ok(())
}

/// What an expression that is no selector consists of.
fn parts(expr: &mut Expr) -> Result<Vec<&mut Expr>, Unconfined> {
    Ok(match expr {
        Expr::Aggregate(aggregate) => {
            aggregate.param.iter_mut().chain([&mut aggregate.expr]).map(AsMut::as_mut).collect()
        }
        Expr::Unary(unary) => vec![&mut unary.expr],
        Expr::Binary(binary) => vec![&mut binary.lhs, &mut binary.rhs],
        Expr::Paren(paren) => vec![&mut paren.expr],
        Expr::Subquery(subquery) => vec![&mut subquery.expr],
        Expr::Call(call) if call.func.name == JOINS => return Err(Unconfined::Joins),
        Expr::Call(call) => call.args.args.iter_mut().map(AsMut::as_mut).collect(),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Vec::new(),
        // The parser makes no extensions, and selectors are not asked for.
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) | Expr::Extension(_) => {
            return Err(Unconfined::NotUnderstood(None));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn confined(query: &str) -> Result<String, Unconfined> {
        confine(query, "namespace", "lab")
    }

    #[test]
    fn every_selector_gets_the_matcher() {
        for (query, expected) in [
            ("up", r#"up{namespace="lab"}"#),
            ("up{}", r#"up{namespace="lab"}"#),
            (r#"{__name__="up"}"#, r#"{__name__="up",namespace="lab"}"#),
            (r#"{__name__=~".+"}"#, r#"{__name__=~".+",namespace="lab"}"#),
            (r#"up{namespace="lab"}"#, r#"up{namespace="lab"}"#),
            (r#"up{zone="z",a="b"}"#, r#"up{a="b",namespace="lab",zone="z"}"#),
            (r#"up{job="a"} or down"#, r#"up{job="a",namespace="lab"} or down{namespace="lab"}"#),
            (
                "rate(x[1m]) / on(pod) y offset 1m",
                r#"rate(x{namespace="lab"}[1m]) / on (pod) y{namespace="lab"} offset 1m"#,
            ),
            (
                "topk(scalar(x), sum by (pod) (y))",
                r#"topk(scalar(x{namespace="lab"}), sum by (pod) (y{namespace="lab"}))"#,
            ),
            (
                "max_over_time((-(x > bool 1))[5m:10s])",
                r#"max_over_time((-(x{namespace="lab"} > bool 1))[5m:10s])"#,
            ),
            ("absent(x)", r#"absent(x{namespace="lab"})"#),
            ("x @ start() # secret", r#"x{namespace="lab"} @ start()"#),
            ("vector(1)", "vector(1)"),
        ] {
            let said = confined(query).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert_eq!(parse(&said), parse(expected), "{query} became {said}");
        }
    }

    #[test]
    fn a_query_that_asks_for_others_or_cannot_be_confined_is_refused() {
        for (query, says) in [
            (r#"up{namespace="office"}"#, r#"namespace="office""#),
            (r#"up{namespace=~".*"}"#, r#"namespace=~".*""#),
            (r#"up{namespace!="lab"}"#, r#"namespace!="lab""#),
            (r#"up{namespace=""}"#, r#"namespace="""#),
            (r#"up{namespace="lab",namespace=~"office|lab"}"#, "office"),
            (r#"a + b{namespace="office"}"#, "office"),
            (r#"rate(a{namespace="office"}[1m])"#, "office"),
            (r#"up{"namespace"="office"}"#, "office"),
            (r#"up{a="b" or namespace="office"}"#, "alternatives"),
            ("info(up)", "info()"),
            (r#"info(up, {namespace="office"})"#, "info()"),
            ("sum((", "cannot be understood: unclosed"),
            ("x offset inf", "cannot be understood"),
            ("newer_than_we_are(x)", "cannot be understood"),
            ("", "cannot be understood"),
        ] {
            let said = confined(query).expect_err(query).to_string();
            assert!(said.contains(says), "{query}: {said}");
        }
    }

    #[test]
    fn text_that_tries_to_leave_its_place_stays_in_it() {
        for text in [r#"\"} or up{a=\""#, r"\\", r"a\nb", r"\u007d", "}#", "é\u{2028}"] {
            let query = format!(r#"x{{a="{text}"}}"#);
            let said = confined(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert_eq!(parse(&said).unwrap().to_string().matches("namespace").count(), 1, "{said}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        for (open, close) in [("(", ")"), ("-", ""), ("abs(", ")"), ("1 + ", "")] {
            let nested = |depth: usize| format!("{}x{}", open.repeat(depth), close.repeat(depth));
            assert!(confined(&nested(50)).is_ok(), "{open}");
            assert_eq!(confined(&nested(2000)), Err(Unconfined::Deep), "{open}");
        }
    }

    /// Queries with `x`, `y` and `z` as their selectors, and how many there are.
    fn queries() -> impl Strategy<Value = (String, usize)> {
        let selector = prop::sample::select(vec![
            "x",
            "y{}",
            r#"z{zone="b",a="b"}"#,
            r#"{__name__="x",a!~"b|c"}"#,
            "x offset 5m",
            "y @ 10",
            r#"x{a="}\"{"}"#,
        ]);
        let leaf = prop_oneof![
            4 => selector.prop_map(|text| (text.to_owned(), 1)),
            1 => (0.0..1e6_f64).prop_map(|number| (format!("vector({number})"), 0)),
        ];
        leaf.prop_recursive(5, 30, 2, |inner| {
            let wrap = prop::sample::select(vec![
                ("sum by (pod) (", ")"),
                ("abs(", ")"),
                ("-(", ")"),
                ("(", ")"),
                ("max_over_time((", ")[5m:10s])"),
                ("quantile(0.9, ", ")"),
                ("label_replace(", r#", "namespace", "office", "", "")"#),
                ("1 - ", ""),
                ("count_values(\"n\", ", ")"),
                ("clamp_max(", ", 3)"),
                ("histogram_quantile(0.5, ", ")"),
            ]);
            let op = prop::sample::select(vec![
                "+",
                "-",
                "or",
                "and",
                "unless",
                "> bool",
                "/ on(a)",
                "* ignoring(b)",
                "- on(a) group_left(c)",
                "^",
            ]);
            prop_oneof![
                (inner.clone(), wrap)
                    .prop_map(|((text, count), (open, close))| (format!("{open}{text}{close}"), count)),
                (inner.clone(), op, inner)
                    .prop_map(|((a, n), op, (b, m))| (format!("({a}) {op} ({b})"), n + m)),
            ]
        })
    }

    proptest! {
        #[test]
        fn in_what_is_sent_every_selector_carries_the_matcher((query, selectors) in queries()) {
            let said = confined(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            let mut found = 0;
            each_selector(&mut parse(&said).unwrap(), &mut |selector| {
                found += 1;
                let wanted = Matcher::new(MatchOp::Equal, "namespace", "lab");
                assert!(selector.matchers.matchers.contains(&wanted), "{query} became {said}");
                Ok(())
            }).unwrap();
            prop_assert_eq!(found, selectors, "{} became {}", query, said);
        }

        #[test]
        fn whatever_words_are_sent_are_confined(
            words in prop::collection::vec(prop::sample::select(vec![
                "sum", "by", "(", ")", "{", "}", "[", "]", "=~", "!=", "=", "\"a\"", "'\\x", "x", "1", "5m", ":", "@",
                "offset", "and", "or", "-", "==", "bool", "on", "group_left", ",", "0x", "1e", "inf", "`", "#",
                "start()", "rate", "le", "without", "atan2", "\n", "namespace", "\"office\"", "info", "absent",
            ]), 0..20)
        ) {
            for query in [words.concat(), words.join(" ")] {
                let Ok(said) = confined(&query) else { continue };
                each_selector(&mut parse(&said).unwrap(), &mut |selector| {
                    demand(selector, &Matcher::new(MatchOp::Equal, "namespace", "lab"))
                }).unwrap();
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = confined(&text);
        }
    }
}
