use super::secrets::Secrets;
use flow_control::Unknown;
use std::time::Duration;

/// The longest text of somebody else that is passed on to users, in characters.
const MAX_MESSAGE: usize = 200;

/// Why a query gave no number. Each is a sentence for users; none shows a credential.
///
/// Whether a sample is old, an answer to an instant query cannot show: Prometheus stamps the samples with the time of the
/// evaluation, and looks back for them by up to `--query.lookback-delta`. It does show an old evaluation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The query matched nothing.
    #[error("the query returned no series")]
    NoSeries,
    /// The query matched several series.
    #[error(
        "the query returned {series} series where exactly one is needed; aggregate it, with sum() for example"
    )]
    Ambiguous {
        /// How many.
        series: usize,
    },
    /// The value is NaN or infinite.
    #[error("the query returned {value}, which is not a finite number")]
    NotFinite {
        /// The value as Prometheus writes it.
        value: String,
    },
    /// The answer does not rest on all data, or Prometheus doubts it.
    #[error("Prometheus gave an answer with warnings, which is not relied on: {warnings}")]
    Partial {
        /// The warnings.
        warnings: String,
    },
    /// The query gives no instant number.
    #[error("the query returned a {found} where a number is needed")]
    WrongType {
        /// What it returned.
        found: &'static str,
    },
    /// The query is wrong, or asks for too much.
    #[error("Prometheus refused the query (HTTP {status}): {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What Prometheus says.
        message: String,
    },
    /// The answer is too long.
    #[error("the answer of Prometheus is longer than {limit} bytes; aggregate the query to one series")]
    TooLarge {
        /// The longest that is read.
        limit: usize,
    },
    /// Prometheus, or a proxy before it, does not accept the operator.
    #[error("Prometheus does not let the operator in (HTTP {status}); check its credentials")]
    Denied {
        /// The HTTP status.
        status: u16,
    },
    /// Prometheus sends the operator elsewhere, where it does not go.
    #[error("Prometheus redirects to another address (HTTP {status}), which is not followed; check its URL")]
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// Prometheus cannot answer now, or is not at this address.
    #[error("Prometheus cannot answer (HTTP {status}): {message}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// What Prometheus says, or what the status means.
        message: String,
    },
    /// Prometheus cannot be reached, or the connection broke.
    #[error("Prometheus cannot be reached: {reason}")]
    Unreachable {
        /// What went wrong.
        reason: String,
    },
    /// Prometheus is too slow.
    #[error("Prometheus did not answer within {} ms", after.as_millis())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// The answer is not JSON, or only a part of it came.
    #[error("the answer is not that of a Prometheus: it is not JSON, or cut off")]
    NotJson,
    /// The answer is JSON, but not what Prometheus would say.
    #[error("the answer is not that of a Prometheus: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// The answer was not found now. It may come from a cache.
    #[error(
        "the answer of Prometheus is of {seconds} s {side} now by this machine's clock: one of their clocks is wrong, or the \
         answer is an old one"
    )]
    OtherTime {
        /// How far away its time is.
        seconds: u64,
        /// `before` or `after`.
        side: &'static str,
    },
    /// The credential cannot be used.
    #[error("there is no bearer token for Prometheus: {problem}")]
    NoCredential {
        /// Why not.
        problem: String,
    },
}

impl QueryError {
    /// The same, with what somebody else says fit to be shown.
    #[must_use]
    pub(super) fn shown(mut self, secrets: &Secrets) -> Self {
        if let Some(text) = self.foreign() {
            *text = legible(&secrets.hide(text));
        }
        self
    }

    const fn foreign(&mut self) -> Option<&mut String> {
        match self {
            Self::Partial { warnings: text }
            | Self::Rejected { message: text, .. }
            | Self::Unavailable { message: text, .. }
            | Self::Unreachable { reason: text }
            | Self::Malformed { problem: text } => Some(text),
            _ => None,
        }
    }

    /// The kind of error, for metric labels.
    #[must_use]
    pub const fn category(&self) -> &'static str {
        match self {
            Self::NoSeries => "no_series",
            Self::Ambiguous { .. } => "ambiguous",
            Self::NotFinite { .. } => "not_finite",
            Self::Partial { .. } => "partial",
            Self::WrongType { .. } => "wrong_type",
            Self::Rejected { .. } => "rejected",
            Self::TooLarge { .. } => "too_large",
            Self::Denied { .. } => "denied",
            Self::Redirected { .. } => "redirected",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::NotJson => "not_json",
            Self::Malformed { .. } => "malformed",
            Self::OtherTime { .. } => "other_time",
            Self::NoCredential { .. } => "no_credential",
        }
    }

    /// What this means for a decision.
    #[must_use]
    pub const fn unknown(&self) -> Unknown {
        match self {
            Self::NoSeries => Unknown::NoSeries,
            Self::Ambiguous { series } => Unknown::Ambiguous { series: *series },
            Self::NotFinite { .. } => Unknown::NotFinite,
            _ => Unknown::SourceFailed,
        }
    }

    /// Whether the source itself fails, rather than this one query.
    #[must_use]
    pub const fn is_source_down(&self) -> bool {
        match self {
            Self::NoSeries
            | Self::Ambiguous { .. }
            | Self::NotFinite { .. }
            | Self::Partial { .. }
            | Self::WrongType { .. }
            | Self::Rejected { .. }
            | Self::TooLarge { .. } => false,
            Self::Denied { .. }
            | Self::Redirected { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NotJson
            | Self::Malformed { .. }
            | Self::OtherTime { .. }
            | Self::NoCredential { .. } => true,
        }
    }
}

/// A text of somebody else, fit to be shown: one line, of bounded length.
pub(super) fn legible(text: &str) -> String {
    let line = text.trim().chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut shown: String = line.take(MAX_MESSAGE + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(MAX_MESSAGE) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_shown_as_one_line_of_bounded_length() {
        assert_eq!(legible("bad\r\nquery\u{1b}[31m\n"), "bad  query [31m");
        assert_eq!(legible(&"é".repeat(MAX_MESSAGE)), "é".repeat(MAX_MESSAGE));
        assert_eq!(legible(&"é".repeat(MAX_MESSAGE + 1)), format!("{}…", "é".repeat(MAX_MESSAGE)));
    }
}
