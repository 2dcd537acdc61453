use crate::node::Control;
use crate::{Component, Lab, LabError};
use std::io;

/// A component of the lab that this process is in, which is away, and comes back with the end of this.
pub struct Away {
    control: Control,
    component: Option<Component>,
}

impl Away {
    /// Kills a component.
    pub fn send(component: Component) -> Result<Self, LabError> {
        let control = Lab::current()?.control();
        control.stop(component).map_err(io::Error::other)?;
        Ok(Self { control, component: Some(component) })
    }

    /// Starts it again, and waits until it serves.
    pub fn bring_back(&mut self) -> Result<(), LabError> {
        let Some(component) = self.component.take() else { return Ok(()) };
        Ok(self.control.start(component).map_err(io::Error::other)?)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        // Whoever misses it afterwards says so.
        let _ = self.bring_back();
    }
}
