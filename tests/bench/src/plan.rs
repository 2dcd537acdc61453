//! What is run, for how long, and by whom.

use serde::Serialize;
use std::time::Duration;

/// Runs of everything that is compared with something else in the same repetition.
pub(crate) const REPETITIONS: u32 = 3;
/// The bound on the critical flow's jitter, the interquartile range of its delays, in microseconds.
pub(crate) const BOUND_US: f64 = 500.0;
/// The link, unless the scenario says otherwise, in Mbit/s.
pub(crate) const LINK_MBPS: u32 = 100;
/// The critical flow as it is on the link, with the operator's probes of it, in Mbit/s: about 150 packets of 100 bytes
/// a second.
pub(crate) const CRITICAL_MBPS: f64 = 0.12;
/// The share of the link that an oracle would give away without a queue.
pub(crate) const ORACLE_SHARE: f64 = 0.95;
/// The time before traffic starts that is recorded as well, for the delay of an empty link.
pub(crate) const QUIET: Duration = Duration::from_secs(2);
/// The limits of a pod, in kbit/s, among which the best fixed one is sought.
pub(crate) const CANDIDATES_KBPS: [u64; 4] = [43_000, 45_000, 46_500, 48_000];
/// How long each of them is tried, after [`SWEEP_WARM_UP`].
pub(crate) const SWEEP: Duration = Duration::from_secs(8);
/// See [`SWEEP`].
pub(crate) const SWEEP_WARM_UP: Duration = Duration::from_secs(2);
/// What the critical flow is delayed by during a fault, at most, in milliseconds.
pub(crate) const FAULT_MS: u32 = 8;
/// When the fault begins and ends after the start of the traffic.
pub(crate) const FAULT: [Duration; 2] = [Duration::from_secs(20), Duration::from_secs(45)];

/// What happens to the link and to the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// The link stays as it is; two pods send all they can.
    Fixed,
    /// The link's capacity changes every 5 to 15 s.
    Varying,
    /// One more pod sends datagrams, whatever becomes of them.
    Udp,
    /// The critical service is slow for a while, for which no upload is to blame.
    Fault,
    /// As [`Fixed`](Self::Fixed), for long.
    Settled,
    /// As [`Varying`](Self::Varying), for long.
    SettledVarying,
}

/// Who protects the critical flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// Nobody.
    None,
    /// A limit that never changes: the best of a sweep.
    BestFixed,
    /// The predecessor as it was: AIMD at its pace, and new pods for each new limit.
    PredecessorRollout,
    /// The predecessor's law and pace, with live limits.
    PredecessorLive,
    /// The law Adaptive as it comes.
    Ours,
    /// The law Adaptive in its mode Strict.
    OursStrict,
    /// The law Adaptive without any probe: by a query of Prometheus, which scrapes once a second.
    OursPrometheus,
}

use Contender::{
    BestFixed, None as Nobody, Ours, OursPrometheus, OursStrict, PredecessorLive, PredecessorRollout,
};

impl Scenario {
    /// All, in the order in which they are run.
    pub(crate) const ALL: [Self; 6] =
        [Self::Fixed, Self::Varying, Self::Udp, Self::Fault, Self::Settled, Self::SettledVarying];

    /// The name in reports and in `BENCH_ONLY`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Varying => "varying",
            Self::Udp => "udp",
            Self::Fault => "fault",
            Self::Settled => "settled",
            Self::SettledVarying => "settled-varying",
        }
    }

    /// What it is, for readers.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Fixed => "two pods upload all they can over a link of 100 Mbit/s",
            Self::Varying => "the same, while the link changes between 45 and 100 Mbit/s every 5 to 15 s",
            Self::Udp => "one more pod sends 60 Mbit/s of UDP, whatever becomes of it",
            Self::Fault => {
                "the uploads want 30 Mbit/s only; for 25 s the way to the critical service delays each datagram by up \
                 to 8 ms, which no limit can cure"
            }
            Self::Settled => "as fixed, for longer; counted from second 60 on",
            Self::SettledVarying => "as varying, for longer; counted from second 30 on",
        }
    }

    /// From the start of the traffic to its end.
    pub(crate) const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Udp => 25,
            Self::Fixed => 35,
            Self::Varying | Self::Fault => 50,
            Self::Settled => 130,
            Self::SettledVarying => 80,
        })
    }

    /// The time after the start of the traffic that does not count for the steady state.
    pub(crate) const fn warm_up(self) -> Duration {
        Duration::from_secs(match self {
            Self::Fixed | Self::Varying | Self::Udp | Self::Fault => 10,
            Self::Settled => 60,
            Self::SettledVarying => 30,
        })
    }

    /// Whether the link's capacity changes.
    pub(crate) const fn varies(self) -> bool {
        matches!(self, Self::Varying | Self::SettledVarying)
    }

    /// Who takes part in a repetition, counted from 0. Those that are compared with each other take part in each; the
    /// rest in the first, or a run would take hours.
    pub(crate) const fn contenders(self, repetition: u32) -> &'static [Contender] {
        match (self, repetition) {
            (Self::Fixed, 0) => {
                &[Nobody, PredecessorRollout, PredecessorLive, Ours, OursStrict, OursPrometheus]
            }
            (Self::Varying, 0) => {
                &[BestFixed, PredecessorRollout, PredecessorLive, Ours, OursStrict, OursPrometheus]
            }
            (Self::Fixed | Self::Varying, _) => &[PredecessorRollout, Ours, OursStrict],
            (Self::Udp, 0) => &[Nobody, PredecessorLive, Ours],
            (Self::Fault, 0) => &[PredecessorLive, Ours],
            (Self::Settled | Self::SettledVarying, 0) => &[Ours],
            _ => &[],
        }
    }
}

impl Contender {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 7] =
        [Nobody, BestFixed, PredecessorRollout, PredecessorLive, Ours, OursStrict, OursPrometheus];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::BestFixed => "best-fixed",
            Self::PredecessorRollout => "predecessor-rollout",
            Self::PredecessorLive => "predecessor-live",
            Self::Ours => "ours",
            Self::OursStrict => "ours-strict",
            Self::OursPrometheus => "ours-prometheus",
        }
    }

    /// What it is, for readers.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::None => "no protection",
            Self::BestFixed => {
                "one limit for good: of four candidates, tried on the fixed link in the same repetition, the one with \
                 the most goodput and less than 1 % of the time in violation"
            }
            Self::PredecessorRollout => {
                "AIMD at the predecessor's pace (a probe each 500 ms, 20 samples, a decision each 2 s), written to the \
                 pod template, so that pods are replaced"
            }
            Self::PredecessorLive => "the same law and pace, by flow-manager, with live limits",
            Self::Ours => "flow-manager as it comes (law Adaptive), a probe each 20 ms",
            Self::OursStrict => "the same in its mode Strict",
            Self::OursPrometheus => {
                "the same without a probe: an objective on a histogram that Prometheus scrapes each second"
            }
        }
    }
}

/// One run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) contender: Contender,
    pub(crate) repetition: u32,
    pub(crate) length: Duration,
    pub(crate) warm_up: Duration,
    /// The limit of each pod under [`Contender::BestFixed`].
    pub(crate) fixed_kbps: Option<u64>,
}

impl Plan {
    /// The run of a scenario as it is usually run.
    pub(crate) const fn of(scenario: Scenario, contender: Contender, repetition: u32) -> Self {
        let (length, warm_up) = (scenario.length(), scenario.warm_up());
        Self { scenario, contender, repetition, length, warm_up, fixed_kbps: None }
    }

    /// The try of a fixed limit.
    pub(crate) const fn sweep(repetition: u32, kbps: u64) -> Self {
        let plan = Self::of(Scenario::Fixed, BestFixed, repetition);
        Self { length: SWEEP, warm_up: SWEEP_WARM_UP, fixed_kbps: Some(kbps), ..plan }
    }

    /// The seed of the link's changes: the same for all contenders of a repetition.
    pub(crate) fn seed(&self) -> u64 {
        0xF10 + u64::from(self.repetition)
    }
}

/// Reads `BENCH_ONLY`: the scenarios that are asked for. An unknown name is an error.
pub(crate) fn selected(only: Option<&str>) -> Result<Vec<Scenario>, String> {
    let Some(only) = only.filter(|only| !only.trim().is_empty()) else { return Ok(Scenario::ALL.to_vec()) };
    let find = |name: &str| {
        let found = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name.trim());
        found.ok_or_else(|| format!("there is no scenario {name:?}"))
    };
    only.split(',').map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_divided_by_another_is_in_the_same_repetition_each_time() {
        for repetition in 0..REPETITIONS {
            for scenario in [Scenario::Fixed, Scenario::Varying] {
                let contenders = scenario.contenders(repetition);
                for needed in [Ours, OursStrict, PredecessorRollout] {
                    assert!(contenders.contains(&needed), "{scenario:?} {repetition} {needed:?}");
                }
            }
        }
    }

    #[test]
    fn a_full_run_sends_traffic_for_half_an_hour_at_most() {
        let sweeps = u64::from(REPETITIONS) * 4 * SWEEP.as_secs();
        let runs = (0..REPETITIONS).flat_map(|repetition| {
            Scenario::ALL.map(|scenario| {
                let runs = u64::try_from(scenario.contenders(repetition).len()).unwrap();
                runs * scenario.length().as_secs()
            })
        });
        let seconds = sweeps + runs.sum::<u64>();
        assert!(seconds <= 32 * 60, "{seconds}");
    }

    #[test]
    fn scenarios_are_chosen_by_name() {
        assert_eq!(selected(None).unwrap(), Scenario::ALL);
        assert_eq!(selected(Some("udp, fixed")).unwrap(), [Scenario::Udp, Scenario::Fixed]);
        assert!(selected(Some("upd")).unwrap_err().contains("upd"));
    }
}
