use crate::terminal::say;
use std::ffi::OsString;

/// Whether there is a desktop that a browser can appear on, as the environment tells.
pub(super) fn has_display(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("WAYLAND_DISPLAY") || is_set("DISPLAY")
}

/// Opens `address` in the browser of the desktop.
pub(super) fn open(address: &str) {
    if let Err(error) = open::that_detached(address) {
        say(&format!("warning: no browser could be started: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_browser_needs_a_display() {
        let only = |set: &'static str, value: &'static str| {
            has_display(move |name| (name == set).then(|| OsString::from(value)))
        };
        assert!(only("DISPLAY", ":0") && only("WAYLAND_DISPLAY", "wayland-0"));
        assert!(!only("DISPLAY", "") && !only("TERM", "xterm"));
    }
}
