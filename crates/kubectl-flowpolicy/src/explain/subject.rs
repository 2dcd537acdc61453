use std::fmt;
use std::str::FromStr;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
}

/// What can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A pod.
    Pod,
    /// The pods of a Deployment.
    Deployment,
    /// The pods of a `StatefulSet`.
    StatefulSet,
    /// The pods of a `DaemonSet`.
    DaemonSet,
    /// A policy.
    FlowPolicy,
}

/// A text that names nothing that can be explained.
#[derive(Debug, thiserror::Error)]
#[error(
    "{found:?} cannot be explained; allowed is KIND/NAME or KIND NAME with the kind pod, deployment, statefulset, daemonset or fp"
)]
pub struct InvalidSubject {
    found: String,
}

impl InvalidSubject {
    /// The next command to try.
    #[must_use]
    pub fn next(&self) -> String {
        match self.found.as_str() {
            name if name.is_empty() || name.contains('/') => "kubectl flowpolicy explain pod/NAME".to_owned(),
            name => {
                format!("kubectl flowpolicy explain deployment/{name}   (or fp/{name}, if it is a policy)")
            }
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidSubject;

    /// Kinds as kubectl takes them: short, singular or plural, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let invalid = || InvalidSubject { found: text.to_owned() };
        let (kind, name) = text.split_once('/').ok_or_else(invalid)?;
        if name.is_empty() || name.contains('/') {
            return Err(invalid());
        }
        let kind = match kind.to_ascii_lowercase().as_str() {
            "po" | "pod" | "pods" => SubjectKind::Pod,
            "deploy" | "deployment" | "deployments" => SubjectKind::Deployment,
            "sts" | "statefulset" | "statefulsets" => SubjectKind::StatefulSet,
            "ds" | "daemonset" | "daemonsets" => SubjectKind::DaemonSet,
            "fp" | "flowpolicy" | "flowpolicies" => SubjectKind::FlowPolicy,
            _ => return Err(invalid()),
        };
        Ok(Self { kind, name: name.to_owned() })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            SubjectKind::Pod => "pod",
            SubjectKind::Deployment => "Deployment",
            SubjectKind::StatefulSet => "StatefulSet",
            SubjectKind::DaemonSet => "DaemonSet",
            SubjectKind::FlowPolicy => "FlowPolicy",
        };
        write!(f, "{kind} {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_kubectl_takes_them() {
        for (text, shown) in [
            ("po/a", "pod a"),
            ("Deployment/b", "Deployment b"),
            ("ds/c", "DaemonSet c"),
            ("fp/d", "FlowPolicy d"),
        ] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_names_nothing_is_an_error_that_shows_it() {
        for text in ["", "pod", "pod/", "pod/a/b", "service/a"] {
            let error = text.parse::<Subject>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} cannot be explained")), "{error}");
        }
        let next = |text: &str| text.parse::<Subject>().unwrap_err().next();
        assert_eq!(
            next("robot"),
            "kubectl flowpolicy explain deployment/robot   (or fp/robot, if it is a policy)"
        );
        assert_eq!(next("service/a"), "kubectl flowpolicy explain pod/NAME");
    }
}
