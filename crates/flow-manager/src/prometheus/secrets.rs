use super::credentials::Login;
use reqwest::header::HeaderMap;
use std::cmp::Reverse;

/// What stands where a secret was.
const MASK: &str = "***";
/// The shortest word of a header that is taken for a secret: a shorter one, such as a tenant's name, is in many texts.
const SHORTEST: usize = 8;

/// What a request shows to Prometheus, and nobody else may see. Who refuses a request may repeat it in the answer.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Those of a request with this login and these headers.
    pub(super) fn of(login: &Login, headers: &HeaderMap) -> Self {
        let values = headers.values().filter_map(|value| value.to_str().ok());
        let words = values.flat_map(str::split_whitespace).filter(|word| word.len() >= SHORTEST);
        let mut secrets: Vec<String> = words.map(str::to_owned).chain(login.secrets()).collect();
        // One may be a part of another.
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        Self(secrets)
    }

    /// `text` without them.
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::header;
    use super::*;

    #[test]
    fn no_form_in_which_a_secret_is_sent_is_left_in_a_text() {
        let headers = [("Cookie", "session=0123 x"), ("X-Scope-OrgID", "factory")];
        let headers = headers.into_iter().map(|(name, value)| header(name, value).unwrap()).collect();
        let login = Login::Basic { user: "flow".to_owned(), password: "s3cret".to_owned() };
        let hidden = Secrets::of(&login, &headers)
            .hide("Basic Zmxvdzp zM2NyZXQ=, Basic ZmxvdzpzM2NyZXQ=, flow:s3cret, session=0123, x of factory");
        assert_eq!(hidden, "Basic Zmxvdzp zM2NyZXQ=, Basic ***, flow:***, ***, x of factory");
    }

    #[test]
    fn of_a_secret_that_holds_another_nothing_is_left() {
        let headers = ["1234567890", "12345678"].map(|value| header("x", value).unwrap());
        assert_eq!(Secrets::of(&Login::None, &headers.into_iter().collect()).hide("1234567890"), MASK);
    }
}
