//! The operator is killed at each single write of each life-cycle, once before the write reaches the API server and
//! once after. Whoever starts again brings everything to the same end, and gives back what was there before exactly once.

mod cut;
mod hand_over;
mod life;

use cut::{Cut, Knife, Side};
use flow_e2e::wait::{Look, until};
use flow_faults::operator::{Operator, Setup};
use flow_faults::state::State;
use flow_faults::trace::History;
use flow_faults::world::{PATIENCE, World};
use life::Life;
use std::sync::Arc;

/// One life-cycle, enacted again and again.
struct Play {
    world: World,
    life: Life,
    operator: Operator,
}

impl Play {
    async fn prepare(life: Life) -> Self {
        let world = World::make("faults-cut-off").await.unwrap();
        let operator = world.operator().await.unwrap();
        Self { world, life, operator }
    }

    /// Enacts the life-cycle once, with a cut, and returns its end, and whether it came to the cut. The end is the
    /// `expected` one, if one is.
    async fn enact(&mut self, cut: Option<Cut>, expected: Option<&State>) -> (State, bool) {
        self.life.begin(&self.world).await;
        let knife = Arc::new(Knife::new(cut));
        if self.life.starts_anew() {
            self.operator.kill();
            self.operator =
                Operator::behind(&self.world.proxy, &self.world.account, &Setup::default()).unwrap();
        }
        let holder = (!self.life.starts_anew()).then(|| Setup::default().identity);
        self.world.proxy.on_request(knife.rule(self.operator.killing(), holder));
        self.life.act(&self.world).await;
        self.comes_to_cut_or_end(&knife, expected).await;
        let was_cut = knife.has_cut();
        self.world.proxy.heal();
        if was_cut {
            self.operator.kill();
            self.operator = self.world.operator().await.unwrap();
        }
        let end = self.comes_to_end(expected).await;
        let histories = self.world.histories(&end).await.unwrap();
        for history in &histories {
            self.lost_nothing(history, cut);
        }
        self.life.undo(&self.world).await;
        self.world.trace.take(&self.world.before).await.unwrap();
        (end, was_cut)
    }

    async fn comes_to_cut_or_end(&self, knife: &Knife, expected: Option<&State>) {
        until(&format!("{knife:?} or the end of {:?}", self.life), PATIENCE, async || {
            let state = self.world.state(policy_name()).await?;
            let over = self.is_end(&state, expected) && knife.is_quiet();
            Ok(Look::when(knife.has_cut() || over, || format!("{state:?}\nexpected {expected:?}")))
        })
        .await
        .unwrap();
    }

    async fn comes_to_end(&self, expected: Option<&State>) -> State {
        until(&format!("the end of {:?}", self.life), PATIENCE, async || {
            let state = self.world.state(policy_name()).await?;
            let limits = self.operator.metrics().await?.value("flowmanager_target_limit_bps", &[]);
            let at_work = state.policy.is_none() || limits.is_some();
            Ok(Look::some((at_work && self.is_end(&state, expected)).then(|| state.clone()), || {
                format!("at work: {at_work}; {state:?}\nexpected {expected:?}")
            }))
        })
        .await
        .unwrap()
    }

    fn is_end(&self, state: &State, expected: Option<&State>) -> bool {
        expected.map_or_else(|| self.life.has_ended(state), |expected| state == expected)
    }

    fn lost_nothing(&self, history: &History, cut: Option<Cut>) {
        let life = self.life;
        let original = self.world.before[&history.name].values().next().map_or("", String::as_str);
        assert!(
            history.originals().iter().all(|recorded| *recorded == original),
            "{life:?} {cut:?} {history:?}"
        );
        assert_eq!(history.restorations(), life.restorations(&history.name), "{life:?} {cut:?} {history:?}");
        assert!(!history.rises().unwrap(), "{life:?} {cut:?} {history:?}");
    }
}

const fn policy_name() -> &'static str {
    crate::policy::NAME
}

/// Cuts at each write in turn, on both sides, until the life-cycle ends before it comes to the cut.
#[expect(clippy::print_stdout, reason = "how many points there were is for people to see")]
async fn cut_at_each_write(life: Life) {
    let mut play = Play::prepare(life).await;
    let (end, _) = play.enact(None, None).await;
    let mut points = 0;
    for side in [Side::Before, Side::After] {
        for number in 1.. {
            let (_, was_cut) = play.enact(Some(Cut { number, side }), Some(&end)).await;
            if !was_cut {
                break;
            }
            points += 1;
        }
    }
    assert!(points >= 2 * life.least_writes(), "only {points} points");
    println!("{life:?}: {points} points");
}

#[tokio::test]
async fn a_violation_cut_off_at_any_write_ends_as_if_it_were_not() {
    cut_at_each_write(Life::Violate).await;
}

#[tokio::test]
async fn a_deletion_cut_off_at_any_write_ends_as_if_it_were_not() {
    cut_at_each_write(Life::Delete).await;
}

#[tokio::test]
async fn every_other_life_cycle_cut_off_at_any_write_ends_as_if_it_were_not() {
    for life in [Life::Create, Life::Scale, Life::SpecChange, Life::Pause] {
        cut_at_each_write(life).await;
    }
}
