//! What answers and queries are made of, for who feeds them with arbitrary bytes.

use super::secrets::Secrets;
use super::selector::Matcher;
use super::{Past, PodSeries, QueryError, Sight, answer, range};
use flow_control::Finite;
use reqwest::StatusCode;

/// When all answers are read, in seconds since 1970.
const NOW_S: f64 = 1.0;

/// The one finite number in the body of an answer to an instant query.
pub fn number(status: u16, body: &[u8]) -> Result<Finite, QueryError> {
    answer::number(code(status), body, NOW_S).map_err(shown)
}

/// The numbers of all series in such a body.
pub fn by_pod(status: u16, body: &[u8]) -> Result<Vec<PodSeries>, QueryError> {
    answer::vector(code(status), body, NOW_S).map_err(shown)?.by_pod()
}

/// The number that `query` selects among the series in such a body, where it is a plain selection; all of them where
/// it is none.
pub fn selected(query: &str, body: &[u8]) -> Result<Finite, QueryError> {
    let matchers: Vec<Matcher> = Sight::of(query).selector.map(|plain| plain.matchers).unwrap_or_default();
    answer::vector(StatusCode::OK, body, NOW_S).map_err(shown)?.number(&matchers)
}

/// Whether a query is a plain selection of one of our metrics.
#[must_use]
pub fn is_plain(query: &str) -> bool {
    Sight::of(query).selector.is_some()
}

/// The values in the body of an answer to a range query.
pub fn past(status: u16, body: &[u8]) -> Result<Vec<Past>, QueryError> {
    range::past(answer::matrix(code(status), body).map_err(shown)?)
}

/// As the client does.
fn shown(error: QueryError) -> QueryError {
    error.shown(&Secrets::default())
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::OK)
}
