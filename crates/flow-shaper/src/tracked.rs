//! One pod: what it asks for, where its network is, and what has come of it.

use std::time::{Duration, Instant};

use flow_control::Bandwidth;

use crate::annotation;
use crate::decide::{Action, Wanted, decide};
use crate::interface::{Interface, InterfaceError, Root, Seen};
use crate::meter::{Meter, Moment};
use crate::pods::{Life, SeenPod};
use crate::processes::{Found, Processes, Sandbox};
use crate::report::PodReport;
use crate::tbf::Tbf;

/// How long a pod that is being started is looked for often. One whose sandbox cannot be made may be so for days.
const AWAITED_FOR: Duration = Duration::from_secs(30);

/// A pod of this node.
#[derive(Debug)]
pub(crate) struct Tracked {
    pod: SeenPod,
    first_seen: Instant,
    wanted: Wanted,
    place: Place,
    /// The filter that this agent has set in the present namespace.
    asserted: Option<Tbf>,
    /// Whether a filter of ours may be there: it was seen, or an agent before may have left it.
    may_hold_ours: bool,
    in_force: Option<Bandwidth>,
    meter: Meter,
    /// Why the annotation is not obeyed.
    refusal: Option<String>,
    /// What else is at the root of its interface.
    conflict: Option<String>,
    /// The problem that was logged last.
    logged: Option<String>,
}

/// Where a pod's network is.
#[derive(Debug)]
enum Place {
    /// Not known, or not reached for that reason.
    Lost(Option<String>),
    /// Here.
    Open(Sandbox, Interface),
}

impl Tracked {
    /// A pod that is new to this agent, which measures at that interval.
    pub(crate) fn new(pod: SeenPod, interval: Duration) -> Self {
        let (wanted, refusal) = read(&pod, None);
        Self {
            pod,
            first_seen: Instant::now(),
            wanted,
            place: Place::Lost(None),
            asserted: None,
            may_hold_ours: true,
            in_force: None,
            meter: Meter::new(interval / 2),
            refusal,
            conflict: None,
            logged: None,
        }
    }

    /// Takes over what the API server says now.
    pub(crate) fn update(&mut self, pod: SeenPod) {
        (self.wanted, self.refusal) = read(&pod, self.wanted.limit());
        self.pod = pod;
    }

    /// Whether the pod's network has to be looked at. Never that of a pod which uses the node's.
    pub(crate) fn is_due(&self) -> bool {
        !self.pod.host_network && (self.wanted != Wanted::Nothing || self.may_hold_ours)
    }

    /// Whether the pod is being started and has to be limited as soon as it has a network.
    pub(crate) fn is_awaited(&self) -> bool {
        let starting = self.pod.life == Life::Starting && self.first_seen.elapsed() < AWAITED_FOR;
        starting && self.wanted.limit().is_some() && self.sought().is_some()
    }

    /// Lets go of a network whose process has ended, or that is of no more interest.
    pub(crate) fn let_go(&mut self, processes: &Processes) {
        if let Place::Open(sandbox, _) = &self.place
            && !(self.is_due() && processes.has(sandbox))
        {
            self.lose(None);
        }
    }

    /// The pod's UID, where its network has to be looked for.
    pub(crate) fn sought(&self) -> Option<&str> {
        (self.is_due() && matches!(self.place, Place::Lost(_))).then_some(self.pod.uid.as_str())
    }

    /// Goes to where the pod has been found.
    pub(crate) async fn go(&mut self, found: Option<Found>, processes: &Processes) {
        let why = match found {
            Some(Found::Sandbox(sandbox)) => {
                match Interface::open(processes.path_of(&sandbox), sandbox.namespace).await {
                    Ok(interface) => return self.place = Place::Open(sandbox, interface),
                    Err(error) => Some(error.to_string()),
                }
            }
            // A process that is being started may not have gone over to its own network yet.
            Some(Found::OnNode) => (self.pod.life == Life::Running)
                .then(|| "its processes use the node's network, which is never limited".to_owned()),
            Some(Found::Hidden(error)) => {
                Some(format!("cannot see its network namespace (CAP_SYS_PTRACE is needed): {error}"))
            }
            None => {
                // Without a process there is no interface that could hold a filter.
                self.may_hold_ours = false;
                (self.pod.life == Life::Running)
                    .then(|| "none of its processes is found on this node".to_owned())
            }
        };
        self.lose(why);
    }

    /// Looks at the interface and makes it as it should be.
    pub(crate) async fn settle(&mut self) {
        self.reconcile().await;
        self.log();
    }

    async fn reconcile(&mut self) {
        let Place::Open(_, interface) = &self.place else {
            return;
        };
        let settled = match interface.look().await {
            Ok(seen) => self.enforce(interface, seen).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok((seen, asserted)) => self.record(&seen, asserted),
            Err(error) => self.lose(Some(error.to_string())),
        }
    }

    /// Does what is to be done, and gives back what is there then and which filter this agent has set.
    async fn enforce(
        &self,
        interface: &Interface,
        seen: Seen,
    ) -> Result<(Seen, Option<Tbf>), InterfaceError> {
        match decide(self.wanted, &seen, self.asserted) {
            Action::Leave => Ok((seen, self.asserted)),
            Action::Set(tbf) => {
                tracing::debug!(
                    namespace = self.pod.namespace,
                    pod = self.pod.name,
                    ?tbf,
                    "setting the limit"
                );
                interface.set(seen.index, &tbf).await?;
                Ok((interface.look().await?, Some(tbf)))
            }
            Action::Remove => {
                tracing::debug!(namespace = self.pod.namespace, pod = self.pod.name, "removing the limit");
                interface.remove(seen.index).await?;
                Ok((interface.look().await?, None))
            }
        }
    }

    fn record(&mut self, seen: &Seen, asserted: Option<Tbf>) {
        self.asserted = asserted;
        match &seen.root {
            Root::Ours(shown, counters) => {
                let (before, now) = (self.in_force, Moment::now());
                self.may_hold_ours = true;
                self.in_force = Some(Bandwidth::from_bps(shown.rate.saturating_mul(8)));
                self.conflict = None;
                self.meter.read(*counters, now);
                if self.in_force != before {
                    self.meter.turn(*counters, now);
                }
            }
            other => {
                self.may_hold_ours = false;
                self.in_force = None;
                self.conflict = conflict(other);
                self.meter.restart();
            }
        }
    }

    fn lose(&mut self, why: Option<String>) {
        self.place = Place::Lost(why);
        (self.asserted, self.in_force, self.conflict) = (None, None, None);
    }

    /// Logs a problem when it comes and when it goes.
    fn log(&mut self) {
        let problem = self.report().and_then(|report| report.problem);
        if problem != self.logged {
            let (namespace, pod) = (&self.pod.namespace, &self.pod.name);
            if let Some(problem) = &problem {
                tracing::warn!(namespace, pod, "{problem}");
            } else {
                tracing::info!(namespace, pod, "the limit is in force as asked again");
            }
            self.logged = problem;
        }
    }

    /// What there is to say of the pod; nothing where it neither has nor wants a limit.
    pub(crate) fn report(&self) -> Option<PodReport> {
        if self.wanted == Wanted::Nothing && self.in_force.is_none() {
            return None;
        }
        Some(PodReport {
            namespace: self.pod.namespace.clone(),
            name: self.pod.name.clone(),
            uid: self.pod.uid.clone(),
            wanted_bps: self.wanted.limit().map(Bandwidth::bps),
            in_force_bps: self.in_force.map(Bandwidth::bps),
            measured: self.meter.measured(),
            problem: self.problem(),
        })
    }

    fn problem(&self) -> Option<String> {
        let network = self.pod.host_network.then_some("it uses the node's network, which is never limited");
        let lost = match &self.place {
            Place::Lost(why) => why.as_deref(),
            Place::Open(..) => None,
        };
        let all = [self.refusal.as_deref(), network, lost, self.conflict.as_deref()];
        let all: Vec<_> = all.into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// What a pod asks for, and why its annotation cannot be read.
fn read(pod: &SeenPod, last: Option<Bandwidth>) -> (Wanted, Option<String>) {
    match pod.annotation.as_deref().map(annotation::limit) {
        None => (Wanted::Nothing, None),
        Some(Ok(limit)) => (Wanted::Limit(limit), None),
        Some(Err(error)) => (Wanted::Unreadable(last), Some(error.to_string())),
    }
}

fn conflict(root: &Root) -> Option<String> {
    match root {
        Root::Foreign { kind, major } => {
            Some(format!("the queueing discipline {kind} {major:x}: at its root is not ours and stays"))
        }
        Root::Default | Root::Ours(..) => None,
    }
}
