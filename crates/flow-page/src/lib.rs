//! The page that shows what policies measured, decided and did over time: what the operator serves, and what a
//! backtest and the demo write to a file.
//!
//! [`Page`] is its data, as JSON too; times are Unix times in milliseconds. [`Page::document`] is one file with its data
//! in it, and [`live`] the same page for an operator that serves the data beside it.

mod document;

pub use document::{CONTENT_SECURITY_POLICY, live};

use serde::{Deserialize, Serialize};

/// What one page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// What it is about, such as `flow-manager` or `Backtest of factory/robot`.
    pub title: String,
    /// What its reader has to know besides, such as what a replay cannot know.
    pub note: Option<String>,
    /// When this was.
    pub at: i64,
    /// The policies, worst first.
    pub policies: Vec<PolicyHistory>,
    /// What else there is to tell, below the policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
}

/// Facts in rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// What it tells, such as `Other bounds of command-latency`.
    pub title: String,
    /// The heads of its columns.
    pub columns: Vec<String>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// A policy over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyHistory {
    /// Its namespace; empty where there is none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Enforce` or `Observe`.
    pub mode: String,
    /// The worst state of the objectives that decide.
    pub state: State,
    /// Why it stands as it does, as a sentence.
    pub why: String,
    /// Why its limits stay as they are, as a reason and a sentence; none where the last decision has changed them, or it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holding: Option<String>,
    /// When limits were last too high; none where they never were, or it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// Since when it is decided by the present spec and by this controller: what limits were too high before is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Each of its objectives, in its order.
    pub objectives: Vec<ObjectiveHistory>,
    /// Each of its targets, in its order.
    pub targets: Vec<TargetHistory>,
    /// Changes of its limits, oldest first.
    pub decisions: Vec<Mark>,
}

/// That limits were too high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// When they were last.
    pub at: i64,
    /// When more than what is known to be good is tried again, at the earliest.
    pub retry: i64,
}

/// How an objective or a policy stands; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Its spec cannot be used.
    Invalid,
    /// Measured, and beyond the bound.
    Violated,
    /// Not measured.
    Unknown,
    /// Within the bound, though not by enough to raise limits.
    Met,
    /// Well within the bound.
    Clear,
}

/// An objective over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectiveHistory {
    /// Its name.
    pub name: String,
    /// What its values are counted in.
    pub unit: Unit,
    /// Its bound; of a range, one end.
    pub bound: f64,
    /// Whether its values are to stay above the bound, rather than below.
    pub at_least: bool,
    /// The other end of a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_bound: Option<f64>,
    /// How it stands now.
    pub state: State,
    /// When the newest measurement was made; none where there is none, or it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<i64>,
    /// The queue on its path now; none where no probe tells of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// What was measured: the worst of each step, none where nothing was.
    pub values: Series,
}

/// The queue on a path.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// What packets wait in it, in seconds.
    pub delay: f64,
    /// A longer delay than this leads to lower limits.
    pub allowed: f64,
}

/// What values are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bits per second.
    BitsPerSecond,
    /// A share of one, such as lost packets.
    Ratio,
    /// Whatever a query counts.
    Number,
}

/// A target over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetHistory {
    /// What it is, such as `Deployment/upload`.
    pub name: String,
    /// Its running pods.
    pub pods: usize,
    /// Those of them on which the limit is in force.
    pub enforced: usize,
    /// Whether the limit is that of each pod, rather than of all together.
    #[serde(default)]
    pub limit_each_pod: bool,
    /// What got through, of each pod or of all, when its limit was last too high, in bit/s; none where it never was, or it
    /// is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_much: Option<f64>,
    /// The limit that it returns to once it is calm, in bit/s; none where nothing is to be returned to, or it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<f64>,
    /// The highest limit that is known to be good, in bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_good: Option<f64>,
    /// How many pods ran, each from when on, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Count>,
    /// Its limit in bit/s at the end of each step; none where it was not limited.
    pub limit: Series,
    /// What its pods really sent together, in bit/s; none where that is not known.
    pub sent: Series,
}

/// How many pods of a target ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// From when on.
    pub at: i64,
    /// How many.
    pub pods: usize,
}

/// Values at equal distances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// When the first step begins.
    pub start: i64,
    /// How long each lasts, in milliseconds.
    pub step: i64,
    /// One for each step, oldest first.
    pub values: Vec<Option<f64>>,
}

/// A change of limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// When.
    pub at: i64,
    /// What was decided, such as `Decrease`.
    pub decision: String,
    /// Why, as the status and Events have it, such as `ObjectiveViolated`.
    pub reason: String,
    /// The same as a sentence.
    pub message: String,
}
