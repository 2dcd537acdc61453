use crate::spec::{Asks, BackendSpec, PolicySpec, Source, TrafficSpec};
use crate::units::Span;
use flow_control::{Adaptive, Aimd, EffectCheck, Law, NoData};
use serde::Deserialize;
use std::time::Duration;

/// Who sets the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Contender {
    /// The law Adaptive as it is by default.
    #[default]
    Balanced,
    /// The law Adaptive where violations weigh more than bandwidth.
    Strict,
    /// The law AIMD on running pods.
    Aimd,
    /// AIMD as the predecessor had it: a probe each half a second, a decision each two, and a roll-out of five.
    Predecessor,
    /// A careful person: nine tenths of the link's first capacity, once for all.
    Static,
    /// Nobody: every limit is its maximum.
    Free,
    /// Who knows the capacity: 95 % of it, shared fairly.
    Oracle,
    /// The policy as its own control parameters have it: those of a [`Candidate`](crate::Candidate); else as
    /// [`Balanced`](Self::Balanced) does.
    #[serde(skip)]
    Policy,
}

/// How a policy decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Control {
    pub(crate) law: Law,
    pub(crate) effect_check: Option<EffectCheck>,
    pub(crate) no_data: NoData,
}

/// Objectives that are unknown are borne for so long.
const NO_DATA_AFTER: Duration = Duration::from_secs(5);

impl Contender {
    /// All of those that are compared.
    pub const ALL: [Self; 7] =
        [Self::Balanced, Self::Strict, Self::Aimd, Self::Predecessor, Self::Static, Self::Free, Self::Oracle];

    /// Whether a law decides.
    pub(crate) const fn decides(self) -> bool {
        !matches!(self, Self::Static | Self::Free | Self::Oracle)
    }

    /// How it decides on `policy`; where it does not, nothing is asked of this.
    pub(crate) fn control(self, policy: &PolicySpec) -> Control {
        match (self, policy.control) {
            (Self::Policy, Some(control)) => control,
            _ => Control {
                law: self.law(),
                effect_check: self.effect_check(),
                no_data: NoData { after: NO_DATA_AFTER, action: policy.no_data.into() },
            },
        }
    }

    fn law(self) -> Law {
        match self {
            Self::Balanced | Self::Policy => Law::Adaptive(Adaptive::BALANCED),
            Self::Strict => Law::Adaptive(Adaptive::STRICT),
            Self::Aimd | Self::Predecessor | Self::Static | Self::Free | Self::Oracle => {
                Law::Aimd(Aimd::default())
            }
        }
    }

    const fn effect_check(self) -> Option<EffectCheck> {
        match self {
            Self::Aimd => {
                Some(EffectCheck { after: Duration::from_secs(30), retry_after: Duration::from_mins(10) })
            }
            Self::Balanced | Self::Strict | Self::Policy => Some(EffectCheck {
                after: Duration::from_millis(1_500),
                retry_after: Duration::from_secs(30),
            }),
            _ => None,
        }
    }

    /// Whether a new limit means new pods.
    pub(crate) fn replaces_pods(self) -> bool {
        self == Self::Predecessor
    }

    /// `policy` as far as it can follow it.
    pub(crate) fn adapt(self, policy: &PolicySpec) -> PolicySpec {
        let mut policy = policy.clone();
        if self == Self::Predecessor {
            policy.interval = Span(Duration::from_secs(2));
            policy.traffic = TrafficSpec::None;
            policy.backend = BackendSpec { delay: Span(Duration::from_secs(5)), tells: false };
            for objective in &mut policy.objectives {
                let (Asks::Jitter { samples, .. }
                | Asks::Latency { samples, .. }
                | Asks::Loss { samples, .. }) = &mut objective.asks;
                *samples = 20;
                if let Source::Probe(probe) = &mut objective.by {
                    probe.interval = Span(Duration::from_millis(500));
                }
            }
        }
        policy
    }
}
