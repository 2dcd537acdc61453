//! Each decision in a scenario: `trace SCENARIO [CONTENDER [FROM [TO]]]`, the times in seconds.

#![allow(clippy::print_stdout, reason = "it is a program")]

use flow_model::{Contender, Error, Glimpse, Scenario, run};
use std::path::Path;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let scenario = Scenario::read(&folder.join(format!("{name}.yaml")))?;
    let wanted = arguments.next().unwrap_or_default();
    let named = |contender: &Contender| format!("{contender:?}").eq_ignore_ascii_case(&wanted);
    let contender = Contender::ALL.into_iter().find(named).unwrap_or(scenario.law);
    let mut second =
        |otherwise: f64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (from, to) = (second(0.0), second(f64::MAX));
    println!("{:>9} {:>1} {:>6} {:>7} {:>6} limit of each target", "s", "p", "link", "wait ms", "sent");
    let outcome = run(&scenario, contender, &mut |glimpse| {
        if (from..to).contains(&glimpse.elapsed.as_secs_f64()) {
            println!("{}", line(glimpse));
        }
    });
    println!("{outcome:#?}");
    Ok(())
}

fn line(glimpse: &Glimpse) -> String {
    let limits: Vec<_> = glimpse.limits.iter().map(|limit| format!("{:6.1}", limit / 1e6)).collect();
    let read = |reading: flow_control::Reading| {
        reading.map_or_else(|unknown| unknown.kind().to_owned(), |value| format!("{:.2}", value.get() * 1e3))
    };
    let seen = glimpse.observations.iter().map(|seen| {
        let queue = seen.queueing.map_or_else(String::new, |queue| {
            let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
            let mark = if queue.settled { "" } else { "?" };
            format!(" queue {:.1}/{:.1}{mark}", ms(queue.delay), ms(queue.allowed))
        });
        format!("{} ({}){queue}", read(seen.reading), read(seen.settled))
    });
    format!(
        "{:9.3} {} {:6.1} {:7.2} {:>6} {}  {:?} {:?}  {}",
        glimpse.elapsed.as_secs_f64(),
        glimpse.policy,
        glimpse.capacity / 1e6,
        glimpse.wait.as_secs_f64() * 1e3,
        glimpse.sent.map_or_else(|| "-".to_owned(), |sent| format!("{:.1}", sent / 1e6)),
        limits.join(" "),
        glimpse.decision.action,
        glimpse.decision.reason,
        seen.collect::<Vec<_>>().join(", "),
    )
}
