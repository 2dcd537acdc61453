use promql_parser::parser::{Expr, MatrixSelector, Offset, SubqueryExpr, VectorSelector};
use std::time::Duration;

/// How far back `query` looks: its longest range with its offset, and those of the subqueries around it. What recording
/// rules look back on does not show.
pub(super) fn reach(query: &Expr) -> Duration {
    let (mut longest, mut left) = (Duration::ZERO, vec![(query, Duration::ZERO)]);
    // Queries may be nested deeper than a stack is.
    while let Some((expr, around)) = left.pop() {
        let reach = with(expr, around);
        longest = longest.max(reach);
        left.extend(parts(expr).into_iter().map(|part| (part, reach)));
    }
    longest
}

/// How far `expr` looks back where what is `around` it looks back so far.
const fn with(expr: &Expr, around: Duration) -> Duration {
    let (range, offset) = match expr {
        Expr::VectorSelector(VectorSelector { offset, .. }) => (Duration::ZERO, offset),
        Expr::MatrixSelector(MatrixSelector { vs, range }) => (*range, &vs.offset),
        Expr::Subquery(SubqueryExpr { range, offset, .. }) => (*range, offset),
        _ => return around,
    };
    let reach = around.saturating_add(range);
    match offset {
        Some(Offset::Pos(back)) => reach.saturating_add(*back),
        Some(Offset::Neg(ahead)) => reach.saturating_sub(*ahead),
        None => reach,
    }
}

fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Aggregate(aggregate) => {
            aggregate.param.iter().chain([&aggregate.expr]).map(AsRef::as_ref).collect()
        }
        Expr::Unary(unary) => vec![&unary.expr],
        Expr::Binary(binary) => vec![&binary.lhs, &binary.rhs],
        Expr::Paren(paren) => vec![&paren.expr],
        Expr::Subquery(subquery) => vec![&subquery.expr],
        Expr::Call(call) => call.args.args.iter().map(AsRef::as_ref).collect(),
        // The parser makes no extensions.
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sight::Sight;

    #[test]
    fn a_query_looks_as_far_back_as_its_longest_range_with_all_around_it() {
        for (query, seconds) in [
            ("x", 0),
            ("vector(1)", 0),
            ("x offset 20s", 20),
            ("rate(x[30s])", 30),
            ("rate(x[30s] offset 10s)", 40),
            ("rate(x[30s] offset -10s)", 20),
            ("rate(x[30s] offset -1m)", 0),
            ("rate(x[30s]) / rate(y[1m])", 60),
            ("-(rate(x[30s]))", 30),
            ("sum by (pod) (rate(x[30s])) * 8", 30),
            ("quantile(scalar(rate(x[1m])), y)", 60),
            ("histogram_quantile(0.99, sum by (le) (rate(x[2m])))", 120),
            ("max_over_time(rate(x[30s])[5m:10s])", 330),
            ("max_over_time(rate(x[30s])[5m:10s] offset 10s)", 340),
            ("max_over_time(max_over_time(x[1m:])[5m:])", 360),
            ("sum((", 0),
            ("x offset inf", 0),
        ] {
            assert_eq!(Sight::of(query).window.as_secs(), seconds, "{query}");
        }
    }
}
