//! The lab's node: sets up what is inside, starts the components, and restarts them for tests.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use fs_err::File;

use crate::component::Component;
use crate::mounts::MountError;
use crate::network::NetworkError;
use crate::place::{Name, Place};
use crate::status::Status;
use crate::{CommandError, Image, ImageError, containers, logfile, mounts, network, ready};

/// How long a component may take until it serves.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why the lab's node does not work.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The mounts could not be set up.
    #[error(transparent)]
    Mounts(#[from] MountError),
    /// The network could not be set up.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A program of the cluster could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The image of the sandbox could not be imported.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A file, socket or process could not be handled.
    #[error("the lab's node: {0}")]
    Io(#[from] io::Error),
    /// A component does not serve.
    #[error("{component} does not serve; the end of its log:\n{tail}")]
    NotReady {
        /// Which.
        component: Component,
        /// What it wrote last.
        tail: String,
    },
    /// A component is not in the state that was expected.
    #[error("{0}")]
    Control(String),
}

/// Runs the node of the lab `name` in new namespaces, until it is killed.
pub fn run(name: &Name) -> Result<(), NodeError> {
    let place = Place::find(name);
    let mut node = Node { place, running: HashMap::new() };
    match node.start() {
        Ok(()) => node.serve(),
        Err(error) => {
            Status::Failed(error.to_string()).write(&node.place)?;
            Err(error)
        }
    }
}

struct Node {
    place: Place,
    running: HashMap<Component, Child>,
}

impl Node {
    fn start(&mut self) -> Result<(), NodeError> {
        mounts::set_up(&self.place)?;
        network::set_up()?;
        for component in Component::value_variants() {
            self.start_component(*component)?;
            self.follow_up(*component)?;
        }
        Ok(Status::Up.write(&self.place)?)
    }

    /// What must be there before the next component starts.
    fn follow_up(&self, component: Component) -> Result<(), NodeError> {
        match component {
            Component::KubeApiserver => {
                let binding = self.place.config("readers.json");
                ready::kubectl(&self.place, &["apply", "-f", &binding.to_string_lossy()])?;
            }
            Component::Containerd => Image::factory(containers::SANDBOX_IMAGE)?.import_at(&self.place)?,
            _ => {}
        }
        Ok(())
    }

    fn start_component(&mut self, component: Component) -> Result<(), NodeError> {
        Status::Starting(component.name().to_owned()).write(&self.place)?;
        let log =
            File::options().create(true).append(true).open(self.place.log(component.name()))?.into_parts().0;
        let mut command = Command::new(self.place.program(component.name()));
        command.args(component.arguments(&self.place)).env("PATH", self.place.search_path());
        // Temporary files of the cluster belong to the lab.
        command.env("TMPDIR", self.place.state().join("tmp"));
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.running.insert(component, child);
        self.wait_for(component)
    }

    fn wait_for(&mut self, component: Component) -> Result<(), NodeError> {
        let (ready, end) = (component.ready(), Instant::now() + PATIENCE);
        let died = |child: &mut Child| child.try_wait().is_ok_and(|status| status.is_some());
        while !ready.holds(&self.place) {
            if Instant::now() > end || self.running.get_mut(&component).is_none_or(died) {
                return Err(NodeError::NotReady {
                    component,
                    tail: logfile::tail(&self.place.log(component.name())),
                });
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn stop_component(&mut self, component: Component) -> Result<(), NodeError> {
        let missing = || NodeError::Control(format!("{component} is not running"));
        let mut child = self.running.remove(&component).ok_or_else(missing)?;
        // An API server whose etcd is gone ignores SIGTERM; a test wants it gone, not asked to go.
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Does what tests ask for, one at a time.
    fn serve(&mut self) -> Result<(), NodeError> {
        let listener = UnixListener::bind(self.place.control())?;
        for stream in listener.incoming() {
            // A test that went away before its answer is no reason to end.
            let _ = self.answer(stream?);
        }
        Ok(())
    }

    fn answer(&mut self, mut stream: UnixStream) -> io::Result<()> {
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        let done = self.obey(line.trim());
        writeln!(stream, "{}", done.map_or_else(|error| error.to_string(), |()| "ok".to_owned()))
    }

    fn obey(&mut self, line: &str) -> Result<(), NodeError> {
        let unknown = || NodeError::Control(format!("{line:?} cannot be done"));
        let (what, name) = line.split_once(' ').ok_or_else(unknown)?;
        let component = Component::from_str(name, false).map_err(|_| unknown())?;
        match what {
            "start" => self.start_component(component).and_then(|()| Ok(Status::Up.write(&self.place)?)),
            "stop" => self.stop_component(component),
            _ => Err(unknown()),
        }
    }
}

/// Stops and starts components of the lab that this process is inside.
#[derive(Debug)]
pub struct Control {
    place: Place,
}

impl Control {
    pub(crate) fn new(place: Place) -> Self {
        Self { place }
    }

    /// Kills a component.
    pub fn stop(&self, component: Component) -> Result<(), NodeError> {
        self.ask("stop", component)
    }

    /// Starts a component that was stopped, and waits until it serves.
    pub fn start(&self, component: Component) -> Result<(), NodeError> {
        self.ask("start", component)
    }

    fn ask(&self, what: &str, component: Component) -> Result<(), NodeError> {
        let mut stream = UnixStream::connect(self.place.control())?;
        writeln!(stream, "{what} {component}")?;
        let answer = io::read_to_string(stream)?;
        match answer.trim() {
            "ok" => Ok(()),
            problem => Err(NodeError::Control(problem.to_owned())),
        }
    }
}
