/// What a decision does to the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Lowers every limit that is above its minimum.
    Decrease,
    /// Raises every limit that is below its maximum.
    Increase,
    /// Changes nothing.
    Hold,
    /// Takes every limit away until there is data again.
    Release,
    /// Sets every limit to the value that a person asks for.
    Pin,
}

/// Why a decision was taken. Each reason belongs to one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// An objective is violated.
    ObjectiveViolated,
    /// An objective is violated, and every limit is at its minimum already.
    AtMinimum,
    /// The queue on the way grows, and an objective would break.
    QueueGrows,
    /// A queue stands on the way: too short to cut limits, too long to raise them.
    QueueStands,
    /// Limits go back to what the link seems to carry, now that the queue is gone.
    Recovery,
    /// More than the present limits has failed lately; it is tried again later.
    RetryLater,
    /// What is sent does not use the limits.
    Unused,
    /// Nothing has been sent for a while.
    Idle,
    /// An objective is violated although no target sends what its minimum would not let through.
    NotTheCause,
    /// Every objective holds with headroom.
    Headroom,
    /// Every objective holds with headroom, and every limit is at its maximum already.
    AtMaximum,
    /// The effect of the last change is not measured yet.
    AwaitingEffect,
    /// Every objective holds, one of them without headroom.
    WithinBounds,
    /// An objective is unknown.
    NoData,
    /// An objective has been unknown for longer than allowed.
    NoDataTooLong,
    /// Lower limits do not help: they are given back, or are back already.
    NoEffect,
    /// No target has a running pod that a limit could act on.
    NoPods,
    /// No running pod is held to its limit.
    NotInForce,
    /// A limit counts only for pods that are made after it.
    OnlyAtCreation,
    /// Workloads are replacing their pods for the limit of before.
    RollingOut,
    /// A person has asked to leave the limits as they are.
    Paused,
    /// A person has asked for a certain limit.
    Pinned,
}

/// What was decided, why, and which objective tipped the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What happens to the limits.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The position, among the observations, of the objective that decided.
    pub objective: Option<usize>,
}
