use flow_control::Unknown;
use std::time::Duration;

/// Why a query gave no number. Each is a sentence for users; none shows an address or a credential.
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
    /// The answer does not rest on all data.
    #[error("Prometheus warns that its answer is incomplete: {warning}")]
    Partial {
        /// The first warning.
        warning: String,
    },
    /// The query is wrong, or Prometheus refuses it.
    #[error("Prometheus refused the query (HTTP {status}): {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What Prometheus says.
        message: String,
    },
    /// Prometheus cannot answer now.
    #[error("Prometheus cannot answer now (HTTP {status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// Prometheus cannot be reached.
    #[error("Prometheus cannot be reached")]
    Unreachable,
    /// Prometheus is too slow.
    #[error("Prometheus did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The answer is too long.
    #[error("the answer of Prometheus is longer than {limit} bytes")]
    TooLarge {
        /// The longest that is read.
        limit: usize,
    },
    /// The answer is not one of Prometheus.
    #[error("the answer is not that of a Prometheus: {0}")]
    Malformed(&'static str),
    /// The query gives no instant number.
    #[error("the query returned a {found} where a number is needed")]
    WrongType {
        /// What it returned.
        found: String,
    },
    /// The credential cannot be read.
    #[error("the bearer token file cannot be read")]
    NoCredential,
}

impl QueryError {
    /// The kind of error, for metric labels.
    #[must_use]
    pub const fn category(&self) -> &'static str {
        match self {
            Self::NoSeries => "no_series",
            Self::Ambiguous { .. } => "ambiguous",
            Self::NotFinite { .. } => "not_finite",
            Self::Partial { .. } => "partial",
            Self::Rejected { .. } => "rejected",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed(_) => "malformed",
            Self::WrongType { .. } => "wrong_type",
            Self::NoCredential => "no_credential",
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

    /// Whether Prometheus itself is to blame, rather than the query.
    #[must_use]
    pub const fn is_source_down(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. }
                | Self::Unreachable
                | Self::TimedOut(_)
                | Self::Malformed(_)
                | Self::NoCredential
        )
    }
}
