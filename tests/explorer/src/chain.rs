//! One policy, led from state to state.

use crate::base::{self, Base, POLICY};
use crate::change::Change;
use crate::expect::{Meanings, Seen};
use crate::merge;
use crate::oracle::{self, Verdict};
use crate::report::{Failure, Tally};
use crate::values::Edit;
use crate::world::{MANAGER, WORKLOADS, World, ours};
use flow_e2e::wait::{Look, until};
use flow_e2e::{Cluster, Error, Result};
use flow_policy::FlowPolicy;
use flow_policy::names::{FINALIZER, LIMIT, PAUSE_REASON, PAUSED, PAUSED_UNTIL};
use kube::api::{Api, DeleteParams, Patch, PatchParams, ValidationDirective};
use kube::{ResourceExt, api::DynamicObject};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// How long the operator may take to make a status true. Its first words come within seconds.
const PATIENCE: Duration = Duration::from_mins(1);
/// The time between two looks of one policy, so that many policies leave the API server time for the operator.
const PACE: Duration = Duration::from_millis(250);
/// After so many changes a policy comes back to a state that is known to be good.
const AWAY: usize = 8;
/// What the API server answers with to what it refuses.
const REFUSALS: [u16; 4] = [400, 413, 422, 500];

/// One policy and its world.
pub struct Chain {
    policies: Api<FlowPolicy>,
    objects: Api<DynamicObject>,
    world: World,
    bases: Vec<Base>,
    meanings: Meanings,
    spec: Value,
    dice: StdRng,
    away: usize,
    tally: Tally,
}

/// What the API server makes of a change.
enum Answer {
    Refused(String),
    Stored,
}

/// What became of a change.
enum Outcome {
    Refused,
    /// Stored, and understood by the operator.
    Accepted,
    /// Stored, and refused by the operator.
    Invalid,
    /// There was nothing to be changed so.
    Nothing,
}

impl Chain {
    /// The chain of that number, in a world of its own.
    pub async fn start(cluster: &Cluster, seed: u64, number: u64) -> Result<Self> {
        let world = World::make(cluster, format!("explorer-{number}")).await?;
        let namespace = world.now.namespace.clone();
        let policies = cluster.policies(&namespace);
        let resource = kube::api::ApiResource::erase::<FlowPolicy>(&());
        Ok(Self {
            objects: Api::namespaced_with(cluster.client.clone(), &namespace, &resource),
            bases: base::all(&world.now.beyond),
            world,
            policies,
            meanings: Meanings::new(),
            spec: json!({}),
            dice: StdRng::seed_from_u64(seed.wrapping_add(number)),
            away: 0,
            tally: Tally::default(),
        })
    }

    /// Takes `changes` one after the other, until there are none left or `most` transitions were made; deletes the policy
    /// at the end.
    pub async fn walk(mut self, changes: impl Iterator<Item = Change>, most: usize) -> Result<Tally> {
        self.go_home(0).await?;
        for change in changes {
            if self.tally.transitions >= most {
                break;
            }
            self.go_where_there_is(&change).await?;
            self.step(&change).await?;
        }
        self.delete().await?;
        Ok(self.tally)
    }

    /// Comes back to a base where it is time to, or where the change can be made only there.
    async fn go_where_there_is(&mut self, change: &Change) -> Result<()> {
        let Change::Field { path, .. } = change else { return Ok(()) };
        let has_place = |spec: &Value| !path.places(&json!({"spec": spec})).is_empty();
        if has_place(&self.spec) && self.away < AWAY {
            return Ok(());
        }
        let suitable: Vec<_> = (0..self.bases.len())
            .filter(|number| self.bases.get(*number).is_some_and(|base| has_place(&base.spec)))
            .collect();
        let number = suitable.choose(&mut self.dice).copied().unwrap_or_default();
        self.go_home(number).await
    }

    /// Comes back to a base, which must be as good as at first.
    async fn go_home(&mut self, number: usize) -> Result<()> {
        let before = self.spec.clone();
        if let Err(error) = self.reach(number).await {
            let change = format!("back to the base {number}");
            self.fail(&before, change, &error.to_string(), None);
            self.start_anew(number).await?;
        }
        self.tally.transitions += 1;
        self.tally.homes += 1;
        Ok(())
    }

    async fn reach(&mut self, number: usize) -> Result<()> {
        self.world.whole().await?;
        let base =
            self.bases.get(number).cloned().ok_or_else(|| Error::Missing(format!("the base {number}")))?;
        let annotations = json!({PAUSED: null, PAUSED_UNTIL: null, LIMIT: null, PAUSE_REASON: null});
        let patch =
            json!({"metadata": {"annotations": annotations}, "spec": merge::patch(&self.spec, &base.spec)});
        let answer = match self.policies.get_opt(POLICY).await? {
            Some(_) => self.merge(patch).await?,
            None => self.apply(&base.spec).await?,
        };
        if let Answer::Refused(why) = answer {
            return Err(Error::Missing(format!("the base {number}, refused with {why:?},")));
        }
        self.meanings.clear();
        self.away = 0;
        self.settles(|seen| oracle::is_well(seen, base.limits)).await?;
        self.leaves_workloads_alone().await
    }

    async fn step(&mut self, change: &Change) -> Result<()> {
        let before = self.spec.clone();
        let outcome = self.transition(change).await;
        match outcome {
            Ok(Outcome::Nothing) => return Ok(()),
            Ok(Outcome::Refused) => self.tally.refused += 1,
            Ok(Outcome::Accepted) => self.tally.accepted += 1,
            Ok(Outcome::Invalid) => self.tally.invalid += 1,
            Err(error) => {
                let again = self.fails_alone(&before, change).await;
                self.fail(&before, change.to_string(), &error.to_string(), again);
                self.start_anew(0).await?;
            }
        }
        if let Change::Field { path, .. } = change {
            self.tally.changed.insert(path.to_string());
        }
        self.tally.transitions += 1;
        self.away += 1;
        Ok(())
    }

    /// Makes a change, and waits until the policy's status is true again.
    async fn transition(&mut self, change: &Change) -> Result<Outcome> {
        let Some(answer) = self.make(change).await? else { return Ok(Outcome::Nothing) };
        if let Answer::Refused(said) = answer {
            return refused_rightly(change, &said).map(|()| Outcome::Refused).map_err(wrong);
        }
        if change.is_illegal() {
            return Err(wrong("what the schema forbids was stored".to_owned()));
        }
        self.settles(oracle::agrees).await?;
        let policy = self.policies.get(POLICY).await?;
        let is_invalid = flow_e2e::stage::condition(&policy, "Accepted").contains("InvalidSpec");
        Ok(if is_invalid { Outcome::Invalid } else { Outcome::Accepted })
    }

    /// Makes a change; `None` where there is nothing to be changed so.
    async fn make(&mut self, change: &Change) -> Result<Option<Answer>> {
        match change {
            Change::Field { path, edit, .. } => {
                let mut document = json!({"spec": self.spec});
                let places = path.places(&document);
                let made = places.choose(&mut self.dice).is_some_and(|place| edit.make(&mut document, place));
                let spec = document.get("spec").cloned().unwrap_or(Value::Null);
                return if made { self.send(&spec, edit).await.map(Some) } else { Ok(None) };
            }
            Change::Annotate(key, annotation) => {
                let value = annotation.as_ref().map(|(value, _)| value);
                let answer = self.merge(json!({"metadata": {"annotations": {(*key): value}}})).await?;
                self.meanings.remove(key);
                self.meanings.extend(annotation.as_ref().map(|(_, meaning)| (*key, *meaning)));
                return Ok(Some(answer));
            }
            Change::Label(value, _) => {
                return self.merge(json!({"metadata": {"labels": {"explored": value}}})).await.map(Some);
            }
            Change::DropFinalizer => {
                return self.merge(json!({"metadata": {"finalizers": null}})).await.map(Some);
            }
            Change::Recreate => self.recreate().await?,
            Change::Consent => self.world.consent(!self.world.now.consents).await?,
            Change::Toggle(name) => self.world.toggle(workload(name)?).await?,
            Change::Scale(name, replicas) => self.world.scale(workload(name)?, *replicas).await?,
        }
        Ok(Some(Answer::Stored))
    }

    async fn recreate(&mut self) -> Result<()> {
        self.delete().await?;
        match self.apply(&self.spec.clone()).await? {
            Answer::Stored => Ok(()),
            Answer::Refused(why) => Err(wrong(format!("what was stored before is refused with {why:?}"))),
        }
    }

    /// Sends a spec by one of the ways in which users do. What is taken away is taken away only by a merge.
    async fn send(&mut self, spec: &Value, edit: &Edit) -> Result<Answer> {
        if !takes_away(edit) && self.dice.random() {
            return self.apply(spec).await;
        }
        let whole = json!({"spec": spec});
        let patch = merge::patch(&json!({"spec": self.spec}), &whole);
        self.merge(patch).await
    }

    async fn merge(&mut self, patch: Value) -> Result<Answer> {
        let how = PatchParams { field_manager: Some(MANAGER.to_owned()), ..strictly(PatchParams::default()) };
        self.patched(&how, &Patch::Merge(patch)).await
    }

    async fn apply(&mut self, spec: &Value) -> Result<Answer> {
        let object = json!({
            "apiVersion": "flow.fustli.io/v1alpha1", "kind": "FlowPolicy", "metadata": {"name": POLICY}, "spec": spec,
        });
        self.patched(&strictly(ours()), &Patch::Apply(object)).await
    }

    async fn patched(&mut self, how: &PatchParams, patch: &Patch<Value>) -> Result<Answer> {
        match self.objects.patch(POLICY, how, patch).await {
            Ok(stored) => {
                self.spec = stored.data.get("spec").cloned().unwrap_or_default();
                Ok(Answer::Stored)
            }
            Err(kube::Error::Api(status)) if REFUSALS.contains(&status.code) => {
                Ok(Answer::Refused(status.message.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until `verdict` finds nothing wrong, and the policy has its finalizer.
    async fn settles(&self, verdict: impl Fn(&Seen<'_>) -> Verdict) -> Result<()> {
        until("a status that is true", PATIENCE, async || {
            sleep(PACE).await;
            let policy = self.policies.get(POLICY).await?;
            let pods = self.world.pods().await?;
            let seen =
                Seen { policy: &policy, pods: &pods, there: &self.world.now, meanings: &self.meanings };
            let found = if policy.finalizers().iter().any(|name| name == FINALIZER) {
                verdict(&seen)
            } else {
                Err("the policy has no finalizer".to_owned())
            };
            Ok(found.map_or_else(Look::NotYet, Look::Found))
        })
        .await
    }

    /// Deletes the policy, after which nothing of it is left.
    async fn delete(&mut self) -> Result<()> {
        let policy = self.policies.get(POLICY).await?;
        self.policies.delete(POLICY, &DeleteParams::default()).await?;
        until("the end of the policy", PATIENCE, async || {
            let left = self.policies.get_opt(POLICY).await?;
            Ok(Look::when(left.is_none(), || format!("{left:?}")))
        })
        .await?;
        self.meanings.clear();
        self.tally.deletions += 1;
        until("pods as they were before", PATIENCE, async || {
            sleep(PACE).await;
            let pods = self.world.pods().await?;
            let seen =
                Seen { policy: &policy, pods: &pods, there: &self.world.now, meanings: &self.meanings };
            let found = pods.iter().try_for_each(|pod| oracle::is_restored(&seen, pod));
            Ok(found.map_or_else(Look::NotYet, Look::Found))
        })
        .await?;
        self.leaves_workloads_alone().await
    }

    async fn leaves_workloads_alone(&self) -> Result<()> {
        until("workloads without anything of ours", PATIENCE, async || {
            let left = self.world.left_on_workloads().await?;
            Ok(Look::when(left.is_none(), || left.unwrap_or_default()))
        })
        .await
    }

    /// Whether a change fails again where nothing went before but the spec.
    async fn fails_alone(&mut self, before: &Value, change: &Change) -> Option<bool> {
        self.remove().await.ok()?;
        self.world.whole().await.ok()?;
        self.spec = json!({});
        match self.apply(before).await.ok()? {
            Answer::Refused(_) => None,
            Answer::Stored => {
                self.settles(oracle::agrees).await.ok()?;
                Some(self.transition(change).await.is_err())
            }
        }
    }

    async fn start_anew(&mut self, number: usize) -> Result<()> {
        self.remove().await?;
        self.spec = json!({});
        self.reach(number).await
    }

    /// Removes the policy, also where the operator does not let it go.
    async fn remove(&mut self) -> Result<()> {
        let deleted = self.delete().await;
        if deleted.is_err() && self.policies.get_opt(POLICY).await?.is_some() {
            self.merge(json!({"metadata": {"finalizers": null}})).await?;
        }
        self.meanings.clear();
        Ok(())
    }

    fn fail(&mut self, before: &Value, change: String, what: &str, fails_alone: Option<bool>) {
        let what = what.chars().take(2_000).collect();
        self.tally.failures.push(Failure { before: before.clone(), change, what, fails_alone });
    }
}

fn strictly(how: PatchParams) -> PatchParams {
    PatchParams { field_validation: Some(ValidationDirective::Strict), ..how }
}

/// Whether something is no longer there afterwards: one who applies takes away only what he has applied before.
fn takes_away(edit: &Edit) -> bool {
    match edit {
        Edit::Remove | Edit::Set(Value::Null) => true,
        Edit::Set(Value::Array(items)) => items.is_empty(),
        Edit::Set(Value::Object(fields)) => fields.is_empty(),
        _ => false,
    }
}

/// Whether a refusal names what is wrong.
fn refused_rightly(change: &Change, said: &str) -> Verdict {
    let names = change.names();
    let is_named = names.iter().any(|name| said.contains(name));
    if is_named { Ok(()) } else { Err(format!("a refusal names none of {names:?}: {said}")) }
}

fn wrong(what: String) -> Error {
    Error::Unreadable { what: "what came of the change".to_owned(), problem: what }
}

fn workload(name: &str) -> Result<&'static crate::world::Workload> {
    let found = WORKLOADS.iter().find(|workload| workload.name == name);
    found.ok_or_else(|| Error::Missing(format!("the workload {name}")))
}
