//! The best limit that never changes.

use crate::Asked;
use crate::bed::Bed;
use crate::figures::Figures;
use crate::plan::{CANDIDATES_KBPS, Plan, Scenario};
use crate::report::Results;
use crate::{run, show};

/// The most of the time in violation that a fixed limit may have.
const VIOLATION_RATIO: f64 = 0.01;

/// Tries each candidate on the fixed link, and returns the best in kbit/s. Its figures count as a run of `best-fixed`.
pub(crate) async fn sweep(
    bed: &mut Bed,
    repetition: u32,
    asked: &Asked,
    results: &mut Results,
) -> Option<u64> {
    let needed = [Scenario::Fixed, Scenario::Varying].iter().any(|needed| asked.scenarios.contains(needed));
    let mut tried = Vec::new();
    for kbps in CANDIDATES_KBPS.into_iter().filter(|_| needed) {
        let plan = Plan::sweep(repetition, kbps);
        match run::run(bed, &plan).await {
            Ok(recording) => {
                let figures = Figures::of(&plan, &recording);
                show::figures(&figures);
                tried.push((kbps, figures));
            }
            Err(error) => {
                results.failures.push(format!("sweep, {kbps} kbit/s: {error}"));
                // If this fails as well, the next run says so.
                let _ = bed.recover().await;
            }
        }
    }
    results.sweeps.extend(tried.iter().map(|(_, figures)| figures.clone()));
    let (kbps, figures) = best(&tried)?;
    if asked.scenarios.contains(&Scenario::Fixed) {
        results.runs.push(figures.clone());
    }
    Some(*kbps)
}

/// The one with the most goodput of those that hardly ever violate; the lowest where all do.
fn best(tried: &[(u64, Figures)]) -> Option<&(u64, Figures)> {
    let good = tried.iter().filter(|(_, figures)| figures.violation_ratio < VIOLATION_RATIO);
    let best = good.max_by(|(_, one), (_, other)| one.goodput_mbps.total_cmp(&other.goodput_mbps));
    best.or_else(|| tried.iter().min_by_key(|(kbps, _)| *kbps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Contender;
    use crate::summary::tests::run;

    fn tried(of: &[(u64, f64, f64)]) -> Vec<(u64, Figures)> {
        let one = |(kbps, ratio, goodput): &(u64, f64, f64)| {
            (*kbps, run(Scenario::Fixed, Contender::BestFixed, 0, *ratio, *goodput))
        };
        of.iter().map(one).collect()
    }

    #[test]
    fn the_best_has_the_most_goodput_of_those_that_hardly_ever_violate() {
        let all = tried(&[(42_000, 0.0, 82.0), (45_000, 0.0, 88.0), (47_000, 0.2, 92.0)]);
        assert_eq!(best(&all).unwrap().0, 45_000);
    }

    #[test]
    fn where_all_violate_the_lowest_is_the_best() {
        let all = tried(&[(45_000, 0.3, 88.0), (42_000, 0.2, 82.0)]);
        assert_eq!(best(&all).unwrap().0, 42_000);
        assert!(best(&[]).is_none());
    }
}
