use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fs_err::File;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use crate::build::{self, BuildError, Building};
use crate::cgroup::{self, CgroupError};
use crate::enter::{Inside, enter};
use crate::host::{self, HostError};
use crate::lock::Lock;
use crate::mounts::MARKER;
use crate::node::Control;
use crate::pki::{self, PkiError};
use crate::place::{Name, Place};
use crate::status::Status;
use crate::tool::{Need, TOOLS, cache};
use crate::{Image, ImageError, logfile, supervisor};

/// How long a lab may take to come up once its programs are built. Each component has a time limit of its own.
const START_PATIENCE: Duration = Duration::from_mins(5);
/// How long a supervisor may take to end.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// A lab.
#[derive(Clone, Debug)]
pub struct Lab {
    place: Place,
}

/// What happens while a lab comes up.
pub enum News<'a> {
    /// The machine is made ready.
    Host(&'a str),
    /// A program of the cluster is being built.
    Building(Building<'a>),
    /// A component is being started.
    Starting(&'a str),
}

/// Why a lab did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The machine lacks something.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A program of the cluster could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The rest of a lab could not be removed.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// An image could not be imported.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A file or process could not be handled.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The lab did not come up.
    #[error("the lab {name} did not come up: {why}")]
    NotUp {
        /// Which.
        name: Name,
        /// Why.
        why: String,
    },
    /// A certificate could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The lab does not run.
    #[error("the lab {0} is not up; `lab up --name {0}` starts it")]
    Down(Name),
    /// This process is not inside a lab.
    #[error("this runs only inside a lab; see `lab exec`")]
    Outside,
    /// The supervisor did not end.
    #[error("the supervisor of the lab {0} did not end")]
    Stuck(Name),
}

/// What the marker inside a lab says.
#[derive(Deserialize)]
struct Marker {
    name: String,
    state: PathBuf,
}

impl Lab {
    /// The lab of that name, whether it runs or not.
    #[must_use]
    pub fn named(name: &Name) -> Self {
        Self { place: Place::find(name) }
    }

    /// The lab that this process is inside.
    pub fn current() -> Result<Self, LabError> {
        let text = fs_err::read_to_string(MARKER).map_err(|_| LabError::Outside)?;
        let marker: Marker = serde_json::from_str(&text).map_err(|_| LabError::Outside)?;
        let name = marker.name.parse().map_err(|_| LabError::Outside)?;
        Ok(Self { place: Place::new(name, marker.state) })
    }

    /// Builds the programs that a lab has, up to those that only `who` needs, unless they are there.
    pub fn build(who: Need, news: &mut dyn FnMut(News<'_>)) -> Result<(), LabError> {
        host::prepare(&mut |line| news(News::Host(line)))?;
        TOOLS
            .iter()
            .filter(|tool| tool.needed_by <= who)
            .try_for_each(|tool| build::ensure(tool, &cache(), &mut |step| news(News::Building(step))))?;
        Ok(())
    }

    /// Brings the lab up; `program` is the `lab` binary. Returns false if it was up already.
    pub fn up(&self, program: &Path, news: &mut dyn FnMut(News<'_>)) -> Result<bool, LabError> {
        if self.is_running()? {
            self.wait_until_up(None, news)?;
            return Ok(false);
        }
        Self::build(Need::Lab, news)?;
        self.clean()?;
        let arguments = ["supervise", "--name", &self.place.name().to_string()];
        let mut supervisor = Command::new(program);
        // It outlives us, and must not hold on to whatever reads our output.
        let log = File::create(self.place.supervisor_log())?.into_parts().0;
        supervisor.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.wait_until_up(Some(supervisor.spawn()?), news).map(|()| true)
    }

    /// Removes what a dead lab has left: what its status says is not ours.
    fn clean(&self) -> Result<(), LabError> {
        let lock = Lock::take(&self.place, STOP_PATIENCE)?
            .ok_or_else(|| LabError::Stuck(self.place.name().clone()))?;
        supervisor::clean(&self.place)?;
        drop(lock);
        Ok(())
    }

    fn wait_until_up(
        &self,
        mut supervisor: Option<Child>,
        news: &mut dyn FnMut(News<'_>),
    ) -> Result<(), LabError> {
        let not_up = |why: String| LabError::NotUp { name: self.place.name().clone(), why };
        let (end, mut last) = (Instant::now() + START_PATIENCE, None);
        loop {
            let ended = supervisor.as_mut().map(Child::try_wait).transpose()?.flatten();
            match Status::read(&self.place) {
                Some(Status::Up) if ended.is_none() => return Ok(()),
                Some(Status::Failed(why)) => return Err(not_up(why)),
                Some(Status::Starting(component)) if last.as_ref() != Some(&component) => {
                    news(News::Starting(&component));
                    last = Some(component);
                }
                _ => {}
            }
            if let Some(status) = ended {
                let tail = logfile::tail(&self.place.supervisor_log());
                return Err(not_up(format!("its supervisor ended with {status}: {tail}")));
            }
            if Instant::now() > end {
                return Err(not_up(format!("{last:?} takes too long")));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes the lab down, whatever state it is in. Returns false if there was nothing to take down.
    pub fn down(&self) -> Result<bool, LabError> {
        let was_running = self.is_running()?;
        if was_running {
            self.end_supervisor()?;
        }
        let lock = Lock::take(&self.place, STOP_PATIENCE)?
            .ok_or_else(|| LabError::Stuck(self.place.name().clone()))?;
        let left_something = was_running || self.place.state().exists();
        supervisor::clean(&self.place)?;
        remove_if_there(&self.place.supervisor_log())?;
        lock.remove()?;
        Ok(left_something)
    }

    /// Asks the supervisor to end; without a trace of it, ends all that is in the lab's cgroup, and it with them.
    fn end_supervisor(&self) -> Result<(), LabError> {
        let pid =
            std::fs::read_to_string(self.place.supervisor_pid()).ok().and_then(|text| text.parse().ok());
        if let Some(pid) = pid.filter(|pid| *pid > 1) {
            // One that has just ended is as good.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            if Lock::take(&self.place, STOP_PATIENCE)?.is_some() {
                return Ok(());
            }
        }
        Ok(cgroup::kill_all(&self.place.cgroup())?)
    }

    /// Whether the lab has a supervisor.
    pub fn is_running(&self) -> Result<bool, LabError> {
        Ok(Lock::is_held(&self.place)?)
    }

    /// Whether everything in the lab serves, or what it is doing.
    pub fn status(&self) -> Result<String, LabError> {
        if !self.is_running()? {
            return Ok("down".to_owned());
        }
        Ok(match Status::read(&self.place) {
            Some(Status::Up) => "up".to_owned(),
            Some(Status::Starting(component)) => format!("starting {component}"),
            Some(Status::Failed(why)) => format!("failed: {why}"),
            None => "starting".to_owned(),
        })
    }

    /// Becomes a program inside the lab. Returns only if that failed.
    pub fn exec(&self, inside: Inside, program: &[String]) -> Result<std::convert::Infallible, LabError> {
        if !self.is_running()? {
            return Err(LabError::Down(self.place.name().clone()));
        }
        Err(enter(&self.place, inside, program).into())
    }

    /// Lines for the user's shell: how to reach the cluster with kubectl.
    #[must_use]
    pub fn environment(&self) -> String {
        let (config, path) = (self.place.outside_kubeconfig(), self.place.bin());
        format!("export KUBECONFIG={}\nexport PATH={}:$PATH\n", config.display(), path.display())
    }

    /// Imports an image into the container runtime. Only from inside the lab.
    pub fn import_image(&self, image: &Image) -> Result<(), LabError> {
        Ok(image.import_at(&self.place)?)
    }

    /// The API server's audit log: each request of flow-manager's accounts as a JSON object in a line of its own.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.place.audit_log()
    }

    /// Gives the API server another certificate of the same authority, which it shows once it is started again.
    pub fn renew_api_server_certificate(&self) -> Result<(), LabError> {
        Ok(pki::renew_apiserver(&self.place)?)
    }

    /// The means to stop and start components. Only from inside the lab.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(self.place.clone())
    }
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs_err::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl fmt::Display for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.name().fmt(f)
    }
}
