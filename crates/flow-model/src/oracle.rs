use crate::bits::count;
use crate::world::World;
use flow_control::Moment;

/// How much of what a link can carry the oracle lets be used.
const USED: f64 = 0.95;

/// Sets each pod's limit to its fair share of what its link can carry now: the best that limits can do.
pub(crate) fn govern(world: &mut World, now: Moment) {
    let World { links, senders } = world;
    for (position, link) in links.iter().enumerate() {
        let budget = link.spare() - (1.0 - USED) * link.capacity();
        let on_it = senders.iter().filter(|sender| sender.link() == position);
        let demands: Vec<f64> = on_it.map(|sender| sender.demand(now)).collect();
        let share = fair_share(&demands, budget.max(0.0));
        senders
            .iter_mut()
            .filter(|sender| sender.link() == position)
            .for_each(|sender| sender.set_limit(share));
    }
}

/// The limit under which senders of these demands send `budget` together (max-min fairness).
fn fair_share(demands: &[f64], budget: f64) -> f64 {
    let mut sorted: Vec<f64> = demands.iter().copied().filter(|demand| *demand > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let (mut left, mut waiting) = (budget, sorted.len());
    for demand in sorted {
        let share = left / count(waiting);
        if demand > share {
            return share;
        }
        (left, waiting) = (left - demand, waiting - 1);
    }
    budget
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_want_little_get_it_and_the_others_share_the_rest() {
        for (demands, share) in [
            (vec![f64::MAX, f64::MAX], 45.0),
            (vec![10.0, f64::MAX, 20.0], 60.0),
            (vec![0.0, f64::MAX, 0.0], 90.0),
            (vec![10.0, 20.0], 90.0),
            (vec![80.0, 80.0, 10.0], 40.0),
        ] {
            assert!((fair_share(&demands, 90.0) - share).abs() < 1e-9, "{demands:?}");
        }
    }
}
