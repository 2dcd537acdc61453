//! How far objectives and queues have to go until limits fall or rise.

use super::basis::{left, whose};
use crate::page::Recent;
use crate::policies::{PolicyView, TargetView};
use flow_control::{Adaptive, Bound, Finite, Law, Queueing};
use flow_page::Queue;
use flow_policy::status::{ObjectiveState, ObjectiveStatus};
use flow_policy::{Indicator, Objective, Policy, Source, show};
use jiff::Timestamp;
use std::time::Duration;

/// An objective that decides, and what the status tells of it.
pub(super) type Told<'a> = (&'a Objective, &'a ObjectiveStatus);

/// What would make limits fall that no objective presses.
pub(super) fn falls(view: &PolicyView, policy: &Policy, recent: Option<Recent>, told: &[Told]) -> String {
    let one = |(objective, _): &Told| {
        let bound = objective.indicator.show_bound(objective.bound);
        format!(
            "{} leaves its bound ({bound}){}",
            objective.name,
            queue_grows(view, policy, recent, objective)
        )
    };
    let falls = told.iter().map(one).collect::<Vec<_>>().join(", or ");
    format!("Down: once {falls}. {}.", one_cut(policy.law))
}

/// How deep limits fall at once.
pub(super) fn one_cut(law: Law) -> String {
    match law {
        Law::Adaptive(law) => format!(
            "A cut goes to what the link then seems to carry less {} % (`headroomPercent`), and lower while the queue \
             drains, to {} % of that at the lowest",
            law.headroom_percent,
            Adaptive::LEAST_LEFT_PERCENT
        ),
        Law::Aimd(law) if law.deepest_percent() == law.decrease_percent => {
            format!("A cut takes {} % of a limit (`decreasePercent`)", law.decrease_percent)
        }
        Law::Aimd(law) => format!(
            "A cut takes {} % to {} % of a limit, the more the worse it is (`decreasePercent`, `severityMax`)",
            law.decrease_percent,
            law.deepest_percent()
        ),
    }
}

/// How long the queue on the path of an objective has to be for a cut, where probes tell of one.
fn queue_grows(view: &PolicyView, policy: &Policy, recent: Option<Recent>, objective: &Objective) -> String {
    let tells = matches!(objective.source, Source::Probe(_))
        && matches!(objective.indicator, Indicator::Jitter { .. } | Indicator::Latency { .. });
    let (Law::Adaptive(_), true) = (policy.law, tells) else { return String::new() };
    let Some(Queue { delay, allowed }) = recent.and_then(|recent| recent.queue(&objective.name)) else {
        return " or the queue on its path grows".to_owned();
    };
    let (delay, most, faint) = (shown(delay), shown(allowed), shown(of(allowed, Queueing::FAINT_PERCENT)));
    let is_near = recent.is_some_and(|recent| view.targets.iter().any(|target| is_near(target, recent)));
    let early = if is_near { format!("; right after a raise {faint} are enough") } else { String::new() };
    format!(" or the queue on its path exceeds {most} (now {delay}{early})")
}

/// Whether a target's limit is near what was too much.
fn is_near(target: &TargetView, recent: Recent) -> bool {
    let too_much = recent.target(&target.target.id).and_then(|told| told.too_much);
    target
        .limit()
        .zip(too_much)
        .is_some_and(|(limit, too_much)| limit.bps_f64() >= of(too_much, Adaptive::NEAR_PERCENT))
}

/// What has to be for limits to rise: below what each objective has headroom, and the queue on its path; and what they
/// were at worst lately, or else when they were last told.
pub(super) fn ceilings(policy: &Policy, recent: Option<Recent>, told: &[Told]) -> Vec<String> {
    let percent = policy.law.headroom_percent();
    let of_queue = |objective: &Objective| {
        let Queue { delay, allowed } = recent?.queue(&objective.name)?;
        let most = of(allowed, percent);
        Some(format!("its queue below {} {}", shown(most), so_it_is("now", &shown(delay), delay < most)))
    };
    let one = |(objective, told): &Told| {
        let queue = match policy.law {
            Law::Adaptive(_) => of_queue(objective),
            Law::Aimd(_) => None,
        };
        let parts: Vec<_> = ceiling(objective, told, recent, percent).into_iter().chain(queue).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    };
    told.iter().filter_map(one).collect()
}

/// Below what an objective has headroom, and what it was at worst lately, or else when it was last told.
fn ceiling(
    objective: &Objective,
    told: &ObjectiveStatus,
    recent: Option<Recent>,
    percent: u32,
) -> Option<String> {
    let (Bound::AtMost(max) | Bound::Within { max, .. }) = objective.bound else { return None };
    let roomy = Finite::new(of(max.get(), percent)).ok()?;
    let show = |value| objective.indicator.show(value);
    let is_known = told.state != ObjectiveState::Unknown;
    let lately = recent.filter(|_| is_known).and_then(|recent| recent.value(&objective.name));
    let value = match (lately, &told.value) {
        (Some(lately), _) => format!(" {}", so_it_is("lately", &show(lately), lately < roomy)),
        (None, Some(was)) => format!(" (it was {was} when last told)"),
        (None, None) => String::new(),
    };
    Some(format!("{} below {}{value}", objective.name, show(roomy)))
}

fn so_it_is(when: &str, value: &str, is_it: bool) -> String {
    if is_it { format!("({when} {value}, so it is)") } else { format!("({when} {value}: not yet)") }
}

/// Where limits return to once it is calm, and what that is; none where they are on no such way, or no pod runs.
pub(super) fn recovers(view: &PolicyView, recent: Option<Recent>) -> Option<String> {
    let mut targets = view.targets.iter().filter(|target| target.has_pods());
    let back = match recent {
        // What is not told may be so.
        None => targets.next().map(|_| "After a cut: back to what the link seems to carry".to_owned())?,
        Some(recent) => format!("Recovery to {}", targets.find_map(|target| goal(target, recent))?),
    };
    let calm = show::duration(Adaptive::CALM);
    Some(format!(
        "{back} once it is calm, that is, for {calm} (or three measurements, where those take longer) nothing is \
         violated and no queue is beyond what is allowed under the present limits."
    ))
}

/// What the limit of a target returns to.
fn goal(target: &TargetView, recent: Recent) -> Option<String> {
    let told = recent.target(&target.target.id)?;
    let goal = told.goal?;
    let is_good = told.known_good.is_some_and(|good| goal <= good);
    let good = if is_good { ", which is known to be good," } else { "" };
    Some(format!("{}{}{good}", show::rate(goal), whose(target.target.scope)))
}

/// By which steps limits rise where nothing tells of a better way, and how far.
pub(super) fn grows(
    view: &PolicyView,
    law: Adaptive,
    recent: Option<Recent>,
    now: Timestamp,
) -> Option<String> {
    let recent = recent?;
    let rises = |target: &&TargetView| target.has_pods() && target.is_below_maximum();
    let target = view.targets.iter().find(rises)?;
    let has_to_wait = recent.failed().is_some_and(|failed| now.as_millisecond() < failed.retry);
    let far =
        |too_much| if has_to_wait { left(law, too_much) } else { of(too_much, Adaptive::CLOSE_PERCENT) };
    let to = recent.target(&target.target.id)?.too_much.map_or_else(
        || "until something is too much, to `limit.max` at the highest".to_owned(),
        |too_much| {
            let [far, too_much] = [far(too_much), too_much].map(show::rate);
            let whose = whose(target.target.scope);
            format!("to {far}{whose}, as {too_much} was too much; from there in small ones")
        },
    );
    Some(format!(
        "It rises in steps of up to {} % (`growthPercent`), each once every objective was measured under the limits of \
         the one before, {to}.",
        law.growth_percent
    ))
}

/// That limits rise carefully where more was too much.
pub(super) fn creeps(view: &PolicyView, recent: Option<Recent>) -> Option<String> {
    let recent = recent?;
    let near = view.targets.iter().find(|target| target.has_pods() && is_near(target, recent))?;
    let too_much = recent.target(&near.target.id)?.too_much?;
    let (calm, percent) = (show::duration(Adaptive::CALM), Adaptive::EMPTY_PERCENT);
    Some(format!(
        "Near {}{}, which was too much, steps are small. Each waits for {calm} (or three measurements, where those take \
         longer) in which nothing is violated, and for a queue of less than {percent} % of what is allowed.",
        show::rate(too_much),
        whose(near.target.scope)
    ))
}

fn of(whole: f64, percent: u32) -> f64 {
    whole * f64::from(percent) / 100.0
}

/// A delay to three digits, in seconds.
fn shown(seconds: f64) -> String {
    Duration::try_from_secs_f64(show::three_digits(seconds))
        .map_or_else(|_| "unknown".to_owned(), show::duration)
}
