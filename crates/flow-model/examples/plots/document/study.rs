use flow_model::{Contender, Figures, Glimpse, History, Scenario, run};
use std::sync::{Mutex, PoisonError};

/// What came of a scenario.
pub(crate) struct Study {
    pub(crate) scenario: Scenario,
    /// Of each of [`COMPARED`].
    pub(crate) figures: Vec<Figures>,
    /// What who knows the capacity delivered, in Mbit/s.
    pub(crate) best_mbps: f64,
    /// How it went with the law that the scenario is about.
    pub(crate) history: History,
}

/// Who is compared, in the order of the table.
pub(crate) const COMPARED: [Contender; 4] =
    [Contender::Balanced, Contender::Strict, Contender::Aimd, Contender::Predecessor];

/// Studies all, on two threads, in the order of their names.
pub(crate) fn all(scenarios: Vec<Scenario>) -> Vec<Study> {
    let (waiting, done) = (Mutex::new(scenarios), Mutex::new(Vec::new()));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let work = || {
        while let Some(scenario) = next() {
            let study = Study::of(scenario);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(study);
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(work);
        work();
    });
    let mut studies = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    studies.sort_by(|one, other| one.scenario.name.cmp(&other.scenario.name));
    studies
}

impl Study {
    fn of(scenario: Scenario) -> Self {
        let mut history = History::default();
        let mut figures = |contender| {
            let is_drawn = contender == scenario.law;
            let mut watch = |glimpse: &Glimpse| {
                if is_drawn {
                    history.take(glimpse);
                }
            };
            run(&scenario, contender, &mut watch).figures
        };
        let (compared, best) = (COMPARED.map(&mut figures).to_vec(), figures(Contender::Oracle));
        Self { figures: compared, best_mbps: best.goodput_mbps, history, scenario }
    }
}
