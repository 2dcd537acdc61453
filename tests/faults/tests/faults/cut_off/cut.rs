use flow_faults::proxy::{Asked, Fault, Hook, hook};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Much longer than the reporter lets a status wait for the next, also on a busy machine.
const QUIET: Duration = Duration::from_secs(4);

/// Where the operator is killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// At which write, counted from 1.
    pub(super) number: usize,
    pub(super) side: Side,
}

/// Whether the write is made nevertheless.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// It does not reach the API server.
    Before,
    /// The API server has made it, and nobody hears of that.
    After,
}

/// Counts writes, and kills at one of them. Renewals of the Lease are none: they come for ever.
#[derive(Debug)]
pub(super) struct Knife {
    cut: Option<Cut>,
    writes: AtomicUsize,
    has_cut: Arc<AtomicBool>,
    last: Mutex<Instant>,
}

impl Knife {
    pub(super) fn new(cut: Option<Cut>) -> Self {
        let last = Mutex::new(Instant::now());
        Self { cut, writes: AtomicUsize::default(), has_cut: Arc::default(), last }
    }

    /// The rule for an operator that `kill` kills, while the Lease is held by `holder`.
    pub(super) fn rule(
        self: &Arc<Self>,
        kill: Hook,
        holder: Option<String>,
    ) -> impl Fn(&Asked) -> Fault + Send + Sync + 'static {
        let (knife, holder) = (Arc::clone(self), Mutex::new(holder));
        let has_cut = Arc::clone(&self.has_cut);
        let kill = hook(move || {
            kill();
            has_cut.store(true, Ordering::SeqCst);
        });
        move |asked| {
            if !asked.is_write() || is_renewal(asked, &holder) {
                return Fault::Pass;
            }
            *knife.last.lock().unwrap() = Instant::now();
            let number = knife.writes.fetch_add(1, Ordering::SeqCst) + 1;
            match knife.cut {
                Some(cut) if cut.number == number => match cut.side {
                    Side::Before => Fault::Before(Arc::clone(&kill)),
                    Side::After => Fault::After(Arc::clone(&kill)),
                },
                // What reaches the proxy after the kill was sent before it.
                _ => Fault::Pass,
            }
        }
    }

    pub(super) fn has_cut(&self) -> bool {
        self.has_cut.load(Ordering::SeqCst)
    }

    /// Whether no more writes are to be expected.
    pub(super) fn is_quiet(&self) -> bool {
        self.last.lock().unwrap().elapsed() > QUIET
    }
}

/// Whether a write renews a Lease for who holds it already. Notes who holds it then.
fn is_renewal(asked: &Asked, holder: &Mutex<Option<String>>) -> bool {
    if !asked.is_about("leases") {
        return false;
    }
    let next = asked.json()["spec"]["holderIdentity"].as_str().map(str::to_owned);
    let mut holder = holder.lock().unwrap();
    let is_renewal = *holder == next;
    *holder = next;
    is_renewal
}
