//! The Events about a policy. One tells that a condition has come to stand otherwise, and then has that
//! condition's reason; the others are in [`TABLE`].

/// Whether and how loudly an Event tells of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Not at all: another Event tells it, or it follows from one.
    Silent,
    /// For the record.
    Normal,
    /// A person should do something about it.
    Warning,
}

/// An Event that tells of something else than a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happening {
    telling: Telling,
    reason: &'static str,
    action: &'static str,
    when: &'static str,
}

impl Happening {
    /// How loudly it is told.
    #[must_use]
    pub const fn telling(self) -> Telling {
        self.telling
    }

    /// What happened, as one word.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        self.reason
    }

    /// What the operator was doing, as one word.
    #[must_use]
    pub const fn action(self) -> &'static str {
        self.action
    }

    /// When it is told, as sentences.
    #[must_use]
    pub const fn when(self) -> &'static str {
        self.when
    }
}

macro_rules! table {
    ($($name:ident = $telling:ident $reason:ident $action:ident: $when:literal;)*) => {
        $(
            #[doc = $when]
            pub const $name: Happening = Happening {
                telling: Telling::$telling,
                reason: stringify!($reason),
                action: stringify!($action),
                when: $when,
            };
        )*

        /// Every Event that tells of something else than a condition.
        pub const TABLE: &[Happening] = &[$($name),*];
    };
}

table! {
    OBJECTIVE_VIOLATED = Normal ObjectiveViolated Measure:
        "An objective leaves its bound.";
    OBJECTIVE_UNKNOWN = Warning NoData Measure:
        "An objective can no longer be measured, or could not within its first seconds.";
    OBJECTIVE_MET = Normal ObjectiveMet Measure:
        "An objective is within its bound again.";
    LIMITS_CUT = Normal ObjectiveViolated Decrease:
        "Limits begin to fall, since an objective is violated.";
    LIMITS_CUT_EARLY = Normal QueueGrows Decrease:
        "Limits begin to fall before an objective is violated, since the queue on its path grows (law Adaptive).";
    LIMITS_TO_MINIMUM = Normal NoDataTooLong Decrease:
        "Limits go to their minimum, since an objective cannot be measured (`onNoData.action: Minimum`).";
    AT_MINIMUM = Warning AtMinimum Decrease:
        "Every limit is at its minimum, and an objective that decides is violated all the same.";
    AT_MAXIMUM = Normal AtMaximum Increase:
        "Every limit is back at its maximum.";
    RESUMED = Normal Resumed Override:
        "A pause, or a pin, is over.";
    EFFECTIVE = Normal Effective Decide:
        "Bandwidth is no longer given back for want of an effect of lower limits.";
}
