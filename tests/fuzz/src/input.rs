use std::str;

/// The first byte, zero where there is none, and the rest.
pub(crate) fn byte(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

/// The longest beginning that is text.
pub(crate) fn text(data: &[u8]) -> &str {
    match str::from_utf8(data) {
        Ok(text) => text,
        Err(error) => {
            data.get(..error.valid_up_to()).and_then(|valid| str::from_utf8(valid).ok()).unwrap_or("")
        }
    }
}

/// Panics unless a message for users is one line of bounded length.
pub(crate) fn is_legible(message: &str) {
    assert!(!message.chars().any(char::is_control), "{message:?}");
    assert!(message.chars().count() < 600, "{message:?}");
}
