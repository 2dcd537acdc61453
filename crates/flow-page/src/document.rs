use crate::Page;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use std::time::Duration;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(include_str!("chart.js"), "\n", include_str!("page.js"));

/// What a browser may do for the page, as the value of the header `Content-Security-Policy`: run its own script and
/// style, and ask for what stands beside it. A `<meta>` of the page says the same; only the header forbids frames.
pub static CONTENT_SECURITY_POLICY: LazyLock<String> =
    LazyLock::new(|| format!("{}; frame-ancestors 'none'", *MAY));

static MAY: LazyLock<String> = LazyLock::new(|| {
    let (style, script) = (digest(STYLE), digest(SCRIPT));
    format!(
        "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'"
    )
});

fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

impl Page {
    /// A whole HTML document with these data in it. It asks nobody for anything.
    #[must_use]
    pub fn document(&self) -> String {
        // It fails only for maps whose keys are no strings; there is none.
        let json = serde_json::to_string(self).unwrap_or_default();
        html(&json, Duration::ZERO)
    }
}

/// The HTML document that an operator serves: it asks for `page.json`, relative to its own URL, every `refresh`, which is
/// at least a second, and shows the newest [`Page`] that it got.
#[must_use]
pub fn live(refresh: Duration) -> String {
    html("", refresh.max(Duration::from_secs(1)))
}

fn html(json: &str, refresh: Duration) -> String {
    format!(
        include_str!("page.html"),
        may = *MAY,
        style = STYLE,
        // Nothing in it can end the element that holds it.
        data = json.replace('<', "\\u003c"),
        refresh = refresh.as_millis(),
        script = SCRIPT,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mark, PolicyHistory, State, Table};

    fn page(name: &str) -> Page {
        let mark = Mark {
            at: 1,
            decision: "Decrease".to_owned(),
            reason: "ObjectiveViolated".to_owned(),
            message: "</script><!--".to_owned(),
        };
        let policy = PolicyHistory {
            namespace: "factory".to_owned(),
            name: name.to_owned(),
            mode: "Enforce".to_owned(),
            state: State::Met,
            why: String::new(),
            holding: None,
            failed: None,
            since: None,
            objectives: Vec::new(),
            targets: Vec::new(),
            decisions: vec![mark],
        };
        let table = Table { title: "Facts".to_owned(), ..Table::default() };
        Page { title: "{data}".to_owned(), note: None, at: 0, policies: vec![policy], tables: vec![table] }
    }

    fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        text.split_once(from).unwrap().1.split_once(to).unwrap().0
    }

    #[test]
    fn what_a_document_holds_is_the_page_whatever_its_names_are() {
        for name in ["robot", "</script><script>alert(1)</script>", "<!-- <script>", "\"&\\u003c\u{2028}"] {
            let (page, document) = (page(name), page(name).document());
            let json = between(&document, "<script type=\"application/json\" id=\"page\">", "</script>");
            assert_eq!(serde_json::from_str::<Page>(json).unwrap(), page);
            assert_eq!(document.matches("</script>").count(), 2, "{name}");
        }
    }

    #[test]
    fn only_the_style_and_script_of_the_page_may_run() {
        let document = page("robot").document();
        let may = between(&document, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        for (element, from, to) in [("style", "<style>", "</style>"), ("script", "<script>", "</script>")] {
            let hash = STANDARD.encode(Sha256::digest(between(&document, from, to)));
            assert!(may.contains(&format!("{element}-src 'sha256-{hash}'")), "{may}");
        }
        assert!(may.starts_with("default-src 'none';") && !may.contains("unsafe"), "{may}");
        assert_eq!(*CONTENT_SECURITY_POLICY, format!("{may}; frame-ancestors 'none'"));
    }

    #[test]
    fn a_live_page_has_no_data_and_does_not_ask_more_than_once_a_second() {
        assert!(live(Duration::ZERO).contains("data-refresh=\"1000\""));
        assert!(live(Duration::from_secs(5)).contains("data-refresh=\"5000\""));
        assert!(live(Duration::from_secs(5)).contains("id=\"page\"></script>"));
        assert!(page("robot").document().contains("data-refresh=\"0\""));
    }
}
