use super::report::{Check, Outcome};
use crate::connection::{Ask, Connection, Failure};

/// The oldest Kubernetes 1.x that flow-manager runs in.
const OLDEST_MINOR: u32 = 30;

/// The API server answers, and is new enough.
pub(super) async fn check(connection: &Connection) -> Result<Check, Failure> {
    let client = connection.client().await?.clone();
    let version = connection.answer(Ask::version(), client.apiserver_version()).await?;
    Ok(judge(&version.major, &version.minor, &version.git_version))
}

fn judge(major: &str, minor: &str, name: &str) -> Check {
    let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
    let is_new = major.parse::<u32>().is_ok_and(|major| major > 1)
        || digits.parse::<u32>().is_ok_and(|minor| minor >= OLDEST_MINOR);
    let found = format!("the API server answers: Kubernetes {name}");
    if is_new {
        return Check::passed(found);
    }
    let hint = format!("flow-manager needs Kubernetes 1.{OLDEST_MINOR} or later");
    Check::otherwise(Outcome::Failed, found, hint, "docs/installing.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kubernetes_fails() {
        let outcome = |minor| judge("1", minor, "v").outcome;
        let outcomes = ["29", "30", "31+"].map(outcome);
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Passed, Outcome::Passed]);
    }
}
