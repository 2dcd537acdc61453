//! What decisions are called and why they are taken, in few words.

use flow_control::{Action, Reason};

/// The mark of an action in a plot.
#[must_use]
pub const fn mark(action: Action) -> char {
    match action {
        Action::Decrease => 'v',
        Action::Increase => '^',
        Action::Hold => '=',
        Action::Release => 'o',
        Action::Pin => '#',
    }
}

/// Why limits were changed, in few words.
#[must_use]
pub const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::ObjectiveViolated => "an objective is violated",
        Reason::AtMinimum => "violated, and every limit is at its minimum",
        Reason::QueueGrows => "the queue on the path grows",
        Reason::QueueStands => "the queue on the path is not gone",
        Reason::Recovery => "it is calm again, and more seems to fit",
        Reason::RetryLater => "more has failed lately",
        Reason::Unused => "what is sent does not use the limits",
        Reason::Idle => "nothing has been sent for a while",
        Reason::NotTheCause => "the targets are not the cause",
        Reason::Headroom => "every objective has headroom",
        Reason::AtMaximum => "every limit is at its maximum",
        Reason::AwaitingEffect => "the last change does not show yet",
        Reason::WithinBounds => "every objective holds, without headroom",
        Reason::NoData => "an objective is unknown",
        Reason::NoDataTooLong => "an objective has been unknown for too long",
        Reason::NoEffect => "lower limits do not help",
        Reason::NoPods => "no target has a running pod",
        Reason::NotInForce => "no pod is held to its limit",
        Reason::OnlyAtCreation => "limits count only for new pods",
        Reason::RollingOut => "workloads are replacing their pods",
        Reason::Paused => "paused by annotation",
        Reason::Pinned => "pinned by annotation",
    }
}
