use crate::spec::{Asks, BackendSpec, PolicySpec, Source, TrafficSpec};
use crate::units::Span;
use flow_control::{Adaptive, Aimd, EffectCheck, Law};
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
}

impl Contender {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Balanced, Self::Strict, Self::Aimd, Self::Predecessor, Self::Static, Self::Free, Self::Oracle];

    /// The law that decides, where one does.
    pub(crate) fn law(self) -> Option<Law> {
        match self {
            Self::Balanced => Some(Law::Adaptive(Adaptive::BALANCED)),
            Self::Strict => Some(Law::Adaptive(Adaptive::STRICT)),
            Self::Aimd | Self::Predecessor => Some(Law::Aimd(Aimd::default())),
            Self::Static | Self::Free | Self::Oracle => None,
        }
    }

    pub(crate) const fn effect_check(self) -> Option<EffectCheck> {
        match self {
            Self::Aimd => {
                Some(EffectCheck { after: Duration::from_secs(30), retry_after: Duration::from_mins(10) })
            }
            Self::Balanced | Self::Strict => Some(EffectCheck {
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

    /// Whether a queue on the way makes it decide at once.
    pub(crate) const fn hurries(self) -> bool {
        matches!(self, Self::Balanced | Self::Strict)
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
