//! What a field is changed to, as far as the schema alone tells.

use crate::base;
use crate::place::set;
use crate::schema::Field;
use crate::text;
use serde_json::{Value, json};

/// Longer than any list that says how long it may be.
const VERY_MANY: usize = 300;

/// A change of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// It gets this value.
    Set(Value),
    /// It is left out.
    Remove,
    /// A list gets so many copies of its first item, told apart by the named field where items have keys.
    Copies(usize, Option<String>),
    /// A list has its first item once more.
    Twice,
    /// A list is turned round.
    Backwards,
    /// An object gets a field that the schema lacks.
    Unknown,
}

/// An [`Edit`], and whether the schema alone forbids it.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The change.
    pub edit: Edit,
    /// Whether it must be refused, whatever else the spec says.
    pub is_illegal: bool,
}

/// Everything that is worth trying with a field; what is made by chance comes of `seed`.
#[must_use]
pub fn variants(field: &Field, seed: u64) -> Vec<Variant> {
    let of_type = match field.text("type") {
        "string" if field.words().next().is_some() => words(field),
        "string" => strings(field, seed),
        "integer" => integers(field),
        "array" => lists(field),
        _ => objects(field),
    };
    let known = base::known(&field.path).into_iter().map(|value| open(Edit::Set(value)));
    of_type.into_iter().chain(known).chain([open(Edit::Remove), open(Edit::Set(Value::Null))]).collect()
}

const fn open(edit: Edit) -> Variant {
    Variant { edit, is_illegal: false }
}

const fn illegal(edit: Edit) -> Variant {
    Variant { edit, is_illegal: true }
}

fn wrong_types(values: impl IntoIterator<Item = Value>) -> impl Iterator<Item = Variant> {
    values.into_iter().map(|value| illegal(Edit::Set(value)))
}

fn words(field: &Field) -> Vec<Variant> {
    let allowed = field.words().map(|word| open(Edit::Set(json!(word))));
    let others = field.words().map(str::to_lowercase).chain([String::new(), "NoSuchWord".to_owned()]);
    let forbidden = others.map(|word| illegal(Edit::Set(json!(word))));
    allowed.chain(forbidden).chain(wrong_types([json!(1), json!([])])).collect()
}

fn strings(field: &Field, seed: u64) -> Vec<Variant> {
    let all = [text::matching(field, seed), text::odd(field), text::at_bounds(field)].into_iter().flatten();
    let judged = all.map(|text| {
        let is_illegal = !text::is_allowed(field, &text);
        Variant { edit: Edit::Set(json!(text)), is_illegal }
    });
    judged.chain(wrong_types([json!(1), json!(true), json!({}), json!(["a"])])).collect()
}

fn integers(field: &Field) -> Vec<Variant> {
    let (least, most) = (field.number("minimum"), field.number("maximum"));
    let bounds = [least, most].into_iter().flatten().flat_map(|bound| [bound - 1, bound, bound + 1]);
    let all = bounds.chain([0, -1, i64::from(i32::MAX), i64::from(i32::MAX) + 1, i64::MAX, i64::MIN]);
    let judged = all.map(|number| {
        let is_within = least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
        Variant { edit: Edit::Set(json!(number)), is_illegal: !is_within }
    });
    judged.chain(wrong_types([json!(1.5), json!("1"), json!(true), json!([])])).collect()
}

fn lists(field: &Field) -> Vec<Variant> {
    let key = field.schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let key = key.and_then(|keys| keys.last()?.as_str()).map(str::to_owned);
    let most = field.number("maxItems").and_then(|most| usize::try_from(most).ok());
    let copies = |count| Variant {
        edit: Edit::Copies(count, key.clone()),
        is_illegal: most.is_some_and(|most| count > most),
    };
    let counts = most.into_iter().flat_map(|most| [most, most + 1]).chain([2, VERY_MANY]);
    let empty = Variant { edit: Edit::Set(json!([])), is_illegal: field.number("minItems").is_some() };
    let twice = Variant { edit: Edit::Twice, is_illegal: key.is_some() };
    let others = [empty, twice, open(Edit::Backwards)].into_iter();
    counts.map(copies).chain(others).chain(wrong_types([json!("a"), json!({}), json!(1)])).collect()
}

fn objects(field: &Field) -> Vec<Variant> {
    let is_map = field.schema.get("additionalProperties").is_some();
    let unknown = Variant { edit: Edit::Unknown, is_illegal: !is_map };
    let empty = open(Edit::Set(json!({})));
    [unknown, empty].into_iter().chain(wrong_types([json!("a"), json!([]), json!(1)])).collect()
}

impl Edit {
    /// Changes what stands at `place`. False where there is nothing to be changed so.
    pub fn make(&self, document: &mut Value, place: &str) -> bool {
        let present = document.pointer(place).cloned();
        let next = match (self, present) {
            (Self::Set(value), _) => Some(value.clone()),
            (Self::Remove, Some(_)) => None,
            (Self::Unknown, Some(Value::Object(mut fields))) => {
                fields.insert("noSuchField".to_owned(), json!("x"));
                Some(Value::Object(fields))
            }
            (_, Some(Value::Array(items))) if !items.is_empty() => Some(Value::Array(self.rearranged(items))),
            _ => return false,
        };
        set(document, place, next);
        true
    }

    fn rearranged(&self, mut items: Vec<Value>) -> Vec<Value> {
        match self {
            Self::Copies(count, key) => copies(&items, *count, key.as_deref()),
            Self::Backwards => items.into_iter().rev().collect(),
            _ => {
                items.extend(items.first().cloned());
                items
            }
        }
    }
}

fn copies(items: &[Value], count: usize, key: Option<&str>) -> Vec<Value> {
    let first = items.first().cloned().unwrap_or_default();
    let copy = |number: usize| {
        let mut copy = first.clone();
        if let (Some(key), Some(fields), 1..) = (key, copy.as_object_mut(), number) {
            fields.insert(key.to_owned(), json!(format!("copy-{number}")));
        }
        copy
    };
    (0..count).map(copy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::fields;

    fn of(path: &str) -> Vec<Variant> {
        let field = fields().unwrap().into_iter().find(|field| field.path.to_string() == path).unwrap();
        variants(&field, 1)
    }

    fn has(path: &str, value: Value, is_illegal: bool) -> bool {
        of(path).contains(&Variant { edit: Edit::Set(value), is_illegal })
    }

    #[test]
    fn numbers_touch_and_pass_their_bounds() {
        let path = "spec.objectives[].priority";
        assert!([0, 1, 999, 1000].iter().all(|number| has(path, json!(number), false)));
        assert!(
            [json!(-1), json!(1001), json!(1.5), json!("1")].into_iter().all(|value| has(path, value, true))
        );
    }

    #[test]
    fn words_are_all_tried_and_others_too() {
        let path = "spec.control.law";
        assert!(["Adaptive", "AIMD"].iter().all(|word| has(path, json!(word), false)));
        assert!(["adaptive", "", "NoSuchWord"].iter().all(|word| has(path, json!(word), true)));
    }

    #[test]
    fn lists_are_filled_overfilled_emptied_and_doubled() {
        let edits = of("spec.objectives");
        let name = Some("name".to_owned());
        let find =
            |edit: Edit| edits.iter().find(|variant| variant.edit == edit).map(|variant| variant.is_illegal);
        assert_eq!(find(Edit::Copies(32, name.clone())), Some(false));
        assert_eq!(find(Edit::Copies(33, name)), Some(true));
        assert_eq!((find(Edit::Set(json!([]))), find(Edit::Twice)), (Some(true), Some(true)));
    }

    #[test]
    fn copies_differ_by_their_key_and_the_rest_of_a_list_stays() {
        let mut document = json!({"spec": {"list": [{"name": "a", "x": 1}, {"name": "b"}]}});
        assert!(Edit::Copies(2, Some("name".to_owned())).make(&mut document, "/spec/list"));
        assert_eq!(document["spec"]["list"], json!([{"name": "a", "x": 1}, {"name": "copy-1", "x": 1}]));
        assert!(Edit::Twice.make(&mut document, "/spec/list"));
        assert_eq!(document["spec"]["list"].as_array().map(Vec::len), Some(3));
        assert!(
            !Edit::Remove.make(&mut document, "/spec/none") && !Edit::Twice.make(&mut document, "/spec/none")
        );
    }
}
