use crate::Finite;
use std::time::Duration;

/// What an indicator says: a finite number in its base unit (seconds, bits per second, a ratio), or why
/// there is none.
pub type Reading = Result<Finite, Unknown>;

/// Why an indicator says nothing. Unknown is not zero: it is neither met nor violated, and never raises a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unknown {
    /// Nothing was measured yet.
    #[error("nothing was measured yet")]
    NoData,
    /// Something was measured, but too little to say anything.
    #[error("{have} samples of the {need} needed")]
    TooFewSamples {
        /// Samples at hand.
        have: usize,
        /// Samples needed.
        need: usize,
    },
    /// The newest measurement is too old.
    #[error("the newest measurement is {:.1} s old", age.as_secs_f64())]
    Stale {
        /// Its age.
        age: Duration,
    },
    /// The query matched no series.
    #[error("the query returned no series")]
    NoSeries,
    /// The query matched more than one series, so that no single one can be meant.
    #[error("the query returned {series} series where exactly one is needed")]
    Ambiguous {
        /// How many it matched.
        series: usize,
    },
    /// The value is NaN or infinite.
    #[error("the value is not a finite number")]
    NotFinite,
    /// Nobody knows the source that is to be asked.
    #[error("there is no such source")]
    NoSource,
    /// The source must not be asked, as the operator's administrator says.
    #[error("the source must not be asked")]
    NotAllowed,
    /// The source could not be asked, or its answer could not be used.
    #[error("the source failed")]
    SourceFailed,
}

impl Unknown {
    /// The kind of this outcome as one `CamelCase` word, for status, Events and metric labels.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::NoData => "NoData",
            Self::TooFewSamples { .. } => "TooFewSamples",
            Self::Stale { .. } => "Stale",
            Self::NoSeries => "NoSeries",
            Self::Ambiguous { .. } => "Ambiguous",
            Self::NotFinite => "NotFinite",
            Self::NoSource => "NoSource",
            Self::NotAllowed => "NotAllowed",
            Self::SourceFailed => "SourceFailed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_tenths_of_a_second() {
        let stale = Unknown::Stale { age: Duration::from_millis(1_260) };
        assert_eq!(stale.to_string(), "the newest measurement is 1.3 s old");
    }

    #[test]
    fn each_kind_is_called_what_its_variant_is_called() {
        for unknown in [
            Unknown::NoData,
            Unknown::TooFewSamples { have: 1, need: 5 },
            Unknown::Stale { age: Duration::from_secs(1) },
            Unknown::NoSeries,
            Unknown::Ambiguous { series: 2 },
            Unknown::NotFinite,
            Unknown::NoSource,
            Unknown::NotAllowed,
            Unknown::SourceFailed,
        ] {
            let shown = format!("{unknown:?}");
            assert_eq!(Some(unknown.kind()), shown.split_whitespace().next());
        }
    }
}
