use crate::contender::Contender;
use crate::figures::Figures;
use serde::Deserialize;

/// What is expected of a scenario's figures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    violated_percent: Option<Expected>,
    /// Of the predecessor's in the same scenario, in hundredths.
    violated_of_predecessor_percent: Option<Expected>,
    /// Of the oracle's, in hundredths.
    goodput_percent: Option<Expected>,
    changes_per_minute: Option<Expected>,
    variation_percent: Option<Expected>,
    reaction_ms: Option<Expected>,
    slow_reaction_ms: Option<Expected>,
    ineffective_after: Option<Expected>,
    /// Why lower limits must never be found to be of no effect.
    never_ineffective: Option<String>,
}

/// The range that a figure must lie within, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[serde(default)]
    least: f64,
    most: f64,
    why: String,
}

impl Expect {
    /// Each figure that is not as expected, as a sentence; `other` tells how another contender does.
    #[must_use]
    pub fn misses(&self, figures: &Figures, other: impl Fn(Contender) -> Figures) -> Vec<String> {
        let percent = |ours: f64, theirs: f64| (theirs > 0.0).then_some(100.0 * ours / theirs);
        let goodput = percent(figures.goodput_mbps, other(Contender::Oracle).goodput_mbps);
        let predecessor =
            self.violated_of_predecessor_percent.as_ref().map(|_| other(Contender::Predecessor));
        let violated = predecessor.and_then(|it| percent(figures.violated_percent, it.violated_percent));
        let all = [
            ("violatedPercent", &self.violated_percent, Some(figures.violated_percent)),
            ("violatedOfPredecessorPercent", &self.violated_of_predecessor_percent, violated),
            ("goodputPercent", &self.goodput_percent, goodput),
            ("changesPerMinute", &self.changes_per_minute, Some(figures.changes_per_minute)),
            ("variationPercent", &self.variation_percent, Some(figures.variation_percent)),
            ("reactionMs", &self.reaction_ms, figures.reaction_ms),
            ("slowReactionMs", &self.slow_reaction_ms, figures.slow_reaction_ms),
            ("ineffectiveAfter", &self.ineffective_after, figures.ineffective_after),
        ];
        let missed =
            all.into_iter().filter_map(|(name, expected, found)| expected.as_ref()?.miss(name, found));
        missed.chain(self.ineffective_at_all(figures)).collect()
    }

    fn ineffective_at_all(&self, figures: &Figures) -> Option<String> {
        let why = self.never_ineffective.as_ref()?;
        Some(format!("found to be ineffective after {:.1} s, but {why}", figures.ineffective_after?))
    }
}

impl Expected {
    fn miss(&self, name: &str, found: Option<f64>) -> Option<String> {
        let Self { least, most, why } = self;
        match found {
            Some(found) if (*least..=*most).contains(&found) => None,
            Some(found) => Some(format!("{name} is {found:.1}, not {least} to {most}: {why}")),
            None => Some(format!("there is no {name}, expected {least} to {most}: {why}")),
        }
    }
}
