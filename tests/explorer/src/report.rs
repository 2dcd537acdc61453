//! What a run has found.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// What became of the changes of one policy, or of several.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// All changes that were made, ways back to a base included.
    pub transitions: usize,
    /// Those that the API server refused.
    pub refused: usize,
    /// Those that were stored, and that the operator understood.
    pub accepted: usize,
    /// Those that were stored, and that the operator refused in the status.
    pub invalid: usize,
    /// Ways back to a state that is known to be good.
    pub homes: usize,
    /// Policies that were deleted.
    pub deletions: usize,
    /// The fields of the schema that were changed.
    pub changed: BTreeSet<String>,
    /// What was wrong.
    pub failures: Vec<Failure>,
}

/// A change of which something wrong came.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The spec before.
    pub before: Value,
    /// The change.
    pub change: String,
    /// What was wrong.
    pub what: String,
    /// Whether it went wrong again where nothing went before but that spec; unknown where that cannot be tried.
    pub fails_alone: Option<bool>,
}

/// What a run has found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// By which it can be repeated.
    pub seed: u64,
    /// How many policies there were at once.
    pub policies: u64,
    /// How long it took.
    pub seconds: u64,
    /// How often a policy was reconciled in vain.
    pub reconcile_errors: f64,
    /// What the operator has complained of.
    pub complaints: usize,
    /// What became of the changes.
    pub tally: Tally,
}

impl Tally {
    /// Adds what became of other changes.
    pub fn add(&mut self, other: Self) {
        self.transitions += other.transitions;
        self.refused += other.refused;
        self.accepted += other.accepted;
        self.invalid += other.invalid;
        self.homes += other.homes;
        self.deletions += other.deletions;
        self.changed.extend(other.changed);
        self.failures.extend(other.failures);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { transitions, refused, accepted, invalid, homes, deletions, changed, failures } =
            &self.tally;
        writeln!(
            out,
            "seed {}: {transitions} transitions of {} policies in {} s: {refused} refused, {accepted} accepted, {invalid} \
             refused in the status, {homes} back to a base; {deletions} deletions; {} fields changed; {} reconciliations \
             in vain, {} complaints; {} failures",
            self.seed,
            self.policies,
            self.seconds,
            changed.len(),
            self.reconcile_errors,
            self.complaints,
            failures.len(),
        )?;
        failures.iter().try_for_each(|failure| writeln!(out, "{failure}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alone = match self.fails_alone {
            Some(true) => "fails again by itself",
            Some(false) => "does not fail by itself",
            None => "could not be tried by itself",
        };
        writeln!(
            out,
            "FAILED: {} ({alone})\n  {}\n  the spec before: {}",
            self.change, self.what, self.before
        )
    }
}
