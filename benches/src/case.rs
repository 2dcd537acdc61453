use crate::script::{self, Ready};
use flow_control::{Adaptive, Aimd, EffectCheck, Law};
use std::fmt;
use std::time::Duration;

/// A decision that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which law decides.
    pub law: LawName,
    /// How many objectives there are, and how many targets.
    pub size: usize,
    /// What there is to decide.
    pub situation: Situation,
}

/// A control law with its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LawName {
    /// The one that converges.
    Adaptive,
    /// The predecessor's.
    Aimd,
}

/// What there is to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// Every objective has headroom: limits grow.
    Quiet,
    /// Every objective holds without headroom: every rule is asked, and nothing is done.
    Tight,
    /// Every objective is violated: limits are cut.
    Violated,
    /// They hold again: the first raise after the cut.
    Recovering,
    /// Every objective is unknown: limits are held.
    Unknown,
    /// Cuts did not help: limits are given back.
    Futile,
}

impl LawName {
    const ALL: [Self; 2] = [Self::Adaptive, Self::Aimd];

    pub(crate) fn law(self) -> Law {
        match self {
            Self::Adaptive => Law::Adaptive(Adaptive::BALANCED),
            Self::Aimd => Law::Aimd(Aimd::default()),
        }
    }

    /// The defaults of `spec.control.effectCheck`.
    pub(crate) const fn effect_check(self) -> EffectCheck {
        match self {
            Self::Adaptive => {
                EffectCheck { after: Duration::from_millis(1_500), retry_after: Duration::from_secs(30) }
            }
            Self::Aimd => {
                EffectCheck { after: Duration::from_secs(30), retry_after: Duration::from_mins(10) }
            }
        }
    }
}

impl Situation {
    const ALL: [Self; 6] =
        [Self::Quiet, Self::Tight, Self::Violated, Self::Recovering, Self::Unknown, Self::Futile];
}

impl Case {
    const SIZES: [usize; 2] = [1, 64];

    /// All that are measured, in the order of the report.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |law, size| Situation::ALL.map(|situation| Self { law, size, situation });
        LawName::ALL
            .into_iter()
            .flat_map(move |law| Self::SIZES.into_iter().flat_map(move |size| of(law, size)))
    }

    /// All that the decision is made of; `None` if the law never comes to it.
    #[must_use]
    pub fn prepare(self) -> Option<Ready> {
        script::play(self)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?} {size}×{size} {:?}", self.law, self.situation, size = self.size)
    }
}
