use super::finding::{Checked, FileReport};
use super::{Finding, Severity};
use crate::terminal::number;

/// A line for each finding, and a last one that counts them.
pub(super) fn text(reports: &[FileReport]) -> String {
    let lines: String = reports.iter().map(file).collect();
    lines + &counted(reports)
}

fn file(report: &FileReport) -> String {
    if let Some(problem) = &report.problem {
        return format!("{}: {problem}\n", report.file);
    }
    let several = report.documents.len() > 1;
    let place =
        |number| if several { format!("{}, document {number}", report.file) } else { report.file.clone() };
    let documents = report.documents.iter().zip(1..);
    documents.flat_map(|(document, number)| findings(&place(number), document)).collect()
}

fn findings(place: &str, document: &Checked) -> Vec<String> {
    document.findings.iter().map(|finding| format!("{place}: {finding}\n")).collect()
}

fn counted(reports: &[FileReport]) -> String {
    let documents = || reports.iter().flat_map(|report| &report.documents);
    let policies = documents().filter(|document| document.kind.as_deref() == Some("FlowPolicy")).count();
    let others = documents().count() - policies;
    let of = |severity| {
        reports.iter().flat_map(FileReport::findings).filter(move |f: &&Finding| f.severity == severity)
    };
    let unusable = reports.iter().filter(|report| report.problem.is_some()).count();
    let (errors, warnings) = (of(Severity::Error).count() + unusable, of(Severity::Warning).count());
    let others = match others {
        0 => String::new(),
        others => format!(", {} of other kinds", number(others, "document", "documents")),
    };
    let [policies, errors, warnings] = [
        number(policies, "policy", "policies"),
        number(errors, "error", "errors"),
        number(warnings, "warning", "warnings"),
    ];
    format!("{policies}{others}: {errors}, {warnings}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_its_file_and_document_and_all_are_counted() {
        let checked = |kind: &str, findings| Checked { kind: Some(kind.to_owned()), name: None, findings };
        let findings = vec![
            Finding::error("spec.objetives", "there is no such field"),
            Finding::warning("spec.objectives[0].prometheus.query", "the query seems to be wrong"),
        ];
        let documents = vec![checked("ConfigMap", Vec::new()), checked("FlowPolicy", findings)];
        let reports = [
            FileReport { file: "a.yaml".to_owned(), problem: None, documents },
            FileReport {
                file: "b.yaml".to_owned(),
                problem: Some("cannot be read".to_owned()),
                documents: Vec::new(),
            },
        ];
        let expected = "\
a.yaml, document 2: spec.objetives: there is no such field
a.yaml, document 2: spec.objectives[0].prometheus.query: warning: the query seems to be wrong
b.yaml: cannot be read
1 policy, 1 document of other kinds: 2 errors, 1 warning
";
        assert_eq!(text(&reports), expected);
    }
}
