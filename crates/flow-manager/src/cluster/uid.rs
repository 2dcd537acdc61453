use serde::{Serialize, Serializer};
use std::fmt;
use uuid::Uuid;

/// The UID of an object, held in a third of the room of its text: there are many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(Held);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Held {
    Number(Uuid),
    /// Of an API server that writes it otherwise.
    Text(Box<str>),
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        let number = Uuid::try_parse(text).ok();
        let is_its_text =
            |number: &Uuid| number.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        Self(number.filter(is_its_text).map_or_else(|| Held::Text(text.into()), Held::Number))
    }
}

impl From<String> for Uid {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Held::Number(number) => number.hyphenated().fmt(f),
            Held::Text(text) => text.fmt(f),
        }
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_told_as_it_was() {
        let usual = "0a5f2f3b-6d1e-4c8a-9b7f-00aa11bb22cc";
        let (upper, simple) = (usual.to_uppercase(), usual.replace('-', ""));
        let braced = format!("{{{usual}}}");
        for text in [usual, &upper, &simple, &braced, "u1", ""] {
            assert_eq!(Uid::from(text).to_string(), text);
            assert_eq!(serde_json::json!(Uid::from(text)), text);
        }
        assert_ne!(Uid::from(usual), Uid::from(upper), "they may be two objects");
    }

    #[test]
    fn a_usual_uid_takes_no_memory_of_its_own() {
        let measured = allocation_counter::measure(|| {
            drop(std::hint::black_box(Uid::from("0a5f2f3b-6d1e-4c8a-9b7f-00aa11bb22cc")));
        });
        assert_eq!((measured.count_total, size_of::<Uid>()), (0, 24));
    }
}
