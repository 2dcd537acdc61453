//! What came of it.

use crate::fault::Kind;
use flow_e2e::statistics::median;
use flow_e2e::{Machine, Result};
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// How much more memory the last third may take than the middle one.
pub(crate) const MOST_GROWTH: f64 = 1.05;
/// How much the operator may complain while nothing is away, in lines a second.
const MOST_COMPLAINTS: f64 = 1.0;

/// How things stood at a time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    /// Since the start.
    pub(crate) at_s: f64,
    /// Memory of the operator.
    pub(crate) rss_mib: f64,
    /// Policies that it knows.
    pub(crate) policies: Option<f64>,
    /// Lines in which it has complained.
    pub(crate) complaints: usize,
    /// Reconciliations in vain, since it started.
    pub(crate) reconcile_errors: Option<f64>,
    /// Limits that it has written, since it started.
    pub(crate) writes: Option<f64>,
    /// Whether something is away, or was a moment ago.
    pub(crate) in_trouble: bool,
}

/// Something that went wrong on purpose.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fault {
    pub(crate) at_s: f64,
    pub(crate) kind: Kind,
    pub(crate) seconds: f64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) minutes: f64,
    pub(crate) machine: Machine,
    /// What users did, and how often the API server was not there for it.
    pub(crate) deeds: usize,
    pub(crate) deeds_in_vain: usize,
    pub(crate) faults: Vec<Fault>,
    /// How long it took, at each pause, until every pod had its limit.
    pub(crate) settled_after_s: Vec<f64>,
    /// How long it took until all policies were gone, and every pod was as before.
    pub(crate) restored_after_s: f64,
    pub(crate) samples: Vec<Sample>,
    /// What was wrong.
    pub(crate) failures: Vec<String>,
}

impl Report {
    /// The median of the memory in a third of the time: 0, 1 or 2.
    pub(crate) fn rss_mib(&self, third: u32) -> Option<f64> {
        let length = self.minutes * 60.0 / 3.0;
        let (from, to) = (f64::from(third) * length, f64::from(third + 1) * length);
        let within = self.samples.iter().filter(|sample| (from..to).contains(&sample.at_s));
        median(&within.map(|sample| sample.rss_mib).collect::<Vec<_>>())
    }

    /// How much more memory the last third takes than the middle one.
    pub(crate) fn growth(&self) -> Option<f64> {
        Some(self.rss_mib(2)? / self.rss_mib(1)?)
    }

    /// Complaints a second while nothing is away.
    pub(crate) fn calm_complaints(&self) -> f64 {
        let (mut lines, mut seconds) = (0, 0.0);
        for (before, after) in self.samples.iter().zip(self.samples.iter().skip(1)) {
            if !before.in_trouble && !after.in_trouble {
                lines += after.complaints.saturating_sub(before.complaints);
                seconds += after.at_s - before.at_s;
            }
        }
        let lines = f64::from(u32::try_from(lines).unwrap_or(u32::MAX));
        if seconds > 0.0 { lines / seconds } else { 0.0 }
    }

    /// Everything that is not as it should be.
    pub(crate) fn problems(&self) -> Vec<String> {
        let growth = match self.growth() {
            Some(growth) if growth <= MOST_GROWTH => None,
            growth => Some(format!("memory grew by {growth:?} from the middle to the last third")),
        };
        let complaints = self.calm_complaints();
        let complaints =
            (complaints > MOST_COMPLAINTS).then(|| format!("{complaints:.2} complaints a second"));
        self.failures.iter().cloned().chain(growth).chain(complaints).collect()
    }

    /// Writes it, as JSON and as text.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::from)?;
        fs_err::write(folder.join("report.json"), text)?;
        Ok(fs_err::write(folder.join("report.txt"), self.to_string())?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |kind| self.faults.iter().filter(|fault| fault.kind == kind).count();
        let faults = [Kind::Killed, Kind::Stopped, Kind::ApiServer, Kind::Prometheus, Kind::Etcd];
        let faults: Vec<_> = faults.iter().map(|kind| format!("{kind:?} {}", count(*kind))).collect();
        let mib = |third| self.rss_mib(third).unwrap_or(f64::NAN);
        writeln!(
            out,
            "seed {}, {} min; {} deeds, {} in vain",
            self.seed, self.minutes, self.deeds, self.deeds_in_vain
        )?;
        writeln!(out, "faults: {}", faults.join(", "))?;
        writeln!(
            out,
            "memory, medians of thirds: {:.1}, {:.1}, {:.1} MiB; last to middle {:.3}",
            mib(0),
            mib(1),
            mib(2),
            self.growth().unwrap_or(f64::NAN)
        )?;
        writeln!(out, "complaints while nothing is away: {:.3} a second", self.calm_complaints())?;
        writeln!(out, "every pod at its limit {:.1?} s after churn ended", self.settled_after_s)?;
        writeln!(out, "without policies every pod as before after {:.1} s", self.restored_after_s)?;
        let problems = self.problems();
        problems.iter().try_for_each(|problem| writeln!(out, "FAILED: {problem}"))?;
        writeln!(out, "{}", if problems.is_empty() { "all well" } else { "not well" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_s: f64, rss_mib: f64, complaints: usize, in_trouble: bool) -> Sample {
        let none = None;
        Sample { at_s, rss_mib, policies: none, complaints, reconcile_errors: none, writes: none, in_trouble }
    }

    fn report(samples: Vec<Sample>) -> Report {
        Report {
            seed: 1,
            minutes: 1.0,
            machine: Machine::this(),
            deeds: 0,
            deeds_in_vain: 0,
            faults: Vec::new(),
            settled_after_s: Vec::new(),
            restored_after_s: 0.0,
            samples,
            failures: Vec::new(),
        }
    }

    #[test]
    fn memory_that_grows_is_a_problem_and_what_is_not_known_too() {
        let of = |last| report(vec![sample(25.0, 100.0, 0, false), sample(45.0, last, 0, false)]);
        assert!(of(104.0).problems().is_empty());
        assert_eq!((of(106.0).problems().len(), report(Vec::new()).problems().len()), (1, 1));
    }

    #[test]
    fn complaints_count_while_nothing_is_away() {
        let samples = vec![
            sample(0.0, 1.0, 0, false),
            sample(10.0, 1.0, 5, false),
            sample(20.0, 1.0, 500, true),
            sample(30.0, 1.0, 900, false),
        ];
        assert!((report(samples).calm_complaints() - 0.5).abs() < 1e-9);
    }
}
