use kube::runtime::watcher;
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// What is kept of objects of which there are many.
pub trait Object {
    /// Its namespace.
    fn namespace(&self) -> &str;
    /// Its name.
    fn name(&self) -> &str;
    /// The UID of who controls it, if somebody does.
    fn controller(&self) -> Option<&str>;
    /// Whether targets are found through it as through `other`, which it was before.
    fn is_found_like(&self, other: &Self) -> bool;
    /// Takes what it has in common with `other` from there, so that it is kept once.
    fn share(&mut self, other: &Self);
}

/// Objects of one kind, looked up by namespace and by who controls them. Clones read the same.
#[derive(Debug)]
pub struct Objects<T>(Arc<RwLock<Index<T>>>);

/// Keeps [`Objects`] as the watch tells.
#[derive(Debug)]
pub struct ObjectsWriter<T> {
    objects: Objects<T>,
    /// What a list has told so far. What it replaces is read until it is complete.
    listed: Index<T>,
}

/// An object that was changed or deleted.
#[derive(Debug)]
pub struct Changed<T> {
    /// As it is now, or was last.
    pub object: Arc<T>,
    /// Whether targets may be found otherwise by it.
    pub concerns_targets: bool,
}

#[derive(Debug)]
struct Index<T>(HashMap<String, Namespace<T>>);

#[derive(Debug)]
struct Namespace<T> {
    objects: HashSet<ByName<T>>,
    controlled: HashMap<String, Vec<Arc<T>>>,
    /// The one that came last: the next one is often alike.
    last: Option<Arc<T>>,
}

/// An object that is found by its name.
#[derive(Debug)]
struct ByName<T>(Arc<T>);

impl<T: Object> Objects<T> {
    /// None yet, and who keeps them.
    #[must_use]
    pub fn empty() -> (Self, ObjectsWriter<T>) {
        let objects = Self(Arc::default());
        (objects.clone(), ObjectsWriter { objects, listed: Index::default() })
    }

    /// The object of that name.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.read().0.get(namespace)?.objects.get(name).map(|ByName(object)| Arc::clone(object))
    }

    /// All of them, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<T>> {
        self.read().0.values().flat_map(Namespace::all).collect()
    }

    /// Those in a namespace, in no order.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<T>> {
        self.read().0.get(namespace).into_iter().flat_map(Namespace::all).collect()
    }

    /// Those in a namespace that are controlled by the object of this UID, in no order.
    #[must_use]
    pub fn controlled_by(&self, namespace: &str, uid: &str) -> Vec<Arc<T>> {
        let index = self.read();
        index
            .0
            .get(namespace)
            .and_then(|namespace| namespace.controlled.get(uid))
            .cloned()
            .unwrap_or_default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Index<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Object> FromIterator<T> for Objects<T> {
    fn from_iter<I: IntoIterator<Item = T>>(objects: I) -> Self {
        let (read, mut write) = Self::empty();
        for object in objects {
            write.take(watcher::Event::Apply(object));
        }
        read
    }
}

impl<T: Object> ObjectsWriter<T> {
    /// Takes what the watch tells. Returns what was changed or deleted, except by a list, which may change everything.
    pub fn take(&mut self, event: watcher::Event<T>) -> Option<Changed<T>> {
        match event {
            watcher::Event::Apply(object) => Some(self.write(|index| index.insert(object))),
            watcher::Event::Delete(object) => Some(self.write(|index| index.remove(object))),
            watcher::Event::Init => {
                self.listed = Index::default();
                None
            }
            watcher::Event::InitApply(mut object) => {
                if let Some(present) = self.objects.get(object.namespace(), object.name()) {
                    object.share(&present);
                }
                self.listed.insert(object);
                None
            }
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let replaced = self.write(|index| std::mem::replace(index, listed));
                drop(replaced);
                None
            }
        }
    }

    fn write<R>(&self, change: impl FnOnce(&mut Index<T>) -> R) -> R {
        change(&mut self.objects.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Object> Index<T> {
    fn insert(&mut self, mut object: T) -> Changed<T> {
        let namespace = match self.0.get_mut(object.namespace()) {
            Some(namespace) => namespace,
            None => self.0.entry(object.namespace().to_owned()).or_default(),
        };
        let before = namespace.take(object.name());
        for alike in before.iter().chain(&namespace.last) {
            object.share(alike);
        }
        let object = Arc::new(object);
        namespace.put(Arc::clone(&object));
        let concerns_targets = before.is_none_or(|before| !object.is_found_like(&before));
        Changed { object, concerns_targets }
    }

    fn remove(&mut self, object: T) -> Changed<T> {
        if let Some(namespace) = self.0.get_mut(object.namespace()) {
            namespace.take(object.name());
            namespace.last = None;
            if namespace.objects.is_empty() {
                self.0.remove(object.namespace());
            }
        }
        Changed { object: Arc::new(object), concerns_targets: true }
    }
}

impl<T: Object> Namespace<T> {
    fn all(&self) -> impl Iterator<Item = Arc<T>> {
        self.objects.iter().map(|ByName(object)| Arc::clone(object))
    }

    fn put(&mut self, object: Arc<T>) {
        if let Some(controller) = object.controller() {
            match self.controlled.get_mut(controller) {
                Some(controlled) => controlled.push(Arc::clone(&object)),
                None => drop(self.controlled.insert(controller.to_owned(), vec![Arc::clone(&object)])),
            }
        }
        self.last = Some(Arc::clone(&object));
        self.objects.insert(ByName(object));
    }

    fn take(&mut self, name: &str) -> Option<Arc<T>> {
        let ByName(object) = self.objects.take(name)?;
        if let Some(controller) = object.controller()
            && let Some(controlled) = self.controlled.get_mut(controller)
        {
            controlled.retain(|other| !Arc::ptr_eq(other, &object));
            if controlled.is_empty() {
                self.controlled.remove(controller);
            }
        }
        Some(object)
    }
}

impl<T> Clone for Objects<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Default for Namespace<T> {
    fn default() -> Self {
        Self { objects: HashSet::new(), controlled: HashMap::new(), last: None }
    }
}

impl<T: Object> Borrow<str> for ByName<T> {
    fn borrow(&self) -> &str {
        self.0.name()
    }
}

impl<T: Object> PartialEq for ByName<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl<T: Object> Eq for ByName<T> {}

impl<T: Object> Hash for ByName<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// An object that is shared where its value is the same.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Thing {
        namespace: String,
        name: String,
        controller: Option<String>,
        value: Arc<u8>,
    }

    impl Object for Thing {
        fn namespace(&self) -> &str {
            &self.namespace
        }

        fn name(&self) -> &str {
            &self.name
        }

        fn controller(&self) -> Option<&str> {
            self.controller.as_deref()
        }

        fn is_found_like(&self, other: &Self) -> bool {
            self.controller == other.controller
        }

        fn share(&mut self, other: &Self) {
            if self.value == other.value {
                self.value = Arc::clone(&other.value);
            }
        }
    }

    fn thing() -> impl Strategy<Value = Thing> {
        ("[ab]", "[a-e]", prop::option::of("[xyz]"), 0u8..3).prop_map(
            |(namespace, name, controller, value)| Thing {
                namespace,
                name,
                controller,
                value: Arc::new(value),
            },
        )
    }

    fn event() -> impl Strategy<Value = watcher::Event<Thing>> {
        use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
        prop_oneof![
            6 => thing().prop_map(Apply),
            3 => thing().prop_map(Delete),
            1 => Just(Init),
            4 => thing().prop_map(InitApply),
            1 => Just(InitDone),
        ]
    }

    type Model = BTreeMap<(String, String), Thing>;

    /// What the watch of kube makes of an event.
    fn follow(model: &mut Model, listed: &mut Model, event: &watcher::Event<Thing>) {
        let key = |thing: &Thing| (thing.namespace.clone(), thing.name.clone());
        match event {
            watcher::Event::Apply(thing) => drop(model.insert(key(thing), thing.clone())),
            watcher::Event::Delete(thing) => drop(model.remove(&key(thing))),
            watcher::Event::Init => listed.clear(),
            watcher::Event::InitApply(thing) => drop(listed.insert(key(thing), thing.clone())),
            watcher::Event::InitDone => *model = std::mem::take(listed),
        }
    }

    fn sorted(things: Vec<Arc<Thing>>) -> Vec<Thing> {
        let mut things: Vec<_> = things.into_iter().map(|thing| Thing::clone(&thing)).collect();
        things.sort();
        things
    }

    proptest! {
        #[test]
        fn whatever_the_watch_tells_each_look_up_finds_what_a_search_through_all_would(
            events in prop::collection::vec(event(), 0..60),
        ) {
            let (objects, mut writer) = Objects::empty();
            let (mut model, mut listed) = (Model::new(), Model::new());
            for event in events {
                follow(&mut model, &mut listed, &event);
                writer.take(event);
                let scan = |wanted: &dyn Fn(&Thing) -> bool| model.values().filter(|thing| wanted(thing)).cloned().collect::<Vec<_>>();
                prop_assert_eq!(sorted(objects.all()), scan(&|_| true));
                for namespace in ["a", "b", "c"] {
                    let here = |thing: &Thing| thing.namespace == namespace;
                    prop_assert_eq!(sorted(objects.in_namespace(namespace)), scan(&here));
                    for uid in ["x", "y", "z"] {
                        let controlled = |thing: &Thing| here(thing) && thing.controller.as_deref() == Some(uid);
                        prop_assert_eq!(sorted(objects.controlled_by(namespace, uid)), scan(&controlled));
                    }
                    for name in ["a", "b", "c", "d", "e"] {
                        let found = objects.get(namespace, name).map(|thing| Thing::clone(&thing));
                        let key = (namespace.to_owned(), name.to_owned());
                        prop_assert_eq!(found.as_ref(), model.get(&key));
                    }
                }
            }
        }
    }

    fn named(name: &str, controller: &str) -> Thing {
        let (namespace, controller) = ("a".to_owned(), Some(controller.to_owned()));
        Thing { namespace, name: name.to_owned(), controller, value: Arc::new(1) }
    }

    #[test]
    fn a_change_concerns_targets_unless_they_are_found_as_before() {
        let (_, mut writer) = Objects::empty();
        let mut concerns = |event| writer.take(event).map(|changed| changed.concerns_targets);
        assert_eq!(concerns(watcher::Event::Apply(named("one", "x"))), Some(true), "it is new");
        assert_eq!(concerns(watcher::Event::Apply(named("one", "x"))), Some(false));
        assert_eq!(concerns(watcher::Event::Apply(named("one", "y"))), Some(true));
        assert_eq!(concerns(watcher::Event::Delete(named("one", "y"))), Some(true));
        assert_eq!(concerns(watcher::Event::InitApply(named("one", "x"))), None, "the list is not complete");
    }

    #[test]
    fn objects_that_are_alike_share_what_they_have_in_common() {
        let (objects, mut writer) = Objects::empty();
        writer.take(watcher::Event::Apply(named("one", "x")));
        writer.take(watcher::Event::Apply(named("two", "x")));
        let [one, two] = ["one", "two"].map(|name| objects.get("a", name).unwrap());
        assert!(Arc::ptr_eq(&one.value, &two.value));
    }
}
