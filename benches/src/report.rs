use crate::{Case, LawName, Ready, median_nanos};
use serde_json::{Value, json};
use std::fmt::Write;

/// What one case costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Which case.
    pub case: Case,
    /// The decision, and why.
    pub decision: String,
    /// How many instructions it takes, where Callgrind has counted them.
    pub instructions: Option<u64>,
    /// How many nanoseconds it takes, typically.
    pub nanos: u128,
    /// How many allocations it makes.
    pub allocations: u64,
}

impl Measured {
    /// Times the decision. `allocations` counts those of what it is given.
    pub fn of(
        case: Case,
        ready: Ready,
        instructions: Option<u64>,
        allocations: impl FnOnce(&mut dyn FnMut()) -> u64,
    ) -> Self {
        let (nanos, mut ready, mut decided) = (median_nanos(&ready), Some(ready), None);
        let allocations = allocations(&mut || decided = ready.take().map(Ready::decide));
        let decision =
            decided.map(|(_, decision, ..)| format!("{:?} {:?}", decision.action, decision.reason));
        Self { case, decision: decision.unwrap_or_default(), instructions, nanos, allocations }
    }
}

/// The report for programs; `decision_ns` is the slowest case, of all and of each law.
#[must_use]
pub fn report(measured: &[Measured]) -> Value {
    let cases: Vec<_> = measured
        .iter()
        .map(|row| {
            json!({
                "law": format!("{:?}", row.case.law),
                "objectives": row.case.size,
                "targets": row.case.size,
                "situation": format!("{:?}", row.case.situation),
                "decision": row.decision,
                "instructions": row.instructions,
                "median_ns": u64::try_from(row.nanos).ok(),
                "allocations": row.allocations,
            })
        })
        .collect();
    let slowest = |laws: &[LawName]| {
        let of_laws = measured.iter().filter(|row| laws.contains(&row.case.law));
        of_laws.map(|row| row.nanos).max().and_then(|nanos| u64::try_from(nanos).ok())
    };
    json!({
        "decision_ns": slowest(&[LawName::Adaptive, LawName::Aimd]),
        "decision_ns_adaptive": slowest(&[LawName::Adaptive]),
        "decision_ns_aimd": slowest(&[LawName::Aimd]),
        "cases": cases,
    })
}

/// The report for people.
#[must_use]
pub fn table(measured: &[Measured]) -> String {
    let header = ["law, objectives×targets, situation", "decision", "instructions", "ns", "allocations"]
        .map(String::from);
    let rows = measured.iter().map(|row| {
        let instructions = row.instructions.map_or("-".to_owned(), |count| count.to_string());
        let (nanos, allocations) = (row.nanos.to_string(), row.allocations.to_string());
        [row.case.to_string(), row.decision.clone(), instructions, nanos, allocations]
    });
    let mut text = String::new();
    for [case, decision, instructions, nanos, allocations] in std::iter::once(header).chain(rows) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{case:<36}{decision:<28}{instructions:>12}{nanos:>9}{allocations:>13}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Situation;

    fn measured(nanos: u128) -> Measured {
        let case = Case { law: LawName::Adaptive, size: 1, situation: Situation::Quiet };
        let ready = case.prepare().unwrap();
        let measured = Measured::of(case, ready, Some(7), |decide| {
            decide();
            3
        });
        Measured { nanos, ..measured }
    }

    #[test]
    fn the_report_names_the_slowest_decision_and_what_each_case_decides() {
        let report = report(&[measured(5), measured(9), measured(6)]);
        assert_eq!(report["decision_ns"], 9);
        assert_eq!((&report["decision_ns_adaptive"], &report["decision_ns_aimd"]), (&json!(9), &Value::Null));
        let case = json!({
            "law": "Adaptive", "objectives": 1, "targets": 1, "situation": "Quiet",
            "decision": "Increase Headroom", "instructions": 7, "median_ns": 5, "allocations": 3,
        });
        assert_eq!(report["cases"][0], case);
    }

    #[test]
    fn the_table_has_a_line_for_each_case() {
        let table = table(&[measured(5), measured(9)]);
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("Adaptive 1×1 Quiet"), "{table}");
    }
}
