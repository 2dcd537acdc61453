//! One operator stops while limits sink, and another takes over; whichever writes is killed at each write in turn.

use super::cut::{Cut, Knife, Side};
use super::life::{begin_violation, has_sunk};
use crate::policy::NAME;
use flow_e2e::wait::{Look, until};
use flow_faults::operator::{Operator, Setup};
use flow_faults::proxy::{Proxy, Upstream};
use flow_faults::state::State;
use flow_faults::world::{OTHER, PATIENCE, World};
use nix::sys::signal::Signal;
use std::sync::Arc;

/// One of two operators.
struct Replica {
    setup: Setup,
    proxy: Proxy,
    operator: Operator,
}

impl Replica {
    async fn start(world: &World, name: &str) -> Self {
        let (setup, proxy) =
            (Setup::named(name), Proxy::start(Upstream::api_server().await.unwrap()).await.unwrap());
        let operator = Operator::behind(&proxy, &world.account, &setup).unwrap();
        Self { setup, proxy, operator }
    }

    /// Starts it again, if it has ended.
    fn is_kept_running(&mut self, world: &World) {
        if self.operator.has_ended().unwrap() {
            self.operator = Operator::behind(&self.proxy, &world.account, &self.setup).unwrap();
        }
    }

    /// Waits until it knows that another leads.
    async fn stands_by(&self) {
        until("an operator that stands by", PATIENCE, async || {
            let (status, said) = self.operator.readyz().await?;
            let leads = self.operator.metrics().await?.value("flowmanager_leader", &[]);
            Ok(Look::when(status == 200 && leads == Some(0.0), || format!("{said}; leads: {leads:?}")))
        })
        .await
        .unwrap();
    }
}

struct HandOver {
    world: World,
    leader: Replica,
    standby: Replica,
}

impl HandOver {
    async fn prepare() -> Self {
        let world = World::make("faults-hand-over").await.unwrap();
        let leader = Replica::start(&world, "first").await;
        leader.operator.leads().await.unwrap();
        let standby = Replica::start(&world, "second").await;
        Self { world, leader, standby }
    }

    /// Enacts it once, and returns whether it came to the cut. Afterwards the other one leads.
    async fn enact(&mut self, cut: Option<Cut>, expected: Option<&State>) -> (State, bool) {
        self.standby.stands_by().await;
        begin_violation(&self.world).await;
        let knife = Arc::new(Knife::new(cut));
        for replica in [&self.leader, &self.standby] {
            let holder = Some(self.leader.setup.identity.clone());
            replica.proxy.on_request(knife.rule(replica.operator.killing(), holder));
        }
        self.stops_while_limits_sink(&knife).await;
        std::mem::swap(&mut self.leader, &mut self.standby);
        let end = self.comes_to_end(&knife, expected).await;
        for history in self.world.histories(&end).await.unwrap() {
            // The pod of the other Deployment is nobody's target.
            let limited = usize::from(!history.name.starts_with(OTHER));
            let nothing_lost = history.originals().len() == limited && history.restorations() == 0;
            assert!(nothing_lost && !history.rises().unwrap(), "{cut:?} {history:?}");
        }
        for replica in [&mut self.leader, &mut self.standby] {
            replica.proxy.heal();
            replica.is_kept_running(&self.world);
        }
        self.world.delete(NAME).await.unwrap();
        self.world.trace.take(&self.world.before).await.unwrap();
        (end, knife.has_cut())
    }

    async fn stops_while_limits_sink(&mut self, knife: &Knife) {
        until("the first lower limit", PATIENCE, async || {
            let limits = self.world.state(NAME).await?.limits().join(" ");
            Ok(Look::when(knife.has_cut() || limits != "100M 70M", || limits))
        })
        .await
        .unwrap();
        // Whoever was killed needs not be asked.
        let _ = self.leader.operator.signal(Signal::SIGTERM);
    }

    /// Waits for the end. The one that leads now is started again if it is killed; the one before has stopped for good.
    async fn comes_to_end(&mut self, knife: &Knife, expected: Option<&State>) -> State {
        until(&format!("the end after {knife:?}"), PATIENCE, async || {
            self.leader.is_kept_running(&self.world);
            let state = self.world.state(NAME).await?;
            let leads = self.leader.operator.metrics().await?.value("flowmanager_leader", &[]) == Some(1.0);
            let as_expected = expected.map_or_else(|| has_sunk(&state), |expected| state == *expected);
            let over = leads && as_expected && (knife.has_cut() || knife.is_quiet());
            Ok(Look::some(over.then(|| state.clone()), || format!("leads: {leads}; {state:?}")))
        })
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn a_hand_over_cut_off_at_any_write_ends_as_if_it_were_not() {
    let mut hand_over = HandOver::prepare().await;
    let (end, _) = hand_over.enact(None, None).await;
    let mut points = 0;
    for side in [Side::Before, Side::After] {
        for number in 1.. {
            if !hand_over.enact(Some(Cut { number, side }), Some(&end)).await.1 {
                break;
            }
            points += 1;
        }
    }
    // Two pods, the Lease given up and won, and the status.
    assert!(points >= 10, "only {points} points");
    println!("hand-over: {points} points");
}
