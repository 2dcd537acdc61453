use kube::runtime::watcher;

/// Why `what` cannot be watched, in words that say what to do.
pub(super) fn explain(error: &watcher::Error, what: &str) -> String {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status)) | WatchStartFailed(kube::Error::Api(status)) => {
            refused(status.code, &status.message, what)
        }
        WatchError(status) => refused(status.code, &status.message, what),
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => error.to_string(),
        NoResourceVersion => error.to_string(),
    }
}

/// The API server's own words name the account and the verb that it lacks; those about a kind that it does not
/// know name nothing.
fn refused(code: u16, message: &str, what: &str) -> String {
    match code {
        404 => {
            format!("the API server knows no {what}; install the CustomResourceDefinition of flow-manager")
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn refusal(code: u16, message: &str) -> watcher::Error {
        let status = Status { code, message: message.to_owned(), ..Status::default() };
        watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn a_missing_definition_is_said_to_be_missing() {
        let problem = explain(&refusal(404, "404 page not found"), "policies");
        assert!(problem.contains("policies") && problem.contains("CustomResourceDefinition"), "{problem}");
    }

    #[test]
    fn a_missing_permission_is_told_in_the_words_of_the_api_server() {
        let words =
            r#"pods is forbidden: User "x" cannot list resource "pods" in API group "" at the cluster scope"#;
        assert_eq!(explain(&refusal(403, words), "pods"), words);
    }
}
