//! Where a lab's name, files, lock and cgroup are.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Environment variable that chooses the folder under which labs keep their state.
const STATE_VARIABLE: &str = "FLOW_LAB_STATE";
const STATE_DEFAULT: &str = "/var/lib/flow-lab";
/// Locks live on a tmpfs of the machine, whatever the state folder: a name is unique per machine.
const LOCKS: &str = "/run/flow-lab";

/// A lab's name: 1 to 32 of `a`–`z`, `0`–`9` and `-`, since it becomes part of paths and cgroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// A name that no lab can have.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no name for a lab: 1 to 32 of a-z, 0-9 and '-' are allowed")]
pub struct InvalidName(String);

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=32).contains(&text.len()) && text.chars().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidName(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Default for Name {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// A lab's name and the folder that holds all its files.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    name: Name,
    state: PathBuf,
}

impl Place {
    pub(crate) fn new(name: Name, state: PathBuf) -> Self {
        Self { name, state }
    }

    /// The place of the lab `name`: where a living or dead one left its state, else where a new one would.
    pub(crate) fn find(name: &Name) -> Self {
        let recorded = fs_err::read_to_string(lock_path(name)).ok().filter(|text| is_state_of(name, text));
        let state = recorded.map_or_else(|| state_root().join(name.to_string()), PathBuf::from);
        Self::new(name.clone(), state)
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn lock(&self) -> PathBuf {
        lock_path(&self.name)
    }

    /// Name of the cgroup below the root of each hierarchy.
    pub(crate) fn cgroup(&self) -> String {
        format!("flow-lab-{}", self.name)
    }

    /// Links to the programs of the cluster.
    pub(crate) fn bin(&self) -> PathBuf {
        self.state.join("bin")
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin().join(name)
    }

    pub(crate) fn config(&self, file: &str) -> PathBuf {
        self.state.join("config").join(file)
    }

    pub(crate) fn pki(&self, file: &str) -> PathBuf {
        self.state.join("pki").join(file)
    }

    pub(crate) fn data(&self, component: &str) -> PathBuf {
        self.state.join("data").join(component)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.state.join("log")
    }

    pub(crate) fn log(&self, component: &str) -> PathBuf {
        self.logs().join(format!("{component}.log"))
    }

    /// What the API server was asked by flow-manager's accounts: a JSON object in each line.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.log("audit")
    }

    /// The administrator's kubeconfig inside the lab.
    pub(crate) fn inside_kubeconfig(&self) -> PathBuf {
        self.config("inside.kubeconfig")
    }

    /// The administrator's kubeconfig for the machine's own network namespace.
    pub(crate) fn outside_kubeconfig(&self) -> PathBuf {
        self.config("outside.kubeconfig")
    }

    pub(crate) fn init_pid(&self) -> PathBuf {
        self.state.join("init.pid")
    }

    pub(crate) fn supervisor_pid(&self) -> PathBuf {
        self.state.join("supervisor.pid")
    }

    /// What the supervisor has to say when it fails: beside the lock, since it makes the state folder anew.
    pub(crate) fn supervisor_log(&self) -> PathBuf {
        self.lock().with_extension("log")
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.state.join("control.sock")
    }

    /// `PATH` with the cluster's programs first.
    pub(crate) fn search_path(&self) -> String {
        let rest = env::var("PATH").unwrap_or_else(|_| "/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
        format!("{}:{rest}", self.bin().display())
    }
}

fn state_root() -> PathBuf {
    env::var_os(STATE_VARIABLE).map_or_else(|| PathBuf::from(STATE_DEFAULT), PathBuf::from)
}

fn lock_path(name: &Name) -> PathBuf {
    Path::new(LOCKS).join(format!("{name}.lock"))
}

/// What a lock file says is used only if it can be true: that folder will be deleted.
fn is_state_of(name: &Name, text: &str) -> bool {
    let path = Path::new(text);
    path.is_absolute() && path.ends_with(name.to_string()) && path.parent() != Some(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for bad in ["", ".", "..", "a/b", "A", "a b", "a_b", &"x".repeat(33)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
        assert_eq!("demo-2".parse::<Name>().unwrap().to_string(), "demo-2");
    }

    #[test]
    fn a_recorded_state_folder_must_be_one_of_that_lab() {
        let name = Name::default();
        assert!(is_state_of(&name, "/var/lib/flow-lab/default"));
        for garbage in ["", "/", "default", "/default", "/etc", "\0\u{1}"] {
            assert!(!is_state_of(&name, garbage), "{garbage:?}");
        }
    }
}
